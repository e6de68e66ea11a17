#include "exporter/runtime_series.h"

#include <chrono>
#include <map>
#include <string>

#include <gtest/gtest.h>

namespace tend::exporter {
namespace {

TelemetryReport Busy() {
  TelemetryReport report;
  report.lag_counts[3] = 50;
  report.lag_sum_seconds = 0.5;
  report.lag_max_seconds = 0.3;
  report.stalls = {1, 0.3};
  report.loop_active_seconds = 0.25;
  report.loop_idle_seconds = 0.75;
  report.gc[0] = Pauses{2, 0.001};
  report.gc[1] = Pauses{0, 0};
  report.uncaught_exceptions = 1;
  report.unhandled_rejections = 0;
  report.heap_used_bytes = 100;
  report.active_resources = 3;
  report.heap_spaces = {{"new_space", 10}};
  report.runtime = "node 20.20.2";
  return report;
}

class RuntimeSeriesTest : public ::testing::Test {
 protected:
  RuntimeSeries series_;
  Mono now_ = Mono(std::chrono::hours(1));
};

TEST_F(RuntimeSeriesTest, AddsUpDifferencesAndKeepsLevels) {
  series_.Add(1, Busy(), now_);
  TelemetryReport second = Busy();
  second.active_resources.reset();
  second.heap_spaces.clear();
  second.heap_used_bytes = 90;
  series_.Add(1, second, now_);
  const RuntimeNumbers view = series_.View(1, now_ + std::chrono::seconds(2));
  EXPECT_EQ(view.name, "node 20.20.2");
  EXPECT_EQ(view.lag->cumulative.back(), 100u);
  EXPECT_EQ(view.stalls, 2u);
  EXPECT_DOUBLE_EQ(*view.stalled_seconds, 0.6);
  EXPECT_EQ(view.loop_active_seconds, 0.5);
  EXPECT_EQ(view.loop_idle_seconds, 1.5);
  ASSERT_EQ(view.gc.size(), 2u);
  EXPECT_EQ(view.gc[0].kind, "minor");
  EXPECT_EQ(view.gc[0].count, 4u);
  EXPECT_EQ(view.gc[1].count, 0u);
  EXPECT_EQ(view.uncaught_exceptions, 2u);
  EXPECT_EQ(view.unhandled_rejections, 0u);
  EXPECT_EQ(view.heartbeat_age_seconds, 2);
  EXPECT_EQ(view.loop_utilization, 0.25);
  EXPECT_EQ(view.heap_used_bytes, 90u);
  EXPECT_EQ(view.active_resources, 3u) << "reported seldom";
  EXPECT_EQ(view.heap_spaces.size(), 1u);
}

TEST_F(RuntimeSeriesTest, LevelsEndWithTheirProcessAndCountersGoOn) {
  series_.Add(1, Busy(), now_);
  for (const std::uint64_t incarnation : {0u, 2u}) {
    const RuntimeNumbers view = series_.View(incarnation, now_);
    EXPECT_FALSE(view.heap_used_bytes || view.heartbeat_age_seconds || view.loop_utilization);
    EXPECT_TRUE(view.heap_spaces.empty());
    EXPECT_EQ(view.stalls, 1u);
  }
  TelemetryReport next;
  next.loop_idle_seconds = 1;
  series_.Add(2, next, now_);
  EXPECT_FALSE(series_.View(2, now_).heap_used_bytes);
  series_.Add(1, Busy(), now_);
  EXPECT_FALSE(series_.View(2, now_).heap_used_bytes) << "a late word of the one before";
  EXPECT_EQ(series_.View(2, now_).stalls, 2u);
}

TEST_F(RuntimeSeriesTest, ASuccessorThatSpokeAndFailedEndsNoLevels) {
  series_.Add(1, Busy(), now_);
  TelemetryReport other = Busy();
  other.heap_used_bytes = 7;
  other.runtime = "node 22.0.0";
  for (std::uint64_t incarnation = 2; incarnation < 9; ++incarnation) {
    series_.Add(incarnation, other, now_ + std::chrono::seconds(1));
    now_ += std::chrono::seconds(2);
    series_.Add(1, TelemetryReport(), now_);
  }
  const RuntimeNumbers view = series_.View(1, now_ + std::chrono::seconds(3));
  EXPECT_EQ(view.heap_used_bytes, 100u);
  EXPECT_EQ(view.name, "node 20.20.2");
  EXPECT_EQ(view.heartbeat_age_seconds, 3) << "its own, not that of the other";
  EXPECT_EQ(series_.View(8, now_).heap_used_bytes, 7u);
  EXPECT_EQ(series_.View(8, now_).heartbeat_age_seconds, 1);
  EXPECT_FALSE(series_.View(2, now_).heap_used_bytes) << "there are too many";
}

TEST_F(RuntimeSeriesTest, WhatARuntimeDoesNotHaveIsAbsent) {
  TelemetryReport report;
  report.gc[4] = Pauses{1, 0.1};
  series_.Add(1, report, now_);
  const RuntimeNumbers view = series_.View(1, now_);
  EXPECT_FALSE(view.lag || view.stalls || view.loop_active_seconds || view.loop_utilization);
  EXPECT_FALSE(view.heartbeat_age_seconds) << "it reports when it happens to";
  EXPECT_FALSE(view.uncaught_exceptions || view.unhandled_rejections);
  ASSERT_EQ(view.gc.size(), 1u);
  EXPECT_EQ(view.gc[0].kind, "gen0");
}

TEST_F(RuntimeSeriesTest, CountersGoOnInANewOne) {
  series_.Add(1, Busy(), now_);
  std::map<std::string, double> kept;
  series_.Counters(
      [&](const std::string& name, auto& number) { kept[name] = static_cast<double>(number); });
  RuntimeSeries next;
  for (const auto& [name, number] : kept)
    EXPECT_TRUE(next.Expect(name)) << name;
  EXPECT_FALSE(next.Expect("count requests"));
  EXPECT_FALSE(next.Expect("gc_other"));
  next.Counters([&](const std::string& name, auto& number) {
    number = static_cast<std::remove_reference_t<decltype(number)>>(kept.at(name));
  });
  const RuntimeNumbers view = next.View(0, now_);
  EXPECT_EQ(view.lag->cumulative.back(), 50u);
  EXPECT_EQ(view.lag->sum_seconds, 0.5);
  EXPECT_FALSE(view.lag->p99_seconds);
  EXPECT_EQ(view.stalls, 1u);
  EXPECT_EQ(view.loop_idle_seconds, 0.75);
  EXPECT_EQ(view.gc.at(0).count, 2u);
  EXPECT_EQ(view.uncaught_exceptions, 1u);
}

}  // namespace
}  // namespace tend::exporter
