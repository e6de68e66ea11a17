#include "rotate/line_format.h"

#include <random>

#include <gtest/gtest.h>

#include "rotate/batches.h"

namespace tend::rotate {
namespace {

using config::LineFormat;

std::string Formatted(LineFormat format, const RecordBatch& batch) {
  std::string out;
  LineFormatter(format).Append(batch, out);
  return out;
}

RecordBatchPtr Example() {
  return BatchOf{
      .slot = 1, .stream = Stream::kStderr, .stamp = At(0, 1234567), .last_is_partial = true}(
      {"one", "", "two"});
}

TEST(LineFormat, TendLinesAreCriLinesThatNameTheWorker) {
  EXPECT_EQ(Formatted(LineFormat::kTend, *Example()),
            "2026-11-21T10:31:07.001234567Z stderr F api:1 one\n"
            "2026-11-21T10:31:07.001234567Z stderr F api:1 \n"
            "2026-11-21T10:31:07.001234567Z stderr P api:1 two\n");
}

TEST(LineFormat, CriLinesHaveNoWorker) {
  EXPECT_EQ(Formatted(LineFormat::kCri, *Example()),
            "2026-11-21T10:31:07.001234567Z stderr F one\n"
            "2026-11-21T10:31:07.001234567Z stderr F \n"
            "2026-11-21T10:31:07.001234567Z stderr P two\n");
}

TEST(LineFormat, RawLinesAreJoinedAgain) {
  LineFormatter formatter(LineFormat::kRaw);
  std::string out;
  formatter.Append(*Example(), out);
  BatchOf next{.slot = 1, .stream = Stream::kStderr};
  formatter.Append(*next({" and a half", "three"}), out);
  EXPECT_EQ(out, "one\n\ntwo and a half\nthree\n");
}

TEST(LineFormat, ARawPieceIsNotGluedToAnotherStream) {
  LineFormatter formatter(LineFormat::kRaw);
  std::string out;
  formatter.Append(*Example(), out);
  formatter.Append(*BatchOf{.slot = 1}({"other"}), out);
  formatter.AppendNotice("api", "note", At(1), out);
  EXPECT_EQ(out, "one\n\ntwo\nother\n[tend: note]\n");
}

TEST(LineFormat, Pm2DatesStandBeforeWholeLinesOnly) {
  LineFormatter formatter(LineStyle{.format = LineFormat::kRaw, .dates = "[on] YYYY"});
  std::string out;
  formatter.Append(*Example(), out);
  BatchOf next{.slot = 1, .stream = Stream::kStderr, .last_is_partial = true};
  formatter.Append(*next({" and a half", "three"}), out);
  formatter.Append(*BatchOf{.slot = 2}({"other"}), out);
  formatter.AppendNotice("api", "note", At(1), out);
  EXPECT_EQ(out,
            "on 2026: one\non 2026: \non 2026: two and a half\non 2026: three\n"
            "on 2026: other\non 2026: [tend: note]\n");
}

TEST(LineFormat, Pm2JsonHasItsKeys) {
  LineStyle style{.format = LineFormat::kRaw, .pm2_json = true, .ids = {{1, 7}}};
  LineFormatter formatter(style);
  std::string out;
  formatter.Append(*Example(), out);
  EXPECT_EQ(out.substr(out.rfind('{')),
            "{\"message\":\"two\",\"timestamp\":\"2026-11-21T10:31:07.001Z\",\"type\":\"err\","
            "\"process_id\":7,\"app_name\":\"api\"}\n");
  EXPECT_TRUE(out.starts_with("{\"message\":\"one\\n\",")) << out;
  out.clear();
  style.dates = "YYYY";
  formatter.SetStyle(style);
  formatter.Append(*BatchOf{.slot = 2}({"\"x\""}), out);
  EXPECT_EQ(out,
            "{\"message\":\"\\\"x\\\"\\n\",\"timestamp\":\"2026\",\"type\":\"out\","
            "\"process_id\":null,\"app_name\":\"api\"}\n");
  out.clear();
  formatter.AppendNotice("api", "note", At(1), out);
  EXPECT_TRUE(out.starts_with("{\"message\":\"[tend: note]\\n\",")) << out;
}

TEST(LineFormat, JsonLinesEscapeAndReplace) {
  const BatchOf make{.slot = 3, .stamp = At(0)};
  const std::string bad = std::string("a\"b\\c\td\r\x01\x7f") + "\xff\xc3\xa4\xe2\x82\xed\xa0\x80z";
  EXPECT_EQ(
      Formatted(LineFormat::kJson, *make({bad})),
      "{\"time\":\"2026-11-21T10:31:07.000000000Z\",\"stream\":\"stdout\",\"app\":\"api\","
      "\"worker\":3,\"message\":\"a\\\"b\\\\c\\td\\r\\u0001\\u007f"
      "\xEF\xBF\xBD\xC3\xA4\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBDz\"}\n");
}

std::string Merged(const std::string& text) {
  constexpr std::string_view kHead =
      "{\"time\":\"2026-11-21T10:31:07.000000000Z\",\"stream\":\"stdout\",\"app\":\"api\","
      "\"worker\":0,";
  std::string line = Formatted(LineFormat::kJson, *BatchOf{}({text}));
  EXPECT_TRUE(line.starts_with(kHead)) << line;
  line.pop_back();
  return "{" + line.substr(kHead.size());
}

TEST(LineFormat, JsonOfAWorkerIsMergedIn) {
  EXPECT_EQ(Merged(R"({"level":30,"time":1531171074631,"pid":657,"msg":"say \"hi\""})"),
            R"({"level":"info","worker_time":"2018-07-09T21:17:54.631000000Z",)"
            R"("message":"say \"hi\"","merged":true,)"
            R"("_level":30,"_time":1531171074631,"pid":657,"msg":"say \"hi\""})");
  // winston
  EXPECT_EQ(Merged(R"({"level":"info","message":"up","timestamp":"2026-11-21T10:31:07Z"})"),
            R"({"worker_time":"2026-11-21T10:31:07.000000000Z","merged":true,)"
            R"("level":"info","message":"up","timestamp":"2026-11-21T10:31:07Z"})");
  // structlog
  EXPECT_EQ(Merged(R"({"event": "up", "level": "warning"})"),
            R"({"level":"warn","message":"up","merged":true,"event": "up", "_level": "warning"})");
  EXPECT_EQ(Merged(R"({ "a" : 1.0 })"), R"({"merged":true, "a" : 1.0 })");
}

TEST(LineFormat, KeysOfAMergedLineAreUnique) {
  EXPECT_EQ(Merged(R"({"app":"x","_app":"y","message":7,"msg":"m","level":"info","level":"info"})"),
            R"({"message":"m","merged":true,"_app":"x","__app":"y","_message":7,"msg":"m",)"
            R"("level":"info","_level":"info"})");
}

TEST(LineFormat, WhatIsNoJsonObjectStaysText) {
  for (const std::string text :
       {"{}", "{ }", "[1]", "{\"a\":\n1}", "{\"a\":tru}", "{\"a\":1} ", "{\"a\":\"\xff\"}"}) {
    EXPECT_TRUE(Merged(text).starts_with("{\"message\":\"")) << text;
  }
}

TEST(LineFormat, StampsNeverDecrease) {
  LineFormatter formatter(LineFormat::kCri);
  std::string out;
  formatter.NotBefore(At(5));
  formatter.Append(*BatchOf{.stamp = At(1)}({"x"}), out);
  EXPECT_EQ(out, "2026-11-21T10:31:12.000000000Z stdout F x\n");
}

TEST(LineFormat, ANameWithSpacesCannotBreakTheLine) {
  const auto batch = BatchOf{.app = "my app"}({"text"});
  std::string line = Formatted(LineFormat::kTend, *batch);
  line.pop_back();
  std::string scratch;
  const ParsedLine parsed = ParseLine("my app", line, scratch);
  EXPECT_EQ(parsed.slot, 0);
  EXPECT_EQ(parsed.text, "text");
}

TEST(ParseLine, ReadsBackEveryFormat) {
  for (const auto format : {LineFormat::kTend, LineFormat::kCri, LineFormat::kJson}) {
    const std::string text = Formatted(format, *Example());
    std::string last = text.substr(text.rfind('\n', text.size() - 2) + 1);
    last.pop_back();
    std::string scratch;
    const ParsedLine parsed = ParseLine("api", last, scratch);
    EXPECT_TRUE(parsed.has_time);
    EXPECT_EQ(parsed.time, At(0, 1234567));
    EXPECT_EQ(parsed.stream, Stream::kStderr);
    EXPECT_EQ(parsed.flags, kLinePartial);
    EXPECT_EQ(parsed.slot, format == LineFormat::kCri ? -1 : 1);
    EXPECT_EQ(parsed.text, "two");
  }
}

TEST(ParseLine, GivesAMergedLineBackAsItWasWritten) {
  std::vector<std::string> texts = {
      R"({"level":30,"time":1531171074631,"pid":657,"hostname":"h","msg":"say \"hi\""})",
      R"({ "event" : "up" ,"level":"warning",  "timestamp": "2026-11-21T10:31:07.1Z" })",
      R"({"message":"m","level":"error","stack":"a\nb","deep":{"time":[1,{"_app":2}]}})",
      R"({"time":1,"time":2,"_time":3,"__time":4,"_":5,"":6,"_x":7,"merged":true,"app":"b"})",
      R"({"a":",\"merged\":true,","b":1})",
  };
  // What came from one tend may go through another.
  texts.push_back(Merged(texts[0]));
  texts.push_back(Merged(texts[5]));
  for (const std::string& text : texts) {
    std::string line = Formatted(LineFormat::kJson, *BatchOf{.slot = 4, .stamp = At(0, 5)}({text}));
    line.pop_back();
    EXPECT_TRUE(IsWellFormedJson(line)) << line;
    EXPECT_NE(line.find(",\"merged\":true,"), std::string::npos) << line;
    std::string scratch;
    const ParsedLine parsed = ParseLine("api", line, scratch);
    EXPECT_EQ(parsed.text, text);
    EXPECT_EQ(parsed.slot, 4);
    EXPECT_EQ(parsed.time, At(0, 5));
    EXPECT_EQ(parsed.stream, Stream::kStdout);
  }
}

TEST(ParseLine, KnowsTheLinesOfTendItself) {
  for (const auto format : {LineFormat::kTend, LineFormat::kJson}) {
    std::string line, scratch;
    LineFormatter(format).AppendNotice("api", "3 lines", At(0), line);
    line.pop_back();
    const ParsedLine parsed = ParseLine("api", line, scratch);
    EXPECT_EQ(parsed.slot, -1);
    EXPECT_EQ(parsed.stream, Stream::kStderr);
    EXPECT_EQ(parsed.text, "[tend: 3 lines]");
  }
}

TEST(ParseLine, TakesEverythingElseAsRaw) {
  const std::string lines[] = {"",
                               "hello world",
                               "{\"a\":1}",
                               "{\"time\":1,\"stream\":2,\"message\":3}",
                               "2026-11-21T10:31:07.001234567Z",
                               "2026-11-21T10:31:07.001234567Z stdout",
                               "2026-11-21T10:31:07.001234567Z stdfoo F x",
                               "2026-99-21T10:31:07.001234567Z stdout F x",
                               std::string(300, '{'),
                               std::string("\0\xff{", 3)};
  for (const std::string& line : lines) {
    std::string scratch;
    const ParsedLine parsed = ParseLine("api", line, scratch);
    EXPECT_FALSE(parsed.has_time) << line;
    EXPECT_EQ(parsed.text, line);
  }
}

TEST(ParseLine, SurvivesDamagedLines) {
  std::mt19937 random(7);
  for (const auto format : {LineFormat::kTend, LineFormat::kJson}) {
    const std::string line = Formatted(format, *Example());
    for (int i = 0; i < 3000; ++i) {
      std::string damaged = line.substr(0, random() % line.size());
      if (!damaged.empty()) damaged[random() % damaged.size()] = static_cast<char>(random());
      std::string scratch;
      EXPECT_LE(ParseLine("api", damaged, scratch).text.size(), damaged.size() * 3);
    }
  }
}

}  // namespace
}  // namespace tend::rotate
