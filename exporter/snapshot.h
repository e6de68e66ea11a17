// All numbers of one moment, as plain data: what a page is rendered from, on any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/status.h"
#include "exporter/control_numbers.h"
#include "exporter/custom_numbers.h"
#include "exporter/export_numbers.h"
#include "exporter/histogram_view.h"
#include "exporter/named_counts.h"
#include "exporter/process_numbers.h"
#include "exporter/runtime_numbers.h"

namespace tend::exporter {

struct StreamNumbers {
  std::uint64_t lines = 0, bytes = 0, split_lines = 0;
};

// What the sidecar measured of one worker; an absent source leaves its part out of the page.
struct WorkerNumbers {
  ProcessNumbers process;
  std::optional<RuntimeNumbers> runtime;  // only of workers that report
  std::optional<CustomNumbers> custom;    // only of apps that tell some
  std::string app_version;                // "" : unknown
  std::optional<double> ready_seconds;    // from spawn to ready, of the process that runs
  StreamNumbers out, err;
  double log_blocked_seconds = 0;
};

struct AppLogNumbers {
  NamedCounts dropped_lines, rotations, expired_files;  // by reason
  NamedCounts files, disk_bytes;                        // by kind
  std::uint64_t limit_bytes = 0;                        // 0: none
  std::uint64_t compression_input_bytes = 0, compression_output_bytes = 0;
};

// How often and how long, since the app was added.
struct AppDurations {
  HistogramView ready;                    // of a worker, from spawn on
  HistogramView reloaded, reload_failed;  // of reloads, by result
};

struct AppSnapshot {
  AppStatus status;
  std::vector<WorkerNumbers> workers;  // as status.workers; those that are missing: not measured
  std::optional<AppLogNumbers> logs;
  std::optional<AppDurations> durations;
  std::vector<std::pair<std::uint16_t, std::uint64_t>> listen_backlog;  // by port
};

// A number that is 0 is one that could not be had, and is left out of the page.
struct SelfSnapshot {
  double cpu_seconds = 0;
  std::uint64_t resident_bytes = 0, virtual_bytes = 0, open_fds = 0;
  std::uint64_t max_fds = 0;  // RLIM_INFINITY is left out as well
  double start_time_seconds = 0;
  std::string version, revision, compiler;
  NamedCounts role_starts;
  std::vector<ControlNumbers> control_requests;  // empty: there is no core that tells
  std::optional<bool> config_loaded;             // the last time that it was read
  std::optional<double> config_loaded_time;      // of the last success, seconds since the epoch
  std::uint64_t compression_queue_files = 0;
  std::optional<HistogramView> compression;  // of one file
  std::optional<std::uint64_t> log_followers;
  std::uint64_t log_limit_bytes = 0;  // of all apps; 0: none
  // Of the logs. Size 0: all of it is unknown.
  std::string filesystem_mount_point;
  std::uint64_t filesystem_free_bytes = 0, filesystem_size_bytes = 0, filesystem_floor_bytes = 0;
};

struct Snapshot {
  Wall time{};  // when it was taken
  std::vector<AppSnapshot> apps;
  std::vector<ExportNumbers> exporters;
  SelfSnapshot self;
};

}  // namespace tend::exporter
