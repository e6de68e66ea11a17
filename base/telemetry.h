// What a worker tells about itself, as collector/ reads it and exporter/ sums it up. Reports are
// differences since the report before, so that a lost report loses time, never correctness.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

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

// A delay above this is a stall: the loop stood still for longer than a person overlooks.
inline constexpr double kStallSeconds = 0.25;

// Kinds of garbage collection, in the words of Node and of Python.
inline constexpr auto kGcKinds = std::to_array<std::string_view>(
    {"minor", "major", "incremental", "weakcb", "gen0", "gen1", "gen2"});

struct Pauses {
  std::uint64_t count = 0;
  double seconds = 0;
  friend bool operator==(const Pauses&, const Pauses&) = default;
};

struct TelemetryReport {
  std::array<std::uint32_t, kLagBuckets> lag_counts{};  // delays seen, by bucket
  double lag_sum_seconds = 0;
  double lag_max_seconds = 0;
  Pauses stalls;
  double loop_active_seconds = 0;
  double loop_idle_seconds = 0;
  std::array<std::optional<Pauses>, kGcKinds.size()> gc{};  // of kinds that the runtime has
  std::optional<std::uint64_t> uncaught_exceptions, unhandled_rejections;
  // Levels, not differences. Absent: not looked at this time.
  std::optional<std::uint64_t> heap_used_bytes, heap_total_bytes, heap_limit_bytes;
  std::optional<std::uint64_t> external_bytes, array_buffers_bytes;
  std::optional<std::uint64_t> active_resources;
  std::vector<std::pair<std::string, std::uint64_t>>
      heap_spaces;      // used bytes; empty: not looked at
  std::string runtime;  // "node 20.20.2"; empty when unchanged
};

// A number that an app made up: by a line of statsd, or with @pm2/io.
struct CustomValue {
  enum class Kind : std::uint8_t {
    kLevel,   // is now `value`
    kChange,  // a level that went up or down by it
    kCount,   // so many more; never less than 0
    kTiming,  // took so many seconds
    kSample,  // one of many, of a unit that only the app knows
  };
  Kind kind = Kind::kLevel;
  std::string name;   // by CustomName()
  double value = 0;   // finite
  double weight = 1;  // how many timings or samples it stands for
  std::string unit;   // as the app wrote it; of levels only
  friend bool operator==(const CustomValue&, const CustomValue&) = default;
};

inline constexpr std::size_t kCustomNameMax = 128;  // bytes
inline constexpr std::size_t kCustomUnitMax = 16;

// `name` as a label's value: blanks at its ends left out, what is no UTF-8 or no character to show
// replaced by '_', and at most `max` bytes of it.
std::string CustomName(std::string_view name, std::size_t max = kCustomNameMax);

class TelemetrySink {
 public:
  TelemetrySink() = default;
  TelemetrySink(const TelemetrySink&) = delete;
  TelemetrySink& operator=(const TelemetrySink&) = delete;
  virtual ~TelemetrySink() = default;
  virtual void Report(const WorkerRef& worker, const TelemetryReport& report) = 0;
  // `refused`: how many more there were that could not be read.
  virtual void Custom(const WorkerRef& worker,
                      const std::vector<CustomValue>& values,
                      std::size_t refused) = 0;
};

}  // namespace tend
