// Runs of workers: when each process of a slot began and ended, as core told. Of the current run
// and the end of the one before it core tells again to a sidecar that was started anew; what was
// before that is not known. Bounded.
//
// Thread: written by the loop, read by the threads that read logs, hence the lock.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/status.h"
#include "base/time.h"

namespace tend::supervisor {

inline constexpr std::size_t kRunsKept = 200;        // of a worker
inline constexpr std::size_t kRunEventsKept = 4000;  // of all

struct WorkerRun {
  std::uint64_t incarnation = 0;
  Wall started{};
  std::optional<Wall> ended;
};

// A start or an end, to be shown between the lines.
struct RunEvent {
  Wall time{};
  std::string app;
  int slot = 0;
  std::string text;
  // Among the lines: an end stands behind last words, which are stamped a little later.
  Wall place{};
};
// Until then, or until the next start, lines are last words.
inline constexpr auto kLastWords = std::chrono::milliseconds(250);

class RunBook {
 public:
  void Update(const std::string& app, const WorkerStatus& worker);
  void Forget(const std::string& app);

  // Oldest first.
  std::vector<WorkerRun> RunsOf(const std::string& app, int slot) const;
  std::vector<int> SlotsOf(const std::string& app) const;
  // What was learned from the `from`-th event on, in that order; `from` is where to go on then.
  std::vector<RunEvent> EventsFrom(std::uint64_t& from) const;

 private:
  struct Slot {
    std::deque<WorkerRun> runs;
    Wall last_end{};
  };
  void Learn(RunEvent event);
  void LearnStart(RunEvent event);

  mutable std::mutex mutex_;
  std::map<std::pair<std::string, int>, Slot> slots_;
  std::deque<RunEvent> events_;
  std::uint64_t first_ = 0;  // number of events_.front()
};

}  // namespace tend::supervisor
