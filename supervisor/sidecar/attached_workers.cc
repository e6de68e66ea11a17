#include "supervisor/sidecar/attached_workers.h"

#include <algorithm>

namespace tend::supervisor {

const WorkerStatus* AttachedWorkers::Find(int slot) const {
  const auto found = std::find_if(workers_.begin(), workers_.end(),
                                  [slot](const auto& worker) { return worker.slot == slot; });
  return found == workers_.end() ? nullptr : &*found;
}

AttachedWorkers::Changes AttachedWorkers::Update(
    const std::vector<FoundProcess>& found,
    Wall now,
    const std::function<Wall(const FoundProcess&)>& started_at) {
  Changes changes;
  for (std::size_t i = 0; i < workers_.size(); ++i) {
    const bool is_gone =
        workers_[i].pid != 0 && std::find(found.begin(), found.end(), processes_[i]) == found.end();
    if (!is_gone) continue;
    End(workers_[i], now);
    processes_[i] = {};
    changes.ended.push_back(workers_[i].slot);
  }
  for (const FoundProcess& process : found) {
    if (std::find(processes_.begin(), processes_.end(), process) != processes_.end()) continue;
    WorkerStatus& worker = Free();
    processes_[static_cast<std::size_t>(&worker - workers_.data())] = process;
    worker.pid = process.pid;
    worker.incarnation = ++incarnations_;
    worker.state = WorkerState::kOnline;
    worker.started = started_at(process);
    if (worker.starts++ > 0) {
      ++worker.restarts_by_reason[static_cast<std::size_t>(RestartReason::kExit)];
    }
    changes.started.push_back(worker.slot);
  }
  for (std::size_t i = workers_.size(); i > 1; --i) {
    const WorkerStatus& worker = workers_[i - 1];
    if (worker.pid != 0 || now - worker.last_exit->time < kFreeMax) continue;
    changes.dropped.push_back(worker.slot);
    workers_.erase(workers_.begin() + static_cast<std::ptrdiff_t>(i - 1));
    processes_.erase(processes_.begin() + static_cast<std::ptrdiff_t>(i - 1));
  }
  return changes;
}

void AttachedWorkers::End(WorkerStatus& worker, Wall now) const {
  worker.pid = 0;
  worker.state = WorkerState::kStopped;
  worker.started = {};
  worker.last_exit = ExitStatus{.code = {}, .signal = {}, .known = false, .time = now};
}

// The lowest slot without a process; a new one if there is none.
WorkerStatus& AttachedWorkers::Free() {
  for (WorkerStatus& worker : workers_) {
    if (worker.pid == 0) return worker;
  }
  int slot = 0;
  auto place = workers_.begin();
  while (place != workers_.end() && place->slot == slot) {
    ++slot;
    ++place;
  }
  const auto index = place - workers_.begin();
  processes_.insert(processes_.begin() + index, FoundProcess{});
  place = workers_.insert(place, WorkerStatus{});
  place->slot = slot;
  place->id = slot;
  return *place;
}

}  // namespace tend::supervisor
