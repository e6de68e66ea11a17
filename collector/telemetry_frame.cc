#include "collector/telemetry_frame.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include <boost/json.hpp>

namespace tend::collector {
namespace {

namespace json = boost::json;

constexpr std::size_t kRuntimeMaxBytes = 64;
// A report that claims more than a day is not from a clock.
constexpr double kSecondsMax = 86400;
// The samples that a stall hid are in it, too: at most 10,000, each at most a day late.
constexpr double kLagSumMax = 1e9;
constexpr double kBytesMax = 1e15;
constexpr double kCountMax = 1e12;
constexpr std::size_t kSpacesMax = 16;
constexpr std::size_t kSpaceNameMax = 32;

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

// As Read; absent stays absent.
bool ReadLevel(const json::value* member, double max, std::optional<std::uint64_t>& out) {
  if (member == nullptr) return true;
  double number = 0;
  if (!Read(member, max, number)) return false;
  out = static_cast<std::uint64_t>(number);
  return true;
}

// Sizes in bytes, one for each of `outs`.
bool ReadSizes(const json::value* member,
               std::initializer_list<std::optional<std::uint64_t>*> outs) {
  if (member == nullptr) return true;
  const json::array* sizes = member->if_array();
  if (sizes == nullptr || sizes->size() != outs.size()) return false;
  std::size_t i = 0;
  for (std::optional<std::uint64_t>* out : outs) {
    if (!ReadLevel(&(*sizes)[i++], kBytesMax, *out)) return false;
  }
  return true;
}

bool ReadPauses(const json::value& member, Pauses& out) {
  const json::array* pair = member.if_array();
  if (pair == nullptr || pair->size() != 2) return false;
  double count = 0;
  if (!Read(&(*pair)[0], kCountMax, count) || !Read(&(*pair)[1], kSecondsMax, out.seconds)) {
    return false;
  }
  out.count = static_cast<std::uint64_t>(count);
  return true;
}

bool ReadStalls(const json::value* member, TelemetryReport& report) {
  return member == nullptr || ReadPauses(*member, report.stalls);
}

// Kinds that this version does not know are passed over.
bool ReadGc(const json::value* member, TelemetryReport& report) {
  if (member == nullptr) return true;
  const json::object* kinds = member->if_object();
  if (kinds == nullptr) return false;
  for (std::size_t i = 0; i < kGcKinds.size(); ++i) {
    const json::value* pauses = kinds->if_contains(kGcKinds[i]);
    if (pauses != nullptr && !ReadPauses(*pauses, report.gc[i].emplace())) return false;
  }
  return true;
}

bool IsSpaceName(std::string_view name) {
  const auto is_plain = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
  };
  return !name.empty() && name.size() <= kSpaceNameMax &&
         std::all_of(name.begin(), name.end(), is_plain);
}

bool ReadSpaces(const json::value* member, TelemetryReport& report) {
  if (member == nullptr) return true;
  const json::object* spaces = member->if_object();
  if (spaces == nullptr || spaces->size() > kSpacesMax) return false;
  for (const auto& [key, value] : *spaces) {
    const std::string_view name(key.data(), key.size());
    std::optional<std::uint64_t> used;
    if (!IsSpaceName(name) || !ReadLevel(&value, kBytesMax, used)) return false;
    report.heap_spaces.emplace_back(name, *used);
  }
  return true;
}

bool ReadMemory(const json::object& frame, TelemetryReport& report) {
  return ReadSizes(frame.if_contains("heap"),
                   {&report.heap_used_bytes, &report.heap_total_bytes, &report.heap_limit_bytes}) &&
         ReadSizes(frame.if_contains("ext"),
                   {&report.external_bytes, &report.array_buffers_bytes}) &&
         ReadSpaces(frame.if_contains("spaces"), report) && ReadGc(frame.if_contains("gc"), report);
}

bool ReadLoop(const json::object& frame, TelemetryReport& report) {
  return ReadLag(frame.if_contains("lag"), report) &&
         Read(frame.if_contains("sum"), kLagSumMax, report.lag_sum_seconds) &&
         Read(frame.if_contains("max"), kSecondsMax, report.lag_max_seconds) &&
         ReadStalls(frame.if_contains("stalls"), report) &&
         Read(frame.if_contains("active"), kSecondsMax, report.loop_active_seconds) &&
         Read(frame.if_contains("idle"), kSecondsMax, report.loop_idle_seconds);
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
  const bool ok = ReadLoop(*frame, report) && ReadMemory(*frame, report) &&
                  ReadLevel(frame->if_contains("res"), kCountMax, report.active_resources) &&
                  ReadLevel(frame->if_contains("exc"), kCountMax, report.uncaught_exceptions) &&
                  ReadLevel(frame->if_contains("rej"), kCountMax, report.unhandled_rejections) &&
                  ReadRuntime(frame->if_contains("rt"), report);
  if (!ok) return wrong;
  return report;
}

}  // namespace tend::collector
