// Processes that come and go → workers of an app. A process keeps its slot for as long as it lives;
// a new one takes the lowest slot that is free, and is another incarnation of that worker. Pure.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <vector>

#include "base/status.h"
#include "base/time.h"
#include "supervisor/sidecar/process_finder.h"

namespace tend::supervisor {

class AttachedWorkers {
 public:
  // A slot but the first that has been free for so long is none any more.
  static constexpr std::chrono::nanoseconds kFreeMax = std::chrono::minutes(5);

  struct Changes {
    std::vector<int> started, ended, dropped;  // slots; one that was started anew is in both
    bool any() const { return !started.empty() || !ended.empty() || !dropped.empty(); }
  };

  // `found`: all that run now. `started_at` tells when a process began.
  Changes Update(const std::vector<FoundProcess>& found,
                 Wall now,
                 const std::function<Wall(const FoundProcess&)>& started_at);

  // By slot. One that has no process is stopped: nobody saw how it ended.
  const std::vector<WorkerStatus>& workers() const { return workers_; }
  const WorkerStatus* Find(int slot) const;

 private:
  void End(WorkerStatus& worker, Wall now) const;
  WorkerStatus& Free();

  std::vector<WorkerStatus> workers_;
  std::vector<FoundProcess> processes_;  // as workers_; pid 0: none
  std::uint64_t incarnations_ = 0;
};

}  // namespace tend::supervisor
