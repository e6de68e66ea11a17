#include "collector/telemetry_frame.h"

#include <random>
#include <string>

#include <gtest/gtest.h>

namespace tend::collector {
namespace {

constexpr std::string_view kFrame =
    R"({"v":1,"rt":"node 20.20.2","lag":[[13,98],[53,2]],"sum":0.11,"max":0.002,)"
    R"("active":0.004,"idle":0.996,"heap":[4200000,6100000,2197815296],"new":[1]})";

TEST(TelemetryFrame, ReadsAllOfAFrame) {
  const auto report = ParseFrame(kFrame);
  ASSERT_TRUE(report);
  EXPECT_EQ(report->runtime, "node 20.20.2");
  EXPECT_EQ(report->lag_counts[13], 98u);
  EXPECT_EQ(report->lag_counts[kLagBuckets - 1], 2u);
  EXPECT_DOUBLE_EQ(report->lag_sum_seconds, 0.11);
  EXPECT_DOUBLE_EQ(report->lag_max_seconds, 0.002);
  EXPECT_DOUBLE_EQ(report->loop_active_seconds, 0.004);
  EXPECT_EQ(report->heap_limit_bytes, 2197815296u);
}

TEST(TelemetryFrame, NeedsNothingButTheVersion) {
  const auto report = ParseFrame(R"({"v":1})");
  ASSERT_TRUE(report);
  EXPECT_FALSE(report->heap_used_bytes);
  EXPECT_EQ(report->runtime, "");
}

class BadFrame : public ::testing::TestWithParam<const char*> {};

TEST_P(BadFrame, IsRefused) {
  EXPECT_FALSE(ParseFrame(GetParam()));
}

INSTANTIATE_TEST_SUITE_P(All,
                         BadFrame,
                         ::testing::Values("",
                                           "nonsense",
                                           "[]",
                                           "{}",
                                           R"({"v":2})",
                                           R"({"v":1,"lag":7})",
                                           R"({"v":1,"lag":[[54,1]]})",
                                           R"({"v":1,"lag":[[-1,1]]})",
                                           R"({"v":1,"lag":[[1,4294967296]]})",
                                           R"({"v":1,"lag":[[1]]})",
                                           R"({"v":1,"sum":-1})",
                                           R"({"v":1,"sum":1e999})",
                                           R"({"v":1,"sum":"1"})",
                                           R"({"v":1,"max":90000})",
                                           R"({"v":1,"heap":[1,2]})",
                                           R"({"v":1,"rt":"node\u0007"})",
                                           R"({"v":1,"rt":7})"));

TEST(TelemetryFrame, RefusesWhatIsTooLarge) {
  EXPECT_FALSE(ParseFrame(R"({"v":1,"x":")" + std::string(kFrameMaxBytes, 'x') + "\"}"));
}

TEST(TelemetryFrame, SurvivesDamage) {
  std::mt19937 random(1);
  for (int round = 0; round < 20000; ++round) {
    std::string frame(kFrame);
    for (int n = 0; n < 3; ++n)
      frame[random() % frame.size()] = static_cast<char>(random());
    if (random() % 2 != 0) frame.resize(random() % frame.size());
    const auto report = ParseFrame(frame);
    if (report) {
      EXPECT_GE(report->lag_sum_seconds, 0);
    }
  }
}

}  // namespace
}  // namespace tend::collector
