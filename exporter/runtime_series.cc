#include "exporter/runtime_series.h"

#include <algorithm>
#include <chrono>

namespace tend::exporter {
namespace {

template <typename T>
void SetIfKnown(std::optional<T>& to, const std::optional<T>& from) {
  if (from) to = from;
}

void AddIfKnown(std::optional<std::uint64_t>& to, const std::optional<std::uint64_t>& from) {
  if (from) to = to.value_or(0) + *from;
}

bool HasLoop(const TelemetryReport& report) {
  const auto is_counted = [](std::uint32_t count) { return count > 0; };
  return report.loop_active_seconds + report.loop_idle_seconds > 0 ||
         std::any_of(report.lag_counts.begin(), report.lag_counts.end(), is_counted);
}

}  // namespace

void RuntimeSeries::AddLevels(const TelemetryReport& report, Levels& levels) {
  levels.has_loop = levels.has_loop || HasLoop(report);
  const double seconds = report.loop_active_seconds + report.loop_idle_seconds;
  if (seconds > 0) levels.utilization = report.loop_active_seconds / seconds;
  SetIfKnown(levels.heap_used_bytes, report.heap_used_bytes);
  SetIfKnown(levels.heap_total_bytes, report.heap_total_bytes);
  SetIfKnown(levels.heap_limit_bytes, report.heap_limit_bytes);
  SetIfKnown(levels.external_bytes, report.external_bytes);
  SetIfKnown(levels.array_buffers_bytes, report.array_buffers_bytes);
  SetIfKnown(levels.active_resources, report.active_resources);
  if (!report.heap_spaces.empty()) levels.heap_spaces = report.heap_spaces;
  if (!report.runtime.empty()) levels.name = report.runtime;
}

void RuntimeSeries::Add(std::uint64_t incarnation, const TelemetryReport& report, Mono now) {
  lag_.Add(report, now);
  has_loop_ = has_loop_ || HasLoop(report);
  stalls_.count += report.stalls.count;
  stalls_.seconds += report.stalls.seconds;
  loop_active_ += report.loop_active_seconds;
  loop_idle_ += report.loop_idle_seconds;
  for (std::size_t i = 0; i < gc_.size(); ++i) {
    if (!report.gc[i]) continue;
    if (!gc_[i]) gc_[i].emplace();
    gc_[i]->count += report.gc[i]->count;
    gc_[i]->seconds += report.gc[i]->seconds;
  }
  AddIfKnown(uncaught_exceptions_, report.uncaught_exceptions);
  AddIfKnown(unhandled_rejections_, report.unhandled_rejections);
  if (!report.runtime.empty()) name_ = report.runtime;
  AddLevels(report, levels_.Heard(incarnation, now));
}

RuntimeNumbers RuntimeSeries::View(std::uint64_t incarnation, Mono now) const {
  RuntimeNumbers numbers;
  numbers.name = name_;
  if (has_loop_) {
    numbers.lag = lag_.View(now);
    numbers.stalls = stalls_.count;
    numbers.stalled_seconds = stalls_.seconds;
    if (loop_active_ + loop_idle_ > 0) {
      numbers.loop_active_seconds = loop_active_;
      numbers.loop_idle_seconds = loop_idle_;
    }
  }
  for (std::size_t i = 0; i < gc_.size(); ++i) {
    if (gc_[i]) numbers.gc.push_back({std::string(kGcKinds[i]), gc_[i]->count, gc_[i]->seconds});
  }
  numbers.uncaught_exceptions = uncaught_exceptions_;
  numbers.unhandled_rejections = unhandled_rejections_;
  const auto* life = incarnation != 0 ? levels_.Find(incarnation) : nullptr;
  if (life == nullptr) return numbers;
  const Levels& levels = life->levels;
  if (!levels.name.empty()) numbers.name = levels.name;
  // Without a loop it reports when it happens to, which says nothing.
  if (levels.has_loop) {
    numbers.heartbeat_age_seconds = std::chrono::duration<double>(now - life->at).count();
  }
  numbers.loop_utilization = levels.utilization;
  numbers.heap_used_bytes = levels.heap_used_bytes;
  numbers.heap_total_bytes = levels.heap_total_bytes;
  numbers.heap_limit_bytes = levels.heap_limit_bytes;
  numbers.external_bytes = levels.external_bytes;
  numbers.array_buffers_bytes = levels.array_buffers_bytes;
  numbers.heap_spaces = levels.heap_spaces;
  numbers.active_resources = levels.active_resources;
  return numbers;
}

bool RuntimeSeries::Expect(std::string_view name) {
  for (std::size_t i = 0; i < kGcKinds.size(); ++i) {
    const std::string kind(kGcKinds[i]);
    if (name != "gc_" + kind && name != "gc_seconds_" + kind) continue;
    if (!gc_[i]) gc_[i].emplace();
    return true;
  }
  if (name == "uncaught_exceptions") {
    uncaught_exceptions_ = uncaught_exceptions_.value_or(0);
    return true;
  }
  if (name == "unhandled_rejections") {
    unhandled_rejections_ = unhandled_rejections_.value_or(0);
    return true;
  }
  const bool is_loop =
      name.starts_with("lag_") || name.starts_with("stalls") || name.starts_with("loop_");
  has_loop_ = has_loop_ || is_loop;
  return is_loop;
}

}  // namespace tend::exporter
