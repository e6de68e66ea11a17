#include "collector/telemetry_frame.h"

#include <random>
#include <string>

#include <gtest/gtest.h>

namespace tend::collector {
namespace {

constexpr std::string_view kFrame =
    R"({"v":1,"rt":"node 20.20.2","lag":[[13,98],[53,2]],"sum":0.11,"max":0.002,)"
    R"("stalls":[1,0.4],"active":0.004,"idle":0.996,"heap":[4200000,6100000,2197815296],)"
    R"("ext":[1600000,10475],"gc":{"minor":[2,0.001],"gen2":[0,0],"other":7},)"
    R"("spaces":{"new_space":900000,"old_space":3300000},"res":3,"exc":1,"rej":0,"new":[1]})";

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
  EXPECT_EQ(report->external_bytes, 1600000u);
  EXPECT_EQ(report->array_buffers_bytes, 10475u);
  EXPECT_EQ(report->stalls, (Pauses{1, 0.4}));
  EXPECT_EQ(report->gc[0], (Pauses{2, 0.001}));
  EXPECT_FALSE(report->gc[1]);
  EXPECT_EQ(report->gc[6], (Pauses{0, 0}));
  const std::vector<std::pair<std::string, std::uint64_t>> spaces = {{"new_space", 900000},
                                                                     {"old_space", 3300000}};
  EXPECT_EQ(report->heap_spaces, spaces);
  EXPECT_EQ(report->active_resources, 3u);
  EXPECT_EQ(report->uncaught_exceptions, 1u);
  EXPECT_EQ(report->unhandled_rejections, 0u);
}

TEST(TelemetryFrame, NeedsNothingButTheVersion) {
  const auto report = ParseFrame(R"({"v":1})");
  ASSERT_TRUE(report);
  EXPECT_FALSE(report->heap_used_bytes);
  EXPECT_FALSE(report->uncaught_exceptions);
  EXPECT_EQ(report->runtime, "");
}

// One of a minute hides 3000 samples, which were half a minute late on average.
TEST(TelemetryFrame, TakesALongStall) {
  const auto report = ParseFrame(R"({"v":1,"sum":90000,"max":60,"stalls":[1,60]})");
  ASSERT_TRUE(report);
  EXPECT_DOUBLE_EQ(report->lag_sum_seconds, 90000);
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
                                           R"({"v":1,"sum":1e10})",
                                           R"({"v":1,"sum":"1"})",
                                           R"({"v":1,"max":90000})",
                                           R"({"v":1,"heap":[1,2]})",
                                           R"({"v":1,"rt":"node\u0007"})",
                                           R"({"v":1,"stalls":[1]})",
                                           R"({"v":1,"stalls":[1,-1]})",
                                           R"({"v":1,"gc":[1]})",
                                           R"({"v":1,"gc":{"minor":[1,90000]}})",
                                           R"({"v":1,"ext":[1]})",
                                           R"({"v":1,"res":-1})",
                                           R"({"v":1,"exc":"1"})",
                                           R"({"v":1,"spaces":{"a b":1}})",
                                           R"({"v":1,"spaces":{"":1}})",
                                           R"({"v":1,"spaces":{"a":null}})",
                                           R"({"v":1,"rt":7})"));

TEST(TelemetryFrame, RefusesWhatIsTooLarge) {
  EXPECT_FALSE(ParseFrame(R"({"v":1,"x":")" + std::string(kFrameMaxBytes, 'x') + "\"}"));
}

TEST(TelemetryFrame, RefusesMoreSpacesThanAHeapHas) {
  std::string spaces;
  for (int i = 0; i < 17; ++i)
    spaces += (i > 0 ? ",\"s" : "\"s") + std::to_string(i) + "\":1";
  EXPECT_FALSE(ParseFrame(R"({"v":1,"spaces":{)" + spaces + "}}"));
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
