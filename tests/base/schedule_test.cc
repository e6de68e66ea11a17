#include "base/schedule.h"

#include <string>

#include <gtest/gtest.h>

namespace tend {
namespace {

using std::chrono::hours;

Wall T(const char* text) {
  const auto time = ParseTime(text);
  EXPECT_TRUE(time) << text;
  return time ? *time : Wall{};
}

OffsetSpan Utc(Wall) {
  return {};
}

// Berlin in 2026: summer time from 29 March 01:00Z to 25 October 01:00Z.
OffsetSpan Berlin(Wall time) {
  const Wall spring = T("2026-03-29T01:00:00Z"), autumn = T("2026-10-25T01:00:00Z");
  if (time < spring) return {Wall::min(), spring, hours(1)};
  if (time < autumn) return {spring, autumn, hours(2)};
  return {autumn, Wall::max(), hours(1)};
}

std::string Next(const char* text, const char* after, const ZoneOffsets& zone = Utc) {
  const auto schedule = Schedule::Parse(text);
  EXPECT_TRUE(schedule) << text;
  if (!schedule) return "";
  const Wall next = schedule->Next(T(after), zone);
  return next == Wall::max() ? "never" : FormatRfc3339(next).substr(0, 16);
}

TEST(Schedule, NamesAndFields) {
  EXPECT_EQ(Next("hourly", "2026-11-21T10:31:07Z"), "2026-11-21T11:00");
  EXPECT_EQ(Next("daily", "2026-11-21T10:31:07Z"), "2026-11-22T00:00");
  EXPECT_EQ(Next("weekly", "2026-11-21T10:31:07Z"), "2026-11-22T00:00");  // a Saturday
  EXPECT_EQ(Next("weekly", "2026-11-22T00:00:00Z"), "2026-11-29T00:00");
  EXPECT_EQ(Next("monthly", "2026-12-01T00:00:00Z"), "2027-01-01T00:00");
  EXPECT_EQ(Next("*/15 * * * *", "2026-11-21T10:31:07Z"), "2026-11-21T10:45");
  EXPECT_EQ(Next("30 2,14 * * *", "2026-11-21T02:30:00Z"), "2026-11-21T14:30");
  EXPECT_EQ(Next("0 0 * * mon-fri", "2026-11-21T10:31:07Z"), "2026-11-23T00:00");
  EXPECT_EQ(Next("0 0 * Feb 7", "2026-11-21T10:31:07Z"), "2027-02-07T00:00");
  EXPECT_EQ(Next("5/20  3 * * *", "2026-11-21T03:26:00Z"), "2026-11-21T03:45");
  // Either of two days is enough.
  EXPECT_EQ(Next("0 0 13 * 5", "2026-11-10T00:00:00Z"), "2026-11-13T00:00");
  EXPECT_EQ(Next("0 0 13 * 5", "2026-11-13T00:00:00Z"), "2026-11-20T00:00");
  EXPECT_EQ(Next("0 0 29 2 *", "2026-11-21T00:00:00Z"), "2028-02-29T00:00");
  EXPECT_EQ(Next("0 0 30 2 *", "2026-11-21T00:00:00Z"), "never");
}

TEST(Schedule, IsStrictlyAfter) {
  EXPECT_EQ(Next("daily", "2026-11-21T23:59:59.999999999Z"), "2026-11-22T00:00");
  EXPECT_EQ(Next("daily", "2026-11-22T00:00:00Z"), "2026-11-23T00:00");
}

TEST(Schedule, SaysWhatCannotBeRead) {
  for (const char* text :
       {"", "dayly", "* * * *", "* * * * * *", "60 * * * *", "* 24 * * *", "* * 0 * *",
        "* * * 13 *", "* * * * 8", "5-1 * * * *", "*/0 * * * *", "a * * * *", "1,,2 * * * *",
        "-1 * * * *", "1- * * * *", "99999999999 * * * *"}) {
    EXPECT_FALSE(Schedule::Parse(text)) << text;
  }
}

TEST(Schedule, SecondsMayStandBeforeTheRest) {
  const auto next = [](const char* text, const char* after) -> std::string {
    const auto schedule = Schedule::Parse(text, Schedule::Seconds::kAllowed);
    EXPECT_TRUE(schedule) << text;
    return schedule ? FormatRfc3339(schedule->Next(T(after), Utc)).substr(0, 19) : "";
  };
  EXPECT_EQ(next("*/20 * * * * *", "2026-11-21T10:31:07Z"), "2026-11-21T10:31:20");
  EXPECT_EQ(next("*/20 * * * * *", "2026-11-21T10:31:20Z"), "2026-11-21T10:31:40");
  EXPECT_EQ(next("*/20 * * * * *", "2026-11-21T23:59:59Z"), "2026-11-22T00:00:00");
  EXPECT_EQ(next("30 0 3 * * *", "2026-11-21T03:00:30Z"), "2026-11-22T03:00:30");
  EXPECT_EQ(next("0 3 * * *", "2026-11-21T03:00:00Z"), "2026-11-22T03:00:00");
  EXPECT_FALSE(Schedule::Parse("60 * * * * *", Schedule::Seconds::kAllowed));
}

TEST(Schedule, FollowsALocalClock) {
  EXPECT_EQ(Next("daily", "2026-11-21T10:31:07Z", Berlin), "2026-11-21T23:00");
  EXPECT_EQ(Next("daily", "2026-07-21T10:31:07Z", Berlin), "2026-07-21T22:00");
  // Over the change.
  EXPECT_EQ(Next("0 12 * * *", "2026-03-28T12:00:00Z", Berlin), "2026-03-29T10:00");
}

TEST(Schedule, ClockSetForward) {
  // 02:00 to 03:00 is missing: what falls into it comes when it is over, once.
  EXPECT_EQ(Next("30 2 * * *", "2026-03-28T12:00:00Z", Berlin), "2026-03-29T01:00");
  EXPECT_EQ(Next("30 2 * * *", "2026-03-29T01:00:00Z", Berlin), "2026-03-30T00:30");
  EXPECT_EQ(Next("hourly", "2026-03-29T00:00:00Z", Berlin), "2026-03-29T01:00");
  EXPECT_EQ(Next("hourly", "2026-03-29T01:00:00Z", Berlin), "2026-03-29T02:00");
}

TEST(Schedule, ClockSetBack) {
  // 02:00 to 03:00 is there twice.
  EXPECT_EQ(Next("30 2 * * *", "2026-10-24T12:00:00Z", Berlin), "2026-10-25T00:30");
  EXPECT_EQ(Next("30 2 * * *", "2026-10-25T00:30:00Z", Berlin), "2026-10-26T01:30");
  EXPECT_EQ(Next("0 3 * * *", "2026-10-25T00:30:00Z", Berlin), "2026-10-25T02:00");
  EXPECT_EQ(Next("hourly", "2026-10-25T00:00:00Z", Berlin), "2026-10-25T01:00");
  EXPECT_EQ(Next("hourly", "2026-10-25T01:00:00Z", Berlin), "2026-10-25T02:00");
}

}  // namespace
}  // namespace tend
