// From the loop to the disk thread: a lane per app, in order, bounded by bytes. The one place in
// rotate/ with a lock; everything else belongs to one thread.
//
// A lane has room while it holds less than its own limit and all together hold less than theirs; a
// lane that is nearly empty always has room, so that an app that is held back (on_full: block)
// cannot starve the others.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "base/record.h"
#include "base/time.h"

namespace tend::rotate {

// A value that two threads see, one at a time.
template <typename T>
class Locked {
 public:
  template <typename Fn>
  auto With(Fn fn) {
    const std::lock_guard lock(mutex_);
    return fn(value_);
  }

 private:
  std::mutex mutex_;
  T value_{};
};

class DiskQueue {
 public:
  struct Limits {
    std::size_t bytes_max = 8 << 20;       // of all lanes
    std::size_t lane_bytes_max = 2 << 20;  // of one
  };
  explicit DiskQueue(Limits limits) : limits_(limits) {}

  // Exactly one of the two is set.
  struct Item {
    RecordBatchPtr batch;
    std::function<void()> command;  // runs on the disk thread
  };
  struct Work {
    std::string app;
    std::vector<Item> items;
    std::uint64_t lost_lines = 0;  // refused since the last time
    std::uint64_t lost_bytes = 0;
  };

  // Thread: loop. False also means: Release() will name this app once there is room again.
  bool HasRoom(const std::string& app);
  // Takes the batch, unless its lane holds four times what it may: then it is counted and lost.
  // Wake() is to be called some time after one or more of these.
  void Push(const std::string& app, RecordBatchPtr batch);
  void Wake() { wake_.notify_one(); }
  void Command(const std::string& app, std::function<void()> command);
  void Stop();
  // Waits until Finish() or `deadline`; true if finished.
  bool WaitFinished(Mono deadline);

  // Thread: disk. Waits for work or a stop until `deadline`; takes all there is.
  std::vector<Work> Take(Mono deadline);
  bool stopping();
  // So many bytes are done with. The apps that have been waiting for room and have it now.
  std::vector<std::string> Release(const std::string& app, std::size_t bytes);
  void Finish();

 private:
  struct Lane {
    std::vector<Item> items;
    std::size_t bytes = 0;  // pushed and not released
    bool listed = false;    // in ready_
    bool wanted = false;    // in waiting_
    std::uint64_t lost_lines = 0;
    std::uint64_t lost_bytes = 0;
  };
  bool Fits(const Lane& lane, std::size_t percent) const;
  Lane& List(const std::string& app);

  const Limits limits_;
  std::mutex mutex_;
  std::condition_variable wake_, finished_wake_;
  std::map<std::string, Lane> lanes_;
  std::vector<std::string> ready_;    // lanes with items
  std::vector<std::string> waiting_;  // lanes that were refused room
  std::size_t bytes_ = 0;
  bool stopping_ = false;
  bool finished_ = false;
};

}  // namespace tend::rotate
