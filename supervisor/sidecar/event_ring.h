// The last facts, for /api/v1/events. Bounded; a reader that comes too late is told how many it
// missed. Facts are added by the loop and read by the HTTP thread: the one place where they share
// something, hence the lock.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <mutex>
#include <string>
#include <vector>

#include "base/fact.h"

namespace tend::supervisor {

inline constexpr std::size_t kEventsKept = 1000;

class EventRing {
 public:
  void Add(const Fact& fact);

  struct Batch {
    std::vector<std::string> events;  // JSON objects, oldest first
    std::uint64_t next = 0;           // ask from here next time
    std::uint64_t missed = 0;         // that were dropped before they were asked for
  };
  // From the `from`-th fact on, at most `count_max`; the first that was ever added has number 0.
  Batch Read(std::uint64_t from, std::size_t count_max) const;

 private:
  mutable std::mutex mutex_;
  std::deque<std::string> events_;
  std::uint64_t first_ = 0;  // number of events_.front()
};

}  // namespace tend::supervisor
