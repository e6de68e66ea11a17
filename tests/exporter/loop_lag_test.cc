#include "exporter/loop_lag.h"

#include <algorithm>
#include <chrono>
#include <limits>

#include <gtest/gtest.h>

namespace tend::exporter {
namespace {

using std::chrono::seconds;

class LoopLagTest : public testing::Test {
 protected:
  // `count` delays of at most `bound` seconds, which is one of kLagBounds.
  void Report(double bound, std::uint32_t count) {
    TelemetryReport report;
    const auto at = std::find(kLagBounds.begin(), kLagBounds.end(), bound);
    report.lag_counts[static_cast<std::size_t>(at - kLagBounds.begin())] = count;
    report.lag_sum_seconds = bound * count;
    report.lag_max_seconds = bound;
    lag_.Add(report, now_);
  }
  // The exported bucket of that bound.
  std::uint64_t Cumulative(double bound) const {
    const auto at = std::find(kLagExportBounds.begin(), kLagExportBounds.end(), bound);
    return View().cumulative[static_cast<std::size_t>(at - kLagExportBounds.begin())];
  }
  LagView View() const { return lag_.View(now_); }

  LoopLag lag_;
  Mono now_ = Mono(std::chrono::hours(1));
};

TEST_F(LoopLagTest, BucketsAreCumulativeAndNeverReset) {
  Report(0.0001, 5);
  Report(0.001, 3);
  Report(0.0012, 2);
  Report(60, 1);
  EXPECT_EQ(Cumulative(0.001), 8u);
  EXPECT_EQ(Cumulative(0.0025), 10u);
  EXPECT_EQ(Cumulative(10), 10u);
  EXPECT_EQ(View().cumulative.back(), 11u);
  now_ += std::chrono::hours(2);
  EXPECT_EQ(View().cumulative.back(), 11u);
  Report(0.001, 1);
  EXPECT_EQ(View().cumulative.back(), 12u);
}

TEST_F(LoopLagTest, WhatIsAboveAllBoundsIsInTheLastBucketOnly) {
  TelemetryReport report;
  report.lag_counts.back() = 1;
  report.lag_sum_seconds = report.lag_max_seconds = 75;
  lag_.Add(report, now_);
  EXPECT_EQ(Cumulative(10), 0u);
  EXPECT_EQ(View().cumulative.back(), 1u);
  EXPECT_EQ(View().p50_seconds, 75);
  EXPECT_DOUBLE_EQ(View().sum_seconds, 75);
}

TEST_F(LoopLagTest, QuantilesAreUpperBoundsOfTheirBuckets) {
  Report(0.001, 98);
  Report(0.05, 1);
  Report(0.5, 1);
  EXPECT_EQ(View().p50_seconds, 0.001);
  EXPECT_EQ(View().p99_seconds, 0.05);
  EXPECT_EQ(View().max_seconds, 0.5);
}

TEST_F(LoopLagTest, TheMedianOfTwoIsTheSmaller) {
  Report(0.001, 1);
  Report(1, 1);
  EXPECT_EQ(View().p50_seconds, 0.001);
  EXPECT_EQ(View().p99_seconds, 1);
}

TEST_F(LoopLagTest, NoQuantileIsAboveTheLargestThatWasSeen) {
  TelemetryReport report;
  report.lag_counts[0] = 10;
  report.lag_max_seconds = 0.00002;
  lag_.Add(report, now_);
  EXPECT_EQ(View().p99_seconds, 0.00002);
}

TEST_F(LoopLagTest, QuantilesForgetAfterAMinute) {
  Report(5, 1);
  now_ += seconds(54);
  Report(0.001, 1);
  EXPECT_EQ(View().max_seconds, 5);
  now_ += seconds(6);
  EXPECT_EQ(View().max_seconds, 0.001);
  now_ += seconds(60);
  EXPECT_FALSE(View().p50_seconds || View().p99_seconds || View().max_seconds)
      << "nothing was reported for a minute";
}

TEST_F(LoopLagTest, AnOldSlotIsNotAddedToWhenTheRingComesRound) {
  for (int i = 0; i < 100; ++i) {
    Report(0.01, 1);
    now_ += seconds(5);
  }
  EXPECT_EQ(View().cumulative.back(), 100u);
  EXPECT_EQ(View().p50_seconds, 0.01);
}

TEST_F(LoopLagTest, NonsenseFromAWorkerIsNotPassedOn) {
  TelemetryReport report;
  report.lag_counts[0] = 1;
  report.lag_sum_seconds = std::numeric_limits<double>::quiet_NaN();
  report.lag_max_seconds = std::numeric_limits<double>::infinity();
  lag_.Add(report, now_);
  report.lag_sum_seconds = -5;
  lag_.Add(report, now_);
  EXPECT_EQ(View().sum_seconds, 0);
  EXPECT_EQ(View().max_seconds, 0);
}

}  // namespace
}  // namespace tend::exporter
