#include "supervisor/probes/cron_clock.h"

#include <optional>

#include <gtest/gtest.h>

#include "support/fake_loop.h"

namespace tend::probes {
namespace {

using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;

class CronClocks : public testing::Test {
 protected:
  void Start(const char* text, const char* now) {
    const auto schedule = Schedule::Parse(text, Schedule::Seconds::kAllowed);
    ASSERT_TRUE(schedule) << text;
    loop_.SetWall(*ParseTime(now));
    clock_.emplace(
        loop_, *schedule, [](Wall) { return OffsetSpan{}; }, [this] { ++calls_; });
  }
  // The clock is set, and a while passes in which it is looked at.
  void Set(const char* now) {
    loop_.SetWall(*ParseTime(now));
    loop_.Advance(seconds(31));
  }

  FakeLoop loop_;
  int calls_ = 0;
  std::optional<CronClock> clock_;
};

TEST_F(CronClocks, CallsOnceForEachTime) {
  Start("*/5 * * * *", "2026-11-21T10:00:00Z");
  loop_.Advance(minutes(4) + seconds(59));
  EXPECT_EQ(calls_, 0);
  loop_.Advance(seconds(1));
  EXPECT_EQ(calls_, 1);
  loop_.Advance(minutes(60));
  EXPECT_EQ(calls_, 13);
}

TEST_F(CronClocks, SecondsAreKept) {
  Start("*/10 * * * * *", "2026-11-21T10:00:05Z");
  loop_.Advance(seconds(5));
  EXPECT_EQ(calls_, 1);
  loop_.Advance(seconds(60));
  EXPECT_EQ(calls_, 7);
}

TEST_F(CronClocks, AClockThatIsSetForwardALittleIsFollowed) {
  Start("30 10 * * *", "2026-11-21T10:00:00Z");
  loop_.Advance(minutes(1));
  Set("2026-11-21T10:30:10Z");
  EXPECT_EQ(calls_, 1);
  loop_.Advance(hours(23));
  EXPECT_EQ(calls_, 1);
}

TEST_F(CronClocks, WhatIsLongPastIsLeftOut) {
  Start("30 10 * * *", "2026-11-21T10:00:00Z");
  Set("2026-11-21T14:00:00Z");
  EXPECT_EQ(calls_, 0);
  EXPECT_EQ(clock_->next(), *ParseTime("2026-11-22T10:30:00Z"));
}

TEST_F(CronClocks, AClockThatIsSetBackCallsForNothingTwice) {
  Start("0 * * * *", "2026-11-21T10:59:50Z");
  loop_.Advance(seconds(20));
  EXPECT_EQ(calls_, 1);
  Set("2026-11-21T10:59:00Z");
  loop_.Advance(minutes(5));
  EXPECT_EQ(calls_, 1);
  loop_.Advance(hours(1));
  EXPECT_EQ(calls_, 2);
}

TEST_F(CronClocks, AClockThatWasYearsAheadDoesNotStopIt) {
  Start("0 * * * *", "2036-11-21T10:59:50Z");
  loop_.Advance(seconds(20));
  EXPECT_EQ(calls_, 1);
  Set("2026-11-21T10:58:00Z");
  loop_.Advance(minutes(3));
  EXPECT_EQ(calls_, 2);
}

TEST_F(CronClocks, OneThatNeverComesIsNoBusyLoop) {
  Start("0 0 30 2 *", "2026-11-21T10:00:00Z");
  loop_.Advance(hours(1));
  EXPECT_EQ(calls_, 0);
  EXPECT_EQ(loop_.timers(), 1u);
}

}  // namespace
}  // namespace tend::probes
