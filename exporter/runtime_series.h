// What one worker slot told about its runtime, summed up: counters outlive its processes, levels
// belong to the process that runs.
//
// Thread: the loop's.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/telemetry.h"
#include "base/time.h"
#include "exporter/levels_by_life.h"
#include "exporter/loop_lag.h"
#include "exporter/runtime_numbers.h"

namespace tend::exporter {

class RuntimeSeries {
 public:
  void Add(std::uint64_t incarnation, const TelemetryReport& report, Mono now);
  // `incarnation`: of the process that runs; 0: none does.
  RuntimeNumbers View(std::uint64_t incarnation, Mono now) const;

  // visit(name, number) for each number that only ever grows, to be kept and set again.
  template <typename Visit>
  void Counters(Visit&& visit) {
    lag_.Counters(visit);
    visit(std::string("stalls"), stalls_.count);
    visit(std::string("stalls_seconds"), stalls_.seconds);
    visit(std::string("loop_active"), loop_active_);
    visit(std::string("loop_idle"), loop_idle_);
    for (std::size_t i = 0; i < kGcKinds.size(); ++i) {
      if (!gc_[i]) continue;
      visit("gc_" + std::string(kGcKinds[i]), gc_[i]->count);
      visit("gc_seconds_" + std::string(kGcKinds[i]), gc_[i]->seconds);
    }
    if (uncaught_exceptions_) visit(std::string("uncaught_exceptions"), *uncaught_exceptions_);
    if (unhandled_rejections_) visit(std::string("unhandled_rejections"), *unhandled_rejections_);
  }
  // Makes what `name` is the name of, as Counters() said it, so that it can be set. False: it is no
  // such name.
  bool Expect(std::string_view name);

 private:
  struct Levels {
    std::string name;
    bool has_loop = false;
    std::optional<double> utilization;
    std::optional<std::uint64_t> heap_used_bytes, heap_total_bytes, heap_limit_bytes;
    std::optional<std::uint64_t> external_bytes, array_buffers_bytes, active_resources;
    std::vector<std::pair<std::string, std::uint64_t>> heap_spaces;
  };
  static void AddLevels(const TelemetryReport& report, Levels& levels);

  LoopLag lag_;
  bool has_loop_ = false;  // its delay was measured, in this process or one before
  Pauses stalls_;
  double loop_active_ = 0, loop_idle_ = 0;
  std::array<std::optional<Pauses>, kGcKinds.size()> gc_{};
  std::optional<std::uint64_t> uncaught_exceptions_, unhandled_rejections_;
  std::string name_;  // as was said last
  LevelsByLife<Levels> levels_;
};

}  // namespace tend::exporter
