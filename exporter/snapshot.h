// All numbers of one moment, as plain data: what a page is rendered from, on any thread.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/status.h"
#include "exporter/loop_lag.h"
#include "exporter/proc_sampler.h"

namespace tend::exporter {

struct StreamNumbers {
  std::uint64_t lines = 0, bytes = 0, split_lines = 0;
};

// What the sidecar measured of one worker; an absent source leaves its part out of the page.
struct WorkerNumbers {
  std::optional<ProcSample> process;
  std::optional<std::uint64_t> open_fds;
  std::optional<double> cpu_ratio;  // of one core, between the last two samples
  double cpu_user_seconds = 0, cpu_system_seconds = 0;
  std::optional<LagView> lag;
  std::optional<double> heartbeat_age_seconds;
  std::optional<double> loop_utilization;
  std::optional<std::uint64_t> heap_used_bytes, heap_total_bytes, heap_limit_bytes;
  std::string runtime;  // "node 20.20.2"; empty: it does not say
  StreamNumbers out, err;
};

using NamedCounts = std::vector<std::pair<std::string, std::uint64_t>>;

struct AppLogNumbers {
  NamedCounts dropped_lines, rotations, expired_files;  // by reason
  NamedCounts files, disk_bytes;                        // by kind
  std::uint64_t limit_bytes = 0;                        // 0: none
  std::uint64_t compression_input_bytes = 0, compression_output_bytes = 0;
};

struct AppSnapshot {
  AppStatus status;
  std::vector<WorkerNumbers> workers;  // as status.workers; those that are missing: not measured
  std::optional<AppLogNumbers> logs;
};

// A number that is 0 is one that could not be had, and is left out of the page.
struct SelfSnapshot {
  double cpu_seconds = 0;
  std::uint64_t resident_bytes = 0, virtual_bytes = 0, open_fds = 0;
  std::uint64_t max_fds = 0;  // RLIM_INFINITY is left out as well
  double start_time_seconds = 0;
  std::string version, compiler;
  NamedCounts role_starts;
  std::uint64_t compression_queue_files = 0;
  std::optional<std::uint64_t> log_followers;
  std::uint64_t log_limit_bytes = 0;  // of all apps; 0: none
  // size 0: all three are unknown
  std::uint64_t filesystem_free_bytes = 0, filesystem_size_bytes = 0, filesystem_floor_bytes = 0;
};

struct Snapshot {
  std::vector<AppSnapshot> apps;
  SelfSnapshot self;
};

}  // namespace tend::exporter
