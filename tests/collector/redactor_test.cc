#include "collector/redactor.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace tend::collector {
namespace {

std::vector<std::string> Redacted(const std::vector<std::string>& patterns,
                                  const std::vector<std::string>& lines) {
  auto made = std::make_shared<RecordBatch>();
  RecordBatch& raw = *made;
  raw.mark.offset = 7;
  for (const std::string& line : lines) {
    raw.lines.push_back({static_cast<std::uint32_t>(raw.bytes.size()),
                         static_cast<std::uint32_t>(line.size()), kLineWhole});
    raw.bytes += line;
  }
  if (!raw.lines.empty()) raw.lines.back().flags = kLinePartial;
  const RecordBatchPtr redacted = Redactor(patterns).Redact(made);
  const RecordBatch& batch = *redacted;
  EXPECT_EQ(batch.mark.offset, 7u);
  EXPECT_EQ(batch.lines.size(), lines.size());
  if (!batch.lines.empty()) {
    EXPECT_EQ(batch.lines.back().flags, kLinePartial);
  }
  std::vector<std::string> out;
  for (const LineSpan& line : batch.lines)
    out.emplace_back(batch.Text(line));
  return out;
}

using Lines = std::vector<std::string>;

TEST(Redactor, WhatMatchesCannotBeRead) {
  EXPECT_EQ(Redacted({"sk_live_\\w+", "\\d{16}"},
                     {"a", "key sk_live_abc, card 4111111111111111", "", "sk_live_x sk_live_y"}),
            (Lines{"a", "key [redacted], card [redacted]", "", "[redacted] [redacted]"}));
}

TEST(Redactor, AGroupKeepsWhatIsAroundIt) {
  EXPECT_EQ(Redacted({"(?i)password=(\\S+)", "\"token\":\"([^\"]*)\""},
                     {"user=x Password=abc done", R"({"token":"t1","a":1})", R"({"token":""})"}),
            (Lines{"user=x Password=[redacted] done", R"({"token":"[redacted]","a":1})",
                   R"({"token":""})"}));
  // A group that took no part in the match.
  EXPECT_EQ(Redacted({"(x)|secret"}, {"a secret x"}), (Lines{"a [redacted] [redacted]"}));
}

TEST(Redactor, OtherLinesStayAsTheyAre) {
  const Lines lines = {"a", std::string("\0\xff\r", 3), "b"};
  EXPECT_EQ(Redacted({"secret", "^$", "x*"}, lines), lines);
  EXPECT_EQ(Redacted({"secret"}, {}), Lines{});
}

TEST(Redactor, AnchorsAreThoseOfTheLine) {
  EXPECT_EQ(Redacted({"^k.*$"}, {"ok", "key", "k"}), (Lines{"ok", "[redacted]", "[redacted]"}));
}

TEST(Redactor, JoinedLinesAreLookedAtEachAndTogether) {
  EXPECT_EQ(Redacted({"^pin=.*$"}, {"a\npin=1\n", "pin=2"}),
            (Lines{"a\n[redacted]\n", "[redacted]"}));
  EXPECT_EQ(Redacted({"(?s)BEGIN KEY.*END KEY", "x"}, {"BEGIN KEY\nx\nEND KEY\nb"}),
            (Lines{"[redacted]\nb"}));
}

TEST(Redactor, WhatHasNoSecretIsNotCopied) {
  auto batch = std::make_shared<RecordBatch>();
  batch->bytes = "a";
  batch->lines.push_back({0, 1, kLineWhole});
  EXPECT_EQ(Redactor({"b"}).Redact(batch), batch);
  EXPECT_EQ(Redactor({"b"}).Redact("ab"), "a[redacted]");
}

TEST(Redactor, BrokenBytesHideNothing) {
  EXPECT_EQ(Redacted({"s3cret"}, {"\xff\xfes3cret\x80"}), (Lines{"\xff\xfe[redacted]\x80"}));
}

TEST(Redactor, APatternThatCannotBeReadHidesEverything) {
  EXPECT_EQ(Redacted({"a", "("}, {"text", ""}), (Lines{"[redacted]", "[redacted]"}));
}

}  // namespace
}  // namespace tend::collector
