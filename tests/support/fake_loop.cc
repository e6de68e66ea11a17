#include "support/fake_loop.h"

#include <algorithm>

namespace tend {
namespace {

class OnDestroy final : public Loop::Handle {
 public:
  explicit OnDestroy(std::function<void()> fn) : fn_(std::move(fn)) {}
  ~OnDestroy() override { fn_(); }

 private:
  std::function<void()> fn_;
};

}  // namespace

Loop::Watch FakeLoop::After(std::chrono::nanoseconds delay, std::function<void()> fn) {
  auto callback = std::make_shared<std::function<void()>>(std::move(fn));
  timers_.emplace(now_ + delay, callback);
  return std::make_unique<OnDestroy>([this, callback] {
    std::erase_if(timers_, [&](const auto& timer) { return timer.second == callback; });
  });
}

Loop::Watch FakeLoop::AddWatch(Callbacks& callbacks, int fd, std::function<void()> fn) {
  TEND_CHECK(!callbacks.contains(fd));
  callbacks[fd] = std::make_shared<std::function<void()>>(std::move(fn));
  return std::make_unique<OnDestroy>([&callbacks, fd] { callbacks.erase(fd); });
}

Loop::Watch FakeLoop::OnReadable(int fd, std::function<void()> fn) {
  return AddWatch(readable_, fd, std::move(fn));
}

Loop::Watch FakeLoop::OnWritable(int fd, std::function<void()> fn) {
  return AddWatch(writable_, fd, std::move(fn));
}

Loop::Watch FakeLoop::OnSignal(int number, std::function<void(int)> fn) {
  signals_[number] = std::make_shared<std::function<void(int)>>(std::move(fn));
  return std::make_unique<OnDestroy>([this, number] { signals_.erase(number); });
}

void FakeLoop::Advance(std::chrono::nanoseconds duration) {
  const Mono end = now_ + duration;
  RunPosted();
  while (!timers_.empty() && timers_.begin()->first <= end) {
    const auto first = timers_.begin();
    const auto step = std::max(first->first - now_, Mono::duration::zero());
    now_ += step;
    wall_ += step;
    const auto callback = first->second;
    timers_.erase(first);
    (*callback)();
    RunPosted();
  }
  wall_ += end - now_;
  now_ = end;
}

void FakeLoop::Post(std::function<void()> fn) {
  const std::lock_guard lock(posted_mutex_);
  posted_.push_back(std::move(fn));
}

void FakeLoop::RunPosted() {
  for (;;) {
    std::unique_lock lock(posted_mutex_);
    if (posted_.empty()) return;
    const auto fn = std::move(posted_.front());
    posted_.pop_front();
    lock.unlock();
    fn();
  }
}

bool FakeLoop::Fire(Callbacks& callbacks, int fd) {
  const auto it = callbacks.find(fd);
  if (it == callbacks.end()) return false;
  const auto callback = it->second;  // Outlives its own watch.
  (*callback)();
  return true;
}

bool FakeLoop::Raise(int number) {
  const auto it = signals_.find(number);
  if (it == signals_.end()) return false;
  const auto callback = it->second;
  (*callback)(number);
  return true;
}

}  // namespace tend
