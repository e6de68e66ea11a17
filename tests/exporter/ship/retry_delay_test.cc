#include "exporter/ship/retry_delay.h"

#include <set>

#include <gtest/gtest.h>

namespace tend::exporter {
namespace {

using namespace std::chrono_literals;

constexpr RetryDelay::Limits kLimits = {
    .first = 500ms, .longest = 5min, .least = 100ms, .asked_max = 1h};

TEST(RetryDelayTest, GrowsWithEachFailureInARowUpToItsLimit) {
  RetryDelay delay(kLimits, [] { return 1.0; });
  EXPECT_FALSE(delay.is_failing());
  for (const std::chrono::nanoseconds span : {500ms, 1000ms, 2000ms, 4000ms})
    EXPECT_EQ(delay.Fail({}), span);
  for (int i = 0; i < 1000; ++i)
    delay.Fail({});
  EXPECT_EQ(delay.Fail({}), 5min);
  EXPECT_TRUE(delay.is_failing());
  delay.Succeed();
  EXPECT_FALSE(delay.is_failing());
  EXPECT_EQ(delay.Fail({}), 500ms);
}

TEST(RetryDelayTest, OneFailureMayHaveAShorterLimitThanTheNext) {
  RetryDelay delay(kLimits, [] { return 1.0; });
  for (int i = 0; i < 10; ++i)
    EXPECT_LE(delay.Fail({}, 30s), 30s);
  EXPECT_EQ(delay.Fail({}), 5min);
}

TEST(RetryDelayTest, DrawsThePartThatItIsToldTo) {
  double drawn = 0;
  RetryDelay all(kLimits, [&] { return drawn; });
  EXPECT_EQ(all.Fail({}), 100ms) << "the least";
  drawn = 0.5;
  EXPECT_EQ(all.Fail({}), 500ms);
  drawn = 0;
  RetryDelay half({.first = 1s, .longest = 1s, .drawn = 0.5, .asked_max = 1h},
                  [&] { return drawn; });
  EXPECT_EQ(half.Fail({}), 500ms);
  drawn = 0.5;
  EXPECT_EQ(half.Fail({}), 750ms);
}

TEST(RetryDelayTest, WaitsAsLongAsItIsAskedToWithinReason) {
  RetryDelay delay(kLimits, [] { return 0.5; });
  EXPECT_EQ(delay.Fail(20s), 20s);
  EXPECT_EQ(delay.Fail(20h), 1h);
  EXPECT_EQ(delay.Fail(1ms), 1s);
}

TEST(RandomDraw, IsNotTheSameForTwo) {
  const Draw draw = RandomDraw(), other = RandomDraw();
  std::set<double> drawn;
  for (int i = 0; i < 10; ++i) {
    drawn.insert(draw());
    drawn.insert(other());
  }
  EXPECT_EQ(drawn.size(), 20U);
  EXPECT_GE(*drawn.begin(), 0);
  EXPECT_LT(*drawn.rbegin(), 1);
}

TEST(RandomDraw, IsTheSameForASeed) {
  EXPECT_EQ(RandomDraw(7)(), RandomDraw(7)());
}

}  // namespace
}  // namespace tend::exporter
