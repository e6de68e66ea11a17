// What an exporter says of itself: rows of tend_export_* and of `tend exporters`. Counters go on
// over restarts; `lines = sent + dropped + filtered + queued` at every moment, for all lines since
// the exporter was first configured.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/time.h"
#include "exporter/export_numbers.h"
#include "exporter/ship/log_sink.h"

namespace tend::exporter {

// Values of the label `reason` of tend_export_dropped_entries.
enum class ExportDrop : std::uint8_t {
  kTooOld,
  kTooLarge,
  kRejected,
  kQueueFull,
  kRetriesExhausted,
  kShutdown,
  kEncoding
};
inline constexpr std::size_t kExportDrops = 7;
inline constexpr std::size_t kSendResults = 6;
std::string_view Name(ExportDrop reason);  // "too_old" …
std::string_view Name(SendResult result);  // "success" …

inline constexpr auto kRequestBounds =
    std::to_array<double>({0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10});

struct ExportStats {
  std::string name;
  std::string type;    // "loki", …
  std::string target;  // the URL without user, query and secret
  std::string state;   // "ok", "waiting" (backing off), "failing" (until somebody helps)
  std::uint64_t queue_entries = 0, queue_bytes = 0,
                queue_capacity_bytes = 0;  // capacity 0: unlimited
  double lag_seconds = 0;  // age of the oldest entry that is not acknowledged; 0: none waits
  std::uint64_t sent_entries = 0, sent_bytes = 0, retries = 0;
  std::uint64_t filtered_entries = 0;  // not wanted: another stream
  std::array<std::uint64_t, kExportDrops> dropped{};
  std::array<std::uint64_t, kSendResults> requests{};
  std::array<std::uint64_t, kRequestBounds.size() + 1> request_seconds{};  // cumulative, then all
  double request_seconds_sum = 0;
  Wall last_success{};     // epoch: never
  std::string last_error;  // for people; stays until the next success
  Wall last_error_time{};
  double retry_in_seconds = 0;  // 0: not backing off
};
// What of it is on the page of metrics.
ExportNumbers NumbersOf(const ExportStats& stats);

}  // namespace tend::exporter
