#include "supervisor/sidecar/helper_thread.h"

#include <pthread.h>

#include <thread>
#include <utility>

namespace tend::supervisor {
namespace {

constexpr auto kLeaveAfter = std::chrono::seconds(1);

}  // namespace

HelperThread::~HelperThread() {
  std::unique_lock lock(state_->mutex);
  state_->stopping = true;
  state_->jobs.clear();
  state_->changed.notify_all();
  if (!state_->started) return;
  state_->changed.wait_for(lock, kLeaveAfter, [this] { return state_->ended; });
}

bool HelperThread::Post(std::function<void()> job) {
  const std::lock_guard lock(state_->mutex);
  if (state_->jobs.size() >= kJobsMax) return false;
  state_->jobs.push_back(std::move(job));
  state_->changed.notify_all();
  if (!std::exchange(state_->started, true)) {
    std::thread([state = state_] { Run(state); }).detach();
  }
  return true;
}

void HelperThread::Run(const std::shared_ptr<State>& state) {
  ::pthread_setname_np(::pthread_self(), state->name.c_str());
  std::unique_lock lock(state->mutex);
  for (;;) {
    state->changed.wait(lock, [&] { return state->stopping || !state->jobs.empty(); });
    if (state->stopping) break;
    const std::function<void()> job = std::move(state->jobs.front());
    state->jobs.pop_front();
    lock.unlock();
    job();
    lock.lock();
  }
  state->ended = true;
  state->changed.notify_all();
}

}  // namespace tend::supervisor
