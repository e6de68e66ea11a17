#include "collector/telemetry_frame.h"

#include <cmath>
#include <limits>

#include <boost/json.hpp>

namespace tend::collector {
namespace {

namespace json = boost::json;

constexpr std::size_t kRuntimeMaxBytes = 64;
// A report that claims more than a day is not from a clock.
constexpr double kSecondsMax = 86400;
constexpr double kBytesMax = 1e15;

// True if `member` is missing, or a number between 0 and `max`, which then is in `out`.
bool Read(const json::value* member, double max, double& out) {
  if (member == nullptr) return true;
  json::error_code ec;
  const double number = member->to_number<double>(ec);
  if (ec || !std::isfinite(number) || number < 0 || number > max) return false;
  out = number;
  return true;
}

bool ReadLag(const json::value* member, TelemetryReport& report) {
  if (member == nullptr) return true;
  const json::array* pairs = member->if_array();
  if (pairs == nullptr || pairs->size() > kLagBuckets) return false;
  for (const json::value& item : *pairs) {
    const json::array* pair = item.if_array();
    if (pair == nullptr || pair->size() != 2) return false;
    double bucket = 0, count = 0;
    const bool ok = Read(&(*pair)[0], static_cast<double>(kLagBuckets - 1), bucket) &&
                    Read(&(*pair)[1], std::numeric_limits<std::uint32_t>::max(), count);
    if (!ok) return false;
    report.lag_counts[static_cast<std::size_t>(bucket)] = static_cast<std::uint32_t>(count);
  }
  return true;
}

bool ReadHeap(const json::value* member, TelemetryReport& report) {
  if (member == nullptr) return true;
  const json::array* sizes = member->if_array();
  if (sizes == nullptr || sizes->size() != 3) return false;
  double used = 0, total = 0, limit = 0;
  const bool ok = Read(&(*sizes)[0], kBytesMax, used) && Read(&(*sizes)[1], kBytesMax, total) &&
                  Read(&(*sizes)[2], kBytesMax, limit);
  if (!ok) return false;
  report.heap_used_bytes = static_cast<std::uint64_t>(used);
  report.heap_total_bytes = static_cast<std::uint64_t>(total);
  report.heap_limit_bytes = static_cast<std::uint64_t>(limit);
  return true;
}

// What is shown to people and in labels: printable ASCII only.
bool ReadRuntime(const json::value* member, TelemetryReport& report) {
  if (member == nullptr) return true;
  const json::string* text = member->if_string();
  if (text == nullptr || text->size() > kRuntimeMaxBytes) return false;
  for (const char c : *text) {
    if (c < 0x20 || c > 0x7e) return false;
  }
  report.runtime.assign(text->data(), text->size());
  return true;
}

}  // namespace

Result<TelemetryReport> ParseFrame(std::string_view line) {
  const Error wrong(Errc::kInvalid, "not a telemetry frame");
  if (line.size() > kFrameMaxBytes) return wrong;
  json::error_code ec;
  const json::value value = json::parse(json::string_view(line.data(), line.size()), ec);
  const json::object* frame = ec ? nullptr : value.if_object();
  if (frame == nullptr) return wrong;
  double version = 0;
  if (!Read(frame->if_contains("v"), 1, version) || version < 1) return wrong;
  TelemetryReport report;
  const bool ok = ReadLag(frame->if_contains("lag"), report) &&
                  Read(frame->if_contains("sum"), kSecondsMax, report.lag_sum_seconds) &&
                  Read(frame->if_contains("max"), kSecondsMax, report.lag_max_seconds) &&
                  Read(frame->if_contains("active"), kSecondsMax, report.loop_active_seconds) &&
                  Read(frame->if_contains("idle"), kSecondsMax, report.loop_idle_seconds) &&
                  ReadHeap(frame->if_contains("heap"), report) &&
                  ReadRuntime(frame->if_contains("rt"), report);
  if (!ok) return wrong;
  return report;
}

}  // namespace tend::collector
