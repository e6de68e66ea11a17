// What `tend list --json`, /api/v1/apps and the link between core and sidecar say about apps and
// workers: one struct, one JSON form (schema tend.list/1). Core fills the life of a worker, the
// sidecar fills what it measured; an absent number is null, never 0.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/time.h"

namespace tend {

enum class WorkerState : std::uint8_t {
#define WORKER_STATE(id, name) k##id,
#include "base/states.def"
};
inline constexpr std::size_t kWorkerStates = 7;
std::string_view Name(WorkerState state);

enum class RestartReason : std::uint8_t {
#define RESTART_REASON(id, name) k##id,
#include "base/states.def"
};
inline constexpr std::size_t kRestartReasons = 10;
std::string_view Name(RestartReason reason);

// "SIGKILL" for 9; "SIG64" for numbers without a name. 0 for names that are none ("KILL" is one).
std::string SignalName(int number);
int SignalNumber(std::string_view name);

struct ExitStatus {
  std::optional<int> code;    // of exit(2)
  std::optional<int> signal;  // that killed it
  bool known = true;          // false: ended while nobody could see how
  Wall time{};
  bool ok() const { return known && code == 0; }
};
// "exit code 1", "killed by SIGKILL", "ended, nobody saw how".
std::string Describe(const ExitStatus& exit);

struct WorkerStatus {
  int id = 0;    // PM2's numeric id: unique over all apps, never reused while the app lives
  int slot = 0;  // in the app
  int pid = 0;   // 0: no process
  std::uint64_t incarnation = 0;
  WorkerState state = WorkerState::kStopped;
  std::uint64_t starts = 0;
  std::array<std::uint64_t, kRestartReasons> restarts_by_reason{};
  std::uint32_t consecutive_failures = 0;
  double backoff_seconds = 0;  // to the next start; 0: none pending
  Wall started{};              // of the running process; epoch: none
  std::optional<ExitStatus> last_exit;
  std::uint64_t forced_kills = 0;
  std::string note;  // why it is not online, for people: "script not found: /srv/x.js"

  // Measured by the sidecar.
  std::optional<double> cpu_ratio;  // of one core, over the last sample interval
  std::optional<std::uint64_t> rss_bytes;
  std::optional<double> eventloop_lag_p99_seconds;

  std::uint64_t restarts() const;
};

struct AppStatus {
  std::string name;
  std::string namespace_ = "default";
  std::string exec_mode = "fork";
  std::string script;
  std::string interpreter;
  std::string cwd;
  int instances = 1;                  // asked for
  std::vector<WorkerStatus> workers;  // by slot
  // What its logs take on disk and may take; absent where nobody has measured it.
  std::optional<std::uint64_t> log_bytes;
  std::optional<std::uint64_t> log_limit_bytes;
};

// `online` if all workers are; `degraded` if some are; else the state that most concerns a person:
// errored, backoff, starting, reloading, stopping, stopped.
std::string_view StateOf(const AppStatus& app);

// One "apps" element of tend.list/1. `now` turns start times into uptime_seconds.
std::string ToJson(const AppStatus& app, Wall now);
std::string ToJson(const WorkerStatus& worker, Wall now);
// {"schema":"tend.list/1","apps":[…]}
std::string ListJson(const std::vector<AppStatus>& apps, Wall now);
// Read what ToJson wrote; unknown members are ignored, missing ones keep their defaults.
Result<AppStatus> AppStatusFromJson(std::string_view json);
Result<WorkerStatus> WorkerStatusFromJson(std::string_view json);

}  // namespace tend
