// Snapshots for tests of the page.
#pragma once

#include <chrono>
#include <string>
#include <utility>

#include "exporter/snapshot.h"

namespace tend::exporter {

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
  status.last_exit = exit;

  WorkerNumbers numbers;
  ProcSample process;
  process.resident_bytes = 45000000;
  process.threads = 11;
  numbers.process = process;
  numbers.open_fds = 23;
  numbers.cpu_user_seconds = 12.25;
  numbers.cpu_system_seconds = 0.75;
  LagView lag;
  for (std::size_t i = 0; i < lag.cumulative.size(); ++i)
    lag.cumulative[i] = 100 * (i + 1);
  lag.sum_seconds = 3.5;
  lag.p50_seconds = 0.0003;
  lag.p99_seconds = 0.012;
  lag.max_seconds = 0.0875;
  numbers.lag = lag;
  numbers.heartbeat_age_seconds = 0.5;
  numbers.loop_utilization = 0.125;
  numbers.heap_used_bytes = 9000000;
  numbers.heap_total_bytes = 12000000;
  numbers.heap_limit_bytes = 4345298944;
  numbers.runtime = "node 20.20.2";
  numbers.out = {1000, 64000, 1};
  numbers.err = {3, 120, 0};
  return {status, numbers};
}

// Every kind of app: "api" with a busy worker and one that was never started, and before it in
// the vector, but not on the page, "web", whose only worker has just failed and is not measured.
inline Snapshot SampleSnapshot() {
  Snapshot snapshot;
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

  SelfSnapshot& self = snapshot.self;
  self.cpu_seconds = 1.75;
  self.resident_bytes = 9500000;
  self.virtual_bytes = 120000000;
  self.open_fds = 31;
  self.max_fds = 1048576;
  self.start_time_seconds = 1795257000.5;
  self.version = "0.1.0";
  self.compiler = "12.2.0";
  self.role_starts = {{"keeper", 1}, {"core", 2}, {"sidecar", 1}};
  self.log_followers = 1;
  self.log_limit_bytes = 10737418240;
  self.filesystem_floor_bytes = 1073741824;
  self.filesystem_free_bytes = 20000000000;
  self.filesystem_size_bytes = 50000000000;
  return snapshot;
}

}  // namespace tend::exporter
