#include "cli/log_line.h"

#include <stdlib.h>
#include <time.h>

#include <gtest/gtest.h>

#include "cli/log_stream.h"
#include "cli/person_time.h"

namespace tend::cli {
namespace {

class LogLines : public testing::Test {
 protected:
  void SetUp() override {
    ::setenv("TZ", "UTC-2", 1);  // two hours east
    ::tzset();
  }
  void TearDown() override {
    ::unsetenv("TZ");
    ::tzset();
  }
};

constexpr const char* kLine =
    R"({"time":"2026-11-21T10:31:07.001934567Z","app":"api","worker":1,"stream":"stderr",)"
    R"("message":"a\u001b[2Jb\té"})";

TEST_F(LogLines, AreRenderedInLocalTimeWithControlCharactersMadeHarmless) {
  const auto line = ParseLogLine(kLine);
  ASSERT_TRUE(line);
  EXPECT_EQ(RenderLogLine(*line, LogOutput::kShort, {}),
            "12:31:07.001 api:1 [err] a\\x1b[2Jb\té\n");
  EXPECT_EQ(RenderLogLine(*line, LogOutput::kIso, {}),
            "2026-11-21T10:31:07.001934567Z api:1 [err] a\\x1b[2Jb\té\n");
}

TEST_F(LogLines, RawAndJsonAreWhatTheWorkerWroteAndTheSidecarSent) {
  const auto line = ParseLogLine(kLine);
  ASSERT_TRUE(line);
  EXPECT_EQ(RenderLogLine(*line, LogOutput::kRaw, {}), "a\x1b[2Jb\té\n");
  EXPECT_EQ(RenderLogLine(*line, LogOutput::kJson, {}), std::string(kLine) + '\n');
}

TEST_F(LogLines, StdoutHasNoMark) {
  const auto line = ParseLogLine(
      R"({"time":"2026-11-21T10:31:07Z","app":"web","worker":0,"stream":"stdout","message":"hi"})");
  ASSERT_TRUE(line);
  EXPECT_EQ(RenderLogLine(*line, LogOutput::kShort, {}), "12:31:07.000 web:0 hi\n");
}

TEST_F(LogLines, TellOfDamage) {
  EXPECT_TRUE(ParseLogLine(R"({"message":"[tend: a.zst: …]","damaged":true})")->is_damage);
  EXPECT_FALSE(ParseLogLine(R"({"message":"x","damaged":false})")->is_damage);
  EXPECT_FALSE(ParseLogLine(R"({"message":"x"})")->is_damage);
}

TEST_F(LogLines, HaveTheBytesOfTheWorkerWhereTheyCame) {
  const auto line = ParseLogLine(R"({"message":"a\ufffd","bytes":"Yf8=","partial":true})");
  ASSERT_TRUE(line);
  EXPECT_EQ(line->message, "a\xff");
  EXPECT_TRUE(line->is_partial);
  EXPECT_FALSE(ParseLogLine(R"({"message":"a\ufffd","bytes":"Y"})"));
}

TEST_F(LogLines, RefuseWhatIsNoLine) {
  EXPECT_FALSE(ParseLogLine("no such app"));
  EXPECT_FALSE(ParseLogLine("[]"));
  EXPECT_FALSE(ParseLogLine(R"({"error":"no such app"})"));
  EXPECT_TRUE(ParseLogLine(R"({"message":5,"worker":"x"})"));
}

TEST(LogOutput, HasFourForms) {
  EXPECT_TRUE(ParseLogOutput("iso"));
  EXPECT_FALSE(ParseLogOutput("xml"));
}

TEST(LineCutter, KeepsAHalfLineUntilTheRestComes) {
  std::vector<std::string> lines;
  LineCutter cutter([&](std::string_view line) { lines.emplace_back(line); });
  cutter.Feed("a\nb");
  EXPECT_EQ(lines, std::vector<std::string>{"a"});
  cutter.Feed("c\n\nd");
  EXPECT_EQ(lines, (std::vector<std::string>{"a", "bc", ""}));
  cutter.Finish();
  EXPECT_EQ(lines.back(), "d");
}

TEST(LineCutter, NeverKeepsMoreThanSixteenMebibytes) {
  std::size_t largest = 0;
  LineCutter cutter([&](std::string_view line) { largest = std::max(largest, line.size()); });
  for (int i = 0; i < 400; ++i)
    cutter.Feed(std::string(64 * 1024, 'x'));
  cutter.Finish();
  EXPECT_LE(largest, 16u * 1024 * 1024);
  EXPECT_GT(largest, 15u * 1024 * 1024);
}

TEST(SeenLines, SkipsAfterAReconnectionWhatWasSeenBefore) {
  SeenLines seen;
  EXPECT_EQ(seen.Since(), "");
  EXPECT_TRUE(seen.IsNew("api", "2026-11-21T10:00:00.000000000Z"));
  EXPECT_TRUE(seen.IsNew("api", "2026-11-21T10:00:01.000000000Z"));
  EXPECT_TRUE(seen.IsNew("api", "2026-11-21T10:00:01.000000000Z"));
  EXPECT_EQ(seen.Since(), "2026-11-21T10:00:01.000000000Z");
  seen.Reconnected();
  EXPECT_FALSE(seen.IsNew("api", "2026-11-21T10:00:00.000000000Z"));
  EXPECT_FALSE(seen.IsNew("api", "2026-11-21T10:00:01.000000000Z"));
  EXPECT_FALSE(seen.IsNew("api", "2026-11-21T10:00:01.000000000Z"));
  EXPECT_TRUE(seen.IsNew("api", "2026-11-21T10:00:01.000000000Z"));  // a third of that time
  EXPECT_TRUE(seen.IsNew("api", "2026-11-21T10:00:02.000000000Z"));
}

TEST(SeenLines, CountsLinesOfOneTimeOverTwoReconnections) {
  SeenLines seen;
  const std::string t = "2026-11-21T10:00:01.000000000Z";
  EXPECT_TRUE(seen.IsNew("api", t));
  seen.Reconnected();
  EXPECT_FALSE(seen.IsNew("api", t));
  EXPECT_TRUE(seen.IsNew("api", t));
  seen.Reconnected();
  EXPECT_FALSE(seen.IsNew("api", t));
  EXPECT_FALSE(seen.IsNew("api", t));
  EXPECT_TRUE(seen.IsNew("api", t));
}

TEST(SeenLines, AppsDoNotHideOneAnothersLines) {
  SeenLines seen;
  EXPECT_TRUE(seen.IsNew("api", "2026-11-21T10:00:05.000000000Z"));
  EXPECT_TRUE(seen.IsNew("web", "2026-11-21T10:00:03.000000000Z"));
  EXPECT_EQ(seen.Since(), "2026-11-21T10:00:03.000000000Z");
  seen.Reconnected();
  EXPECT_FALSE(seen.IsNew("web", "2026-11-21T10:00:03.000000000Z"));
  EXPECT_TRUE(seen.IsNew("web", "2026-11-21T10:00:04.000000000Z"));
  EXPECT_FALSE(seen.IsNew("api", "2026-11-21T10:00:05.000000000Z"));
}

TEST(SeenLines, AQuietAppDoesNotMakeTheStreamBeginDaysAgo) {
  SeenLines seen;
  EXPECT_TRUE(seen.IsNew("quiet", "2026-11-19T10:00:00.000000000Z"));
  EXPECT_TRUE(seen.IsNew("api", "2026-11-21T10:00:30.000000000Z"));
  EXPECT_EQ(seen.Since(), "2026-11-21T10:00:20.000000000Z");
}

TEST(LogTarget, SaysWhatWasAskedForAndNothingElse) {
  LogQuery query;
  EXPECT_EQ(LogTarget(query), "/api/v1/logs");
  query.lines = 50;
  query.pattern = "a+b";
  query.ignore_case = query.invert = query.follow = true;
  query.stream = "err";
  query.since = "2026-11-21T10:00:00Z";
  query.level = "warn";
  query.context = 3;
  query.targets = {{"web", -1}, {"my app", 2}};
  EXPECT_EQ(
      LogTarget(query),
      "/api/v1/logs?app=web&worker=my%20app%3A2&n=50&since=2026-11-21T10%3A00%3A00Z&q=a%2Bb&i=1&v=1"
      "&stream=err&level=warn&context=3&follow=1");
  LogQuery reversed;
  reversed.reverse = true;
  EXPECT_EQ(LogTarget(reversed), "/api/v1/logs?reverse=1");
  LogQuery raw;
  raw.output = LogOutput::kRaw;
  EXPECT_EQ(LogTarget(raw), "/api/v1/logs?bytes=1");
}

TEST_F(LogLines, TimesOfPeopleAreLocalUnlessTheyNameAZone) {
  const auto now = *ParseTime("2026-11-21T10:31:07Z");
  const auto at = [&](std::string_view text) {
    const auto time = ParsePersonTime(text, now);
    return time ? FormatRfc3339(*time).substr(0, 19) : "error";
  };
  EXPECT_EQ(at("10m"), "2026-11-21T10:21:07");
  EXPECT_EQ(at("now"), "2026-11-21T10:31:07");
  EXPECT_EQ(at("today"), "2026-11-20T22:00:00");
  EXPECT_EQ(at("yesterday"), "2026-11-19T22:00:00");
  EXPECT_EQ(at("2026-11-21 10:31"), "2026-11-21T08:31:00");
  EXPECT_EQ(at("2026-11-21T10:31:00Z"), "2026-11-21T10:31:00");
  EXPECT_EQ(at("2026-11-21T10:31:00-01:00"), "2026-11-21T11:31:00");
  EXPECT_EQ(at("soon"), "error");
  EXPECT_EQ(at(""), "error");
}

}  // namespace
}  // namespace tend::cli
