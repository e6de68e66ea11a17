#include "exporter/ship/export_stats.h"

namespace tend::exporter {

std::string_view Name(ExportDrop reason) {
  constexpr auto kNames =
      std::to_array<std::string_view>({"too_old", "too_large", "rejected", "queue_full",
                                       "retries_exhausted", "shutdown", "encoding"});
  static_assert(kNames.size() == kExportDrops);
  return kNames[static_cast<std::size_t>(reason)];
}

std::string_view Name(SendResult result) {
  constexpr auto kNames = std::to_array<std::string_view>(
      {"success", "bad_request", "rate_limited", "server_error", "timeout", "connection"});
  static_assert(kNames.size() == kSendResults);
  return kNames[static_cast<std::size_t>(result)];
}

ExportNumbers NumbersOf(const ExportStats& stats) {
  ExportNumbers numbers;
  numbers.name = stats.name;
  numbers.queue_entries = stats.queue_entries;
  numbers.queue_bytes = stats.queue_bytes;
  numbers.queue_capacity_bytes = stats.queue_capacity_bytes;
  numbers.lag_seconds = stats.lag_seconds;
  numbers.sent_entries = stats.sent_entries;
  numbers.sent_bytes = stats.sent_bytes;
  numbers.retries = stats.retries;
  for (std::size_t i = 0; i < kExportDrops; ++i)
    numbers.dropped.emplace_back(Name(static_cast<ExportDrop>(i)), stats.dropped[i]);
  for (std::size_t i = 0; i < kSendResults; ++i)
    numbers.requests.emplace_back(Name(static_cast<SendResult>(i)), stats.requests[i]);
  numbers.request_seconds = {kRequestBounds,
                             {stats.request_seconds.begin(), stats.request_seconds.end()},
                             stats.request_seconds_sum};
  if (stats.last_success != Wall{}) {
    numbers.last_success =
        std::chrono::duration<double>(stats.last_success.time_since_epoch()).count();
  }
  return numbers;
}

}  // namespace tend::exporter
