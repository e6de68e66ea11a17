// What a worker tells about itself over its telemetry pipe, as collector/ reads it and exporter/
// sums it up. Everything is a difference since the report before, so that a lost report loses time,
// never correctness.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "base/record.h"

namespace tend {

// Upper bounds of the event-loop-delay buckets, in seconds; one more bucket has no bound. Fine
// enough for quantiles (neighbours differ by at most a third), and 1, 2 and 5 of every decade are
// among them for the exported histogram.
inline constexpr auto kLagBounds = std::to_array<double>(
    {0.0001, 0.00015, 0.0002, 0.0003, 0.0004, 0.0005, 0.0006, 0.0008, 0.001, 0.0012, 0.0015,
     0.002,  0.0025,  0.003,  0.004,  0.005,  0.006,  0.008,  0.01,   0.012, 0.015,  0.02,
     0.025,  0.03,    0.04,   0.05,   0.06,   0.08,   0.1,    0.12,   0.15,  0.2,    0.25,
     0.3,    0.4,     0.5,    0.6,    0.8,    1,      1.2,    1.5,    2,     2.5,    3,
     4,      5,       6,      8,      10,     15,     20,     30,     60});
inline constexpr std::size_t kLagBuckets = kLagBounds.size() + 1;

struct TelemetryReport {
  std::array<std::uint32_t, kLagBuckets> lag_counts{};  // delays seen, by bucket
  double lag_sum_seconds = 0;
  double lag_max_seconds = 0;
  double loop_active_seconds = 0;
  double loop_idle_seconds = 0;
  std::optional<std::uint64_t> heap_used_bytes;  // levels, not differences
  std::optional<std::uint64_t> heap_total_bytes;
  std::optional<std::uint64_t> heap_limit_bytes;
  std::string runtime;  // "node 20.20.2"; empty when unchanged
};

class TelemetrySink {
 public:
  TelemetrySink() = default;
  TelemetrySink(const TelemetrySink&) = delete;
  TelemetrySink& operator=(const TelemetrySink&) = delete;
  virtual ~TelemetrySink() = default;
  virtual void Report(const WorkerRef& worker, const TelemetryReport& report) = 0;
};

}  // namespace tend
