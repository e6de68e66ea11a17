#include "exporter/loop_lag.h"

#include <algorithm>
#include <cmath>

namespace tend::exporter {
namespace {

std::int64_t SliceNumber(Mono now, std::chrono::seconds slice) {
  return now.time_since_epoch() / slice;
}

// The smallest value that at least the share `q` of the counts does not exceed: the upper bound of
// its bucket, never more than the largest that was seen.
double Quantile(const std::array<std::uint64_t, kLagBuckets>& counts,
                std::uint64_t total,
                double q,
                double max) {
  const double rank = std::ceil(q * static_cast<double>(total));
  std::uint64_t seen = 0;
  for (std::size_t i = 0; i < kLagBounds.size(); ++i) {
    seen += counts[i];
    if (static_cast<double>(seen) >= rank) return std::min(kLagBounds[i], max);
  }
  return max;
}

// Numbers of the worker's own: it may send anything.
double Sane(double seconds) {
  return std::isfinite(seconds) && seconds > 0 ? seconds : 0;
}

}  // namespace

void LoopLag::Add(const TelemetryReport& report, Mono now) {
  const std::int64_t number = SliceNumber(now, kSlice);
  Slice& slice = slices_[static_cast<std::size_t>(number) % kSlices];
  if (slice.number != number) slice = Slice{number, {}, 0};
  for (std::size_t i = 0; i < kLagBuckets; ++i) {
    counts_[i] += report.lag_counts[i];
    slice.counts[i] += report.lag_counts[i];
  }
  sum_ += Sane(report.lag_sum_seconds);
  slice.max = std::max(slice.max, Sane(report.lag_max_seconds));
}

LagView LoopLag::View(Mono now) const {
  LagView view;
  view.sum_seconds = sum_;
  std::uint64_t running = 0;
  std::size_t bound = 0;
  for (std::size_t i = 0; i < kLagBounds.size(); ++i) {
    running += counts_[i];
    if (bound < kLagExportBounds.size() && kLagBounds[i] == kLagExportBounds[bound]) {
      view.cumulative[bound++] = running;
    }
  }
  running += counts_.back();
  view.cumulative.back() = running;

  const std::int64_t number = SliceNumber(now, kSlice);
  std::array<std::uint64_t, kLagBuckets> recent{};
  std::uint64_t total = 0;
  double max = 0;
  for (const Slice& slice : slices_) {
    if (slice.number < 0 || number - slice.number >= static_cast<std::int64_t>(kSlices)) continue;
    for (std::size_t i = 0; i < kLagBuckets; ++i) {
      recent[i] += slice.counts[i];
      total += slice.counts[i];
    }
    max = std::max(max, slice.max);
  }
  if (total == 0) return view;
  view.p50_seconds = Quantile(recent, total, 0.5, max);
  view.p99_seconds = Quantile(recent, total, 0.99, max);
  view.max_seconds = max;
  return view;
}

}  // namespace tend::exporter
