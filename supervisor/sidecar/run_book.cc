#include "supervisor/sidecar/run_book.h"

#include <algorithm>

namespace tend::supervisor {

void RunBook::Update(const std::string& app, const WorkerStatus& worker) {
  const std::lock_guard lock(mutex_);
  Slot& slot = slots_[{app, worker.slot}];
  const bool runs_now = worker.pid != 0 && worker.started != Wall{};
  if (worker.last_exit && worker.last_exit->time > slot.last_end) {
    slot.last_end = worker.last_exit->time;
    const auto of = std::find_if(slot.runs.rbegin(), slot.runs.rend(), [&](const WorkerRun& run) {
      const bool goes_on = runs_now && run.incarnation == worker.incarnation;
      return !goes_on && !run.ended && run.started <= slot.last_end;
    });
    if (of != slot.runs.rend()) of->ended = slot.last_end;
    Learn(
        {slot.last_end, app, worker.slot, Describe(*worker.last_exit), slot.last_end + kLastWords});
  }
  const bool is_known = std::any_of(slot.runs.begin(), slot.runs.end(), [&](const WorkerRun& run) {
    return run.incarnation == worker.incarnation;
  });
  if (!runs_now || is_known) return;
  slot.runs.push_back({worker.incarnation, worker.started, std::nullopt});
  if (slot.runs.size() > kRunsKept) slot.runs.pop_front();
  LearnStart({worker.started, app, worker.slot, "started, pid " + std::to_string(worker.pid),
              worker.started});
}

void RunBook::LearnStart(RunEvent event) {
  const auto before = std::find_if(events_.rbegin(), events_.rend(), [&](const RunEvent& other) {
    return other.app == event.app && other.slot == event.slot;
  });
  // In a reload it begins before the other has ended.
  if (before != events_.rend() && before->time <= event.time) {
    before->place = std::min(before->place, event.place);
  }
  Learn(std::move(event));
}

void RunBook::Learn(RunEvent event) {
  events_.push_back(std::move(event));
  if (events_.size() <= kRunEventsKept) return;
  events_.pop_front();
  ++first_;
}

void RunBook::Forget(const std::string& app) {
  const std::lock_guard lock(mutex_);
  std::erase_if(slots_, [&](const auto& entry) { return entry.first.first == app; });
}

std::vector<WorkerRun> RunBook::RunsOf(const std::string& app, int slot) const {
  const std::lock_guard lock(mutex_);
  const auto of = slots_.find({app, slot});
  if (of == slots_.end()) return {};
  return {of->second.runs.begin(), of->second.runs.end()};
}

std::vector<int> RunBook::SlotsOf(const std::string& app) const {
  const std::lock_guard lock(mutex_);
  std::vector<int> slots;
  for (const auto& entry : slots_)
    if (entry.first.first == app) slots.push_back(entry.first.second);
  return slots;
}

std::vector<RunEvent> RunBook::EventsFrom(std::uint64_t& from) const {
  const std::lock_guard lock(mutex_);
  const std::uint64_t end = first_ + events_.size();
  std::vector<RunEvent> events;
  for (std::uint64_t at = std::max(from, first_); at < end; ++at)
    events.push_back(events_[static_cast<std::size_t>(at - first_)]);
  from = end;
  return events;
}

}  // namespace tend::supervisor
