// Snapshots for tests of the page.
#pragma once

#include <array>
#include <chrono>
#include <string>
#include <utility>

#include "exporter/snapshot.h"

namespace tend::exporter {

inline ProcessNumbers BusyProcess() {
  ProcessNumbers process;
  process.resident_bytes = 45000000;
  process.virtual_bytes = 1200000000;
  process.swap_bytes = 0;
  process.peak_resident_bytes = 51000000;
  process.proportional_bytes = 40000000;
  process.open_fds = 23;
  process.max_fds = 1024;
  process.threads = 11;
  process.processes = 2;
  process.tcp_connections = TcpCounts{0, 12, 1, 0};
  process.cpu_ratio = 0.125;
  process.memory_limit_bytes = 629145600;
  process.cpu_user_seconds = 12.25;
  process.cpu_system_seconds = 0.75;
  process.cpu_wait_seconds = 0.125;
  process.voluntary_switches = 5000;
  process.involuntary_switches = 42;
  process.minor_faults = 12000;
  process.major_faults = 3;
  process.read_bytes = 8192;
  process.written_bytes = 4096;
  process.oom_kills = 0;
  process.throttled_seconds = 1.5;
  process.waited_seconds = {0.5, 0.25, std::nullopt};
  return process;
}

inline RuntimeNumbers BusyRuntime() {
  RuntimeNumbers runtime;
  LagView lag;
  for (std::size_t i = 0; i < lag.cumulative.size(); ++i)
    lag.cumulative[i] = 100 * (i + 1);
  lag.sum_seconds = 3.5;
  lag.p50_seconds = 0.0003;
  lag.p99_seconds = 0.012;
  lag.max_seconds = 0.0875;
  runtime.lag = lag;
  runtime.stalls = 2;
  runtime.stalled_seconds = 0.75;
  runtime.loop_active_seconds = 100.5;
  runtime.loop_idle_seconds = 900;
  runtime.gc = {{"minor", 120, 0.25}, {"major", 4, 0.125}, {"incremental", 8, 0.01}};
  runtime.uncaught_exceptions = 1;
  runtime.unhandled_rejections = 0;
  runtime.heartbeat_age_seconds = 0.5;
  runtime.loop_utilization = 0.125;
  runtime.heap_used_bytes = 9000000;
  runtime.heap_total_bytes = 12000000;
  runtime.heap_limit_bytes = 4345298944;
  runtime.external_bytes = 2000000;
  runtime.array_buffers_bytes = 10000;
  runtime.heap_spaces = {{"new_space", 1000000}, {"old_space", 8000000}};
  runtime.active_resources = 3;
  runtime.name = "node 20.20.2";
  return runtime;
}

inline CustomNumbers BusyCustom() {
  CustomNumbers custom;
  custom.levels = {{"Event Loop Latency p95", "ms", 1.25}, {"queue", "", 7}};
  custom.counts = {{"requests", 120}};
  custom.timings = {{"query", 2.5, 100, 0.02, 0.05}, {"seldom", 1, 1, std::nullopt, std::nullopt}};
  custom.samples = {{"size", 3000, 10, 300, 320}};
  custom.refused = 3;
  return custom;
}

// Of the sample: 4 in the second bucket, one in the last.
inline HistogramView SampleHistogram() {
  static constexpr auto kBounds = std::to_array<double>({0.1, 0.5, 2.5});
  return {kBounds, {0, 4, 4, 5}, 12.5};
}

inline ExportNumbers BusyExporter() {
  ExportNumbers loki;
  loki.name = "loki";
  loki.queue_entries = 12;
  loki.queue_bytes = 1800;
  loki.queue_capacity_bytes = 1048576;
  loki.lag_seconds = 0.75;
  loki.sent_entries = 1000;
  loki.sent_bytes = 64000;
  loki.retries = 2;
  loki.dropped = {{"too_old", 0}, {"rejected", 1}};
  loki.requests = {{"success", 20}, {"timeout", 2}};
  loki.request_seconds = SampleHistogram();
  loki.last_success = 1795257066.5;
  return loki;
}

// A Node worker that is online and was killed once, with everything measured.
inline std::pair<WorkerStatus, WorkerNumbers> BusyWorker(int slot) {
  WorkerStatus status;
  status.id = slot;
  status.slot = slot;
  status.pid = 4242 + slot;
  status.incarnation = 7;
  status.state = WorkerState::kOnline;
  status.starts = 2;
  status.restarts_by_reason[static_cast<std::size_t>(RestartReason::kCrash)] = 1;
  status.started = Wall(std::chrono::milliseconds(1795257067250));
  ExitStatus exit;
  exit.signal = 9;
  exit.time = Wall(std::chrono::seconds(1795257060));
  status.last_exit = exit;

  WorkerNumbers numbers;
  numbers.process = BusyProcess();
  numbers.runtime = BusyRuntime();
  numbers.custom = BusyCustom();
  numbers.app_version = "1.4.2";
  numbers.ready_seconds = 0.35;
  numbers.log_blocked_seconds = 0.25;
  numbers.out = {1000, 64000, 1};
  numbers.err = {3, 120, 0};
  return {status, numbers};
}

// Every kind of app: "api" with a busy worker and one that was never started, and before it in
// the vector, but not on the page, "web", whose only worker has just failed and is not measured.
inline Snapshot SampleSnapshot() {
  Snapshot snapshot;
  snapshot.time = Wall(std::chrono::seconds(1795257100));
  AppSnapshot& web = snapshot.apps.emplace_back();
  web.status.name = "web \"x\"\n\\";
  web.status.exec_mode = "cluster";
  WorkerStatus& failed = web.status.workers.emplace_back();
  failed.state = WorkerState::kErrored;
  failed.starts = 16;
  failed.consecutive_failures = 16;
  failed.backoff_seconds = 1.5;
  failed.forced_kills = 2;
  ExitStatus exit;
  exit.code = 3;
  failed.last_exit = exit;

  AppSnapshot& api = snapshot.apps.emplace_back();
  api.status.name = "api";
  api.status.instances = 2;
  auto busy = BusyWorker(0);
  api.status.workers.push_back(std::move(busy.first));
  api.workers.push_back(std::move(busy.second));
  api.status.workers.emplace_back().slot = 1;
  api.workers.emplace_back();
  AppLogNumbers logs;
  logs.dropped_lines = {{"disk_full", 0}, {"write_error", 5}};
  logs.rotations = {{"size", 4}, {"startup", 1}};
  logs.expired_files = {{"age", 0}, {"bytes", 1}};
  logs.files = {{"active", 1}, {"rotated", 1}, {"compressed", 3}};
  logs.disk_bytes = {{"active", 64123}, {"rotated", 1048576}, {"compressed", 300000}};
  logs.limit_bytes = 1073741824;
  logs.compression_input_bytes = 3145728;
  logs.compression_output_bytes = 300000;
  api.logs = std::move(logs);

  api.durations = {SampleHistogram(), SampleHistogram(), {}};
  api.listen_backlog = {{3000, 2}};

  snapshot.exporters.push_back(BusyExporter());
  SelfSnapshot& self = snapshot.self;
  self.cpu_seconds = 1.75;
  self.resident_bytes = 9500000;
  self.virtual_bytes = 120000000;
  self.open_fds = 31;
  self.max_fds = 1048576;
  self.start_time_seconds = 1795257000.5;
  self.version = "0.1.0";
  self.revision = "7c11bb4-dirty";
  self.compiler = "12.2.0";
  self.role_starts = {{"keeper", 1}, {"core", 2}, {"sidecar", 1}};
  self.control_requests = {{"start", 3, 1}, {"other", 0, 0}};
  self.config_loaded = true;
  self.config_loaded_time = 1795257000.75;
  self.compression = SampleHistogram();
  self.log_followers = 1;
  self.log_limit_bytes = 10737418240;
  self.filesystem_mount_point = "/var/log";
  self.filesystem_floor_bytes = 1073741824;
  self.filesystem_free_bytes = 20000000000;
  self.filesystem_size_bytes = 50000000000;
  return snapshot;
}

}  // namespace tend::exporter
