// Event-loop delay of one worker slot: a histogram that is never reset, and quantiles of the last
// minute. Outlives the incarnations of the slot.
//
// Thread: the loop's.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "base/telemetry.h"
#include "base/time.h"

namespace tend::exporter {

// Upper bounds of the exported buckets, in seconds; each is one of kLagBounds.
inline constexpr auto kLagExportBounds =
    std::to_array<double>({0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10});

struct LagView {
  std::array<std::uint64_t, kLagExportBounds.size() + 1> cumulative{};  // by bound, then all
  double sum_seconds = 0;
  // Of the last 60 s; absent if nothing was reported in them.
  std::optional<double> p50_seconds, p99_seconds, max_seconds;
};

// Every exported bound is one that the workers count by; else buckets could not be summed up.
consteval bool LagBoundsAreCounted() {
  std::size_t found = 0;
  for (const double bound : kLagBounds) {
    if (found < kLagExportBounds.size() && bound == kLagExportBounds[found]) ++found;
  }
  return found == kLagExportBounds.size();
}
static_assert(LagBoundsAreCounted());

class LoopLag {
 public:
  // Sums and maxima that are no number are taken as 0.
  void Add(const TelemetryReport& report, Mono now);
  LagView View(Mono now) const;
  // visit(name, number) for each number that only ever grows, to be kept and set again.
  template <typename Visit>
  void Counters(Visit&& visit) {
    for (std::size_t i = 0; i < kLagBuckets; ++i)
      visit("lag_" + std::to_string(i), counts_[i]);
    visit(std::string("lag_sum"), sum_);
  }

 private:
  static constexpr std::size_t kSlices = 12;
  static constexpr auto kSlice = std::chrono::seconds(5);

  struct Slice {
    std::int64_t number = -1;  // which five seconds of the clock
    std::array<std::uint32_t, kLagBuckets> counts{};
    double max = 0;
  };

  std::array<std::uint64_t, kLagBuckets> counts_{};
  double sum_ = 0;
  std::array<Slice, kSlices> slices_{};
};

}  // namespace tend::exporter
