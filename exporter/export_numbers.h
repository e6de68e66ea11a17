// What the page says of one exporter (exporter/ship).
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "exporter/histogram_view.h"
#include "exporter/named_counts.h"

namespace tend::exporter {

struct ExportNumbers {
  std::string name;
  std::uint64_t queue_entries = 0, queue_bytes = 0;
  std::uint64_t queue_capacity_bytes = 0;  // 0: unlimited
  double lag_seconds = 0;
  std::uint64_t sent_entries = 0, sent_bytes = 0, retries = 0;
  NamedCounts dropped;   // by reason, all reasons
  NamedCounts requests;  // by result, all results
  HistogramView request_seconds;
  std::optional<double> last_success;  // seconds since the epoch
};

}  // namespace tend::exporter
