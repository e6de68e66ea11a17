// A Loop whose clock stands still until a test moves it, and whose descriptors are ready when a
// test says so. Nothing here waits.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <utility>

#include "base/loop.h"

namespace tend {

class FakeLoop final : public Loop {
 public:
  Mono Now() const override { return now_; }
  Wall WallNow() const override { return wall_; }
  void Post(std::function<void()> fn) override;
  Watch After(std::chrono::nanoseconds delay, std::function<void()> fn) override;
  Watch OnReadable(int fd, std::function<void()> fn) override;
  Watch OnWritable(int fd, std::function<void()> fn) override;
  Watch OnSignal(int number, std::function<void(int)> fn) override;
  void Run() override { RunPosted(); }
  void Stop() override { stopped_ = true; }

  // Moves both clocks, fires the timers that become due in the order of their deadlines, and runs
  // what they post.
  void Advance(std::chrono::nanoseconds duration);
  // Runs what was posted, and what that posts in turn.
  void RunPosted();
  // True if somebody watched for it.
  bool MakeReadable(int fd) { return Fire(readable_, fd); }
  bool MakeWritable(int fd) { return Fire(writable_, fd); }
  bool Raise(int number);

  void SetWall(Wall wall) { wall_ = wall; }
  bool stopped() const { return stopped_; }
  std::size_t timers() const { return timers_.size(); }
  bool IsWatched(int fd) const { return readable_.contains(fd) || writable_.contains(fd); }

 private:
  using Callbacks = std::map<int, std::shared_ptr<std::function<void()>>>;
  using Timers = std::multimap<Mono, std::shared_ptr<std::function<void()>>>;

  Watch AddWatch(Callbacks& callbacks, int fd, std::function<void()> fn);
  bool Fire(Callbacks& callbacks, int fd);

  Mono now_{std::chrono::hours(1)};
  Wall wall_{std::chrono::seconds(1'700'000'000)};
  std::mutex posted_mutex_;  // other threads may post
  std::deque<std::function<void()>> posted_;
  Timers timers_;
  Callbacks readable_, writable_;
  std::map<int, std::shared_ptr<std::function<void(int)>>> signals_;
  bool stopped_ = false;
};

}  // namespace tend
