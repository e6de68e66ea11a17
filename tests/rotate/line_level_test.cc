#include "rotate/line_level.h"

#include <random>
#include <string>

#include <gtest/gtest.h>

namespace tend::rotate {
namespace {

std::string Of(std::string_view text) {
  const auto level = LevelOf(text);
  return level ? std::string(LevelName(*level)) : "none";
}

TEST(LineLevel, OfTheJsonThatLoggersWrite) {
  EXPECT_EQ(Of(R"({"level":30,"time":1531171074631,"msg":"hello","pid":657})"), "info");
  EXPECT_EQ(Of(R"({"name":"a","hostname":"h","pid":1,"level":50,"msg":"x","v":0})"), "error");
  EXPECT_EQ(Of(R"({"level":"warn","message":"m","timestamp":"2026-11-21T10:31:07.000Z"})"), "warn");
  EXPECT_EQ(Of(R"({"event": "m", "level": "critical"})"), "fatal");
  EXPECT_EQ(Of(R"({"severity":"WARNING","message":"m"})"), "warn");
  EXPECT_EQ(Of("{\"log.level\":\"debug\"}\r"), "debug");
  EXPECT_EQ(Of(R"({"level":35})"), "info");
  EXPECT_EQ(Of(R"({"level":1e9})"), "fatal");
  EXPECT_EQ(Of(R"({"level":3})"), "none");
  EXPECT_EQ(Of(R"({"deep":{"level":50}})"), "none");
  EXPECT_EQ(Of(R"({"msg":"\"level\":50"})"), "none");
}

TEST(LineLevel, OfPlainText) {
  EXPECT_EQ(Of("2026-11-21 10:31:07,000 - app - ERROR - it broke"), "error");
  EXPECT_EQ(Of("[warn] low on space"), "warn");
  EXPECT_EQ(Of("<info> up"), "info");
  EXPECT_EQ(Of("ts=1 level=debug msg=\"an error\""), "debug");
  EXPECT_EQ(Of("time=1 level=\"fatal\" msg=x"), "fatal");
  EXPECT_EQ(Of("Error: boom"), "error");
  EXPECT_EQ(Of("warning: deprecated"), "warn");
}

TEST(LineLevel, AWordInASentenceIsNone) {
  EXPECT_EQ(Of("there was no error at all"), "none");
  EXPECT_EQ(Of("TypeError: x is not a function"), "none");
  EXPECT_EQ(Of("INFOS are many"), "none");
  EXPECT_EQ(Of(""), "none");
  EXPECT_EQ(Of("{"), "none");
  EXPECT_EQ(Of(std::string(200, ' ') + "ERROR"), "none");
}

std::string TimeIn(std::string_view object) {
  std::vector<JsonMember> members;
  EXPECT_TRUE(SplitJsonObject(object, members)) << object;
  const auto time = TimeOf(members);
  return time ? FormatRfc3339(*time) : "none";
}

TEST(LineTime, InTheUnitsThatLoggersUse) {
  EXPECT_EQ(TimeIn(R"({"time":1531171074631})"), "2018-07-09T21:17:54.631000000Z");
  EXPECT_EQ(TimeIn(R"({"ts":1531171074.5})"), "2018-07-09T21:17:54.500000000Z");
  EXPECT_EQ(TimeIn(R"({"time":1531171074})"), "2018-07-09T21:17:54.000000000Z");
  EXPECT_EQ(TimeIn(R"({"ts":1531171074631123})"), "2018-07-09T21:17:54.631123000Z");
  EXPECT_EQ(TimeIn(R"({"ts":1531171074631123456})"), "2018-07-09T21:17:54.631123456Z");
  EXPECT_EQ(TimeIn(R"({"timestamp":"2018-07-09T23:17:54.631+02:00"})"),
            "2018-07-09T21:17:54.631000000Z");
  for (const char* none :
       {R"({"time":0})", R"({"time":-5})", R"({"time":1e300})", R"({"time":"soon"})",
        R"({"time":99999999999999999999})", R"({"time":null})", R"({"a":1})"}) {
    EXPECT_EQ(TimeIn(none), "none") << none;
  }
}

TEST(JsonObject, OutermostMembersAsTheyWereWritten) {
  std::vector<JsonMember> members;
  ASSERT_TRUE(
      SplitJsonObject("{ \"a\" : \"x\\\"}\" ,\"b\":[1,{\"c\":2}],\t\"\\u0064\":-1.5e3 }", members));
  ASSERT_EQ(members.size(), 3u);
  EXPECT_EQ(members[0].key, "a");
  EXPECT_EQ(members[0].value, "\"x\\\"}\"");
  EXPECT_EQ(members[1].value, "[1,{\"c\":2}]");
  EXPECT_EQ(members[2].key, "\\u0064");
  EXPECT_EQ(members[2].value, "-1.5e3");
  EXPECT_TRUE(SplitJsonObject("{ }", members));
  EXPECT_TRUE(members.empty());
}

TEST(JsonObject, WhatIsNoneIsRefused) {
  std::vector<JsonMember> members;
  for (const char* text : {"", "{", "}", "{a:1}", "{\"a\"}", "{\"a\":}", "{\"a\":1,}", "{\"a\":1}}",
                           "{\"a\":1} ", " {}", "[]", "{\"a\":\"}", "{\"a\":\"\\\"}"}) {
    EXPECT_FALSE(SplitJsonObject(text, members)) << text;
  }
  EXPECT_FALSE(IsWellFormedJson("{\"a\":tru}"));
  EXPECT_FALSE(IsWellFormedJson("{\"a\":\"\xff\"}"));
  EXPECT_TRUE(IsWellFormedJson("{\"a\":[true,null]}"));
}

TEST(JsonObject, SurvivesAnyBytes) {
  std::mt19937 random(11);
  const std::string good = R"({"a":{"b":[1,"x\"y"]},"level":30,"time":12})";
  std::vector<JsonMember> members;
  for (int i = 0; i < 20000; ++i) {
    std::string text = good;
    for (int flips = 0; flips < 3; ++flips)
      text[random() % text.size()] = "{}[]\",:\\ x1"[random() % 11];
    if (!SplitJsonObject(text, members)) continue;
    for (const JsonMember& member : members)
      EXPECT_LE(member.value.data() + member.value.size(), text.data() + text.size());
    (void)LevelOf(text);
    (void)TimeOf(members);
  }
}

}  // namespace
}  // namespace tend::rotate
