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

}  // namespace tend::exporter
