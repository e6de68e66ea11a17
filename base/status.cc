#include "base/status.h"

#include <signal.h>
#include <string.h>  // NOLINT(modernize-deprecated-headers): sigabbrev_np is not in <cstring>

#include <algorithm>
#include <numeric>

#include "base/number.h"

namespace tend {
namespace {

constexpr auto kStateNames = std::to_array<std::string_view>({
#define WORKER_STATE(id, name) name,
#include "base/states.def"
});
static_assert(kStateNames.size() == kWorkerStates);

constexpr auto kReasonNames = std::to_array<std::string_view>({
#define RESTART_REASON(id, name) name,
#include "base/states.def"
});
static_assert(kReasonNames.size() == kRestartReasons);

}  // namespace

std::string_view Name(WorkerState state) {
  return kStateNames[static_cast<std::size_t>(state)];
}

std::string_view Name(RestartReason reason) {
  return kReasonNames[static_cast<std::size_t>(reason)];
}

std::string SignalName(int number) {
  const char* short_name = ::sigabbrev_np(number);
  return "SIG" + (short_name != nullptr ? std::string(short_name) : std::to_string(number));
}

int SignalNumber(std::string_view name) {
  if (name.starts_with("SIG")) name.remove_prefix(3);
  if (const auto number = ParseNumber<int>(name)) {
    return *number > 0 && *number < NSIG ? *number : 0;
  }
  for (int candidate = 1; candidate < NSIG; ++candidate) {
    const char* short_name = ::sigabbrev_np(candidate);
    if (short_name != nullptr && name == short_name) return candidate;
  }
  return 0;
}

std::string Describe(const ExitStatus& exit) {
  if (!exit.known) return "ended, nobody saw how";
  if (exit.signal) return "killed by " + SignalName(*exit.signal);
  return "exit code " + std::to_string(exit.code.value_or(0));
}

std::uint64_t WorkerStatus::restarts() const {
  return std::accumulate(restarts_by_reason.begin(), restarts_by_reason.end(), std::uint64_t{0});
}

std::string_view StateOf(const AppStatus& app) {
  const auto has = [&](WorkerState state) {
    return std::any_of(app.workers.begin(), app.workers.end(),
                       [&](const WorkerStatus& w) { return w.state == state; });
  };
  if (app.workers.empty()) return Name(WorkerState::kStopped);
  const auto online =
      std::count_if(app.workers.begin(), app.workers.end(),
                    [](const WorkerStatus& w) { return w.state == WorkerState::kOnline; });
  if (static_cast<std::size_t>(online) == app.workers.size()) return Name(WorkerState::kOnline);
  if (has(WorkerState::kReloading)) return Name(WorkerState::kReloading);
  if (online > 0) return "degraded";
  for (const WorkerState state : {WorkerState::kErrored, WorkerState::kBackoff,
                                  WorkerState::kStarting, WorkerState::kStopping}) {
    if (has(state)) return Name(state);
  }
  return Name(WorkerState::kStopped);
}

}  // namespace tend
