// What a worker told about its own runtime: its event loop, its heap, what went wrong in it. What
// it did not tell is absent, never 0.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "exporter/loop_lag.h"

namespace tend::exporter {

struct GcPauses {
  std::string kind;  // "minor", "major", "incremental", "weakcb"
  std::uint64_t count = 0;
  double sum_seconds = 0;
};

struct RuntimeNumbers {
  std::string name;  // "node 20.20.2"; empty: it does not say

  // Over all incarnations of the worker.
  std::optional<LagView> lag;
  std::optional<std::uint64_t> stalls;
  std::optional<double> stalled_seconds;
  std::optional<double> loop_active_seconds, loop_idle_seconds;
  std::vector<GcPauses> gc;
  std::optional<std::uint64_t> uncaught_exceptions, unhandled_rejections;

  // Of the process that runs.
  std::optional<double> heartbeat_age_seconds;
  std::optional<double> loop_utilization;
  std::optional<std::uint64_t> heap_used_bytes, heap_total_bytes, heap_limit_bytes;
  std::optional<std::uint64_t> external_bytes, array_buffers_bytes;
  std::vector<std::pair<std::string, std::uint64_t>> heap_spaces;  // name, bytes used
  std::optional<std::uint64_t> active_resources;
};

}  // namespace tend::exporter
