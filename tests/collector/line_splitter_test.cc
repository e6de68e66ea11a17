#include "collector/line_splitter.h"

#include <random>
#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace tend::collector {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

struct Line {
  std::string text;
  bool partial = false;
  friend bool operator==(const Line&, const Line&) = default;
};
void PrintTo(const Line& line, std::ostream* out) {
  *out << '"' << line.text << (line.partial ? "\"…" : "\"");
}

// What a splitter made of what it was fed, one call after the other.
class Splitting {
 public:
  explicit Splitting(std::size_t line_max_bytes = kLineMaxBytes) : splitter_(line_max_bytes) {}

  Splitting& Feed(std::string_view chunk) {
    Call([&](std::string& bytes, std::vector<LineSpan>& spans) {
      splitter_.Feed(chunk, bytes, spans);
    });
    return *this;
  }
  Splitting& Finish() {
    Call([&](std::string& bytes, std::vector<LineSpan>& spans) { splitter_.Finish(bytes, spans); });
    return *this;
  }
  const std::vector<Line>& lines() const { return lines_; }
  std::size_t pending_bytes() const { return splitter_.pending_bytes(); }

 private:
  template <typename Fn>
  void Call(Fn fn) {
    // A batch that has something in it already: spans must point behind it.
    std::string bytes = "before";
    std::vector<LineSpan> spans;
    fn(bytes, spans);
    for (const LineSpan& span : spans) {
      ASSERT_GE(span.offset, 6u);
      ASSERT_LE(span.offset + span.size, bytes.size());
      lines_.push_back({bytes.substr(span.offset, span.size), span.flags == kLinePartial});
    }
    EXPECT_EQ(bytes.substr(0, 6), "before");
  }

  LineSplitter splitter_;
  std::vector<Line> lines_;
};

// The same, said as simply as possible: byte by byte.
std::vector<Line> Model(std::string_view input, std::size_t line_max_bytes) {
  std::vector<Line> lines;
  std::string line;
  for (const char c : input) {
    if (c == '\n') {
      lines.push_back({std::exchange(line, {}), false});
      continue;
    }
    if (line.size() == line_max_bytes) lines.push_back({std::exchange(line, {}), true});
    line += c;
  }
  if (!line.empty()) lines.push_back({line, false});
  return lines;
}

TEST(LineSplitter, TakesWholeLines) {
  EXPECT_THAT(Splitting().Feed("one\ntwo\n").lines(), ElementsAre(Line{"one"}, Line{"two"}));
}

TEST(LineSplitter, KeepsAPartialLineUntilItsNewlineArrives) {
  Splitting split;
  EXPECT_THAT(split.Feed("on").lines(), IsEmpty());
  EXPECT_THAT(split.Feed("e").lines(), IsEmpty());
  EXPECT_THAT(split.Feed("\ntw").lines(), ElementsAre(Line{"one"}));
  EXPECT_THAT(split.Feed("o\n").lines(), ElementsAre(Line{"one"}, Line{"two"}));
}

TEST(LineSplitter, KeepsEmptyLines) {
  EXPECT_THAT(Splitting().Feed("\n\na\n\n").lines(),
              ElementsAre(Line{""}, Line{""}, Line{"a"}, Line{""}));
}

TEST(LineSplitter, GivesTheUnfinishedLineAtTheEnd) {
  EXPECT_THAT(Splitting().Feed("a\nb").Finish().lines(), ElementsAre(Line{"a"}, Line{"b"}));
  EXPECT_THAT(Splitting().Feed("a\n").Finish().lines(), ElementsAre(Line{"a"}));
  EXPECT_THAT(Splitting().Finish().lines(), IsEmpty());
}

TEST(LineSplitter, CanGoOnAfterTheEnd) {
  EXPECT_THAT(Splitting().Feed("a").Finish().Feed("b\n").lines(),
              ElementsAre(Line{"a"}, Line{"b"}));
}

TEST(LineSplitter, PassesEveryOtherByteOn) {
  const std::string odd("\0\r\xff\xfe\x80\x1b[31m\r", 11);
  EXPECT_THAT(Splitting().Feed(odd + "\n").lines(), ElementsAre(Line{odd}));
}

TEST(LineSplitter, LeavesALineOfExactlyTheLimitWhole) {
  EXPECT_THAT(Splitting(4).Feed("abcd\n").lines(), ElementsAre(Line{"abcd"}));
  EXPECT_THAT(Splitting(4).Feed("abcd").Feed("\n").lines(), ElementsAre(Line{"abcd"}));
}

TEST(LineSplitter, CutsALineOneByteAboveTheLimit) {
  EXPECT_THAT(Splitting(4).Feed("abcde\n").lines(), ElementsAre(Line{"abcd", true}, Line{"e"}));
}

TEST(LineSplitter, NeverEndsACutLineWithAnEmptyPiece) {
  EXPECT_THAT(Splitting(4).Feed("abcdefgh\n").lines(),
              ElementsAre(Line{"abcd", true}, Line{"efgh"}));
  EXPECT_THAT(Splitting(4).Feed("abcdefgh").Finish().lines(),
              ElementsAre(Line{"abcd", true}, Line{"efgh"}));
}

TEST(LineSplitter, BoundsWhatItHoldsOfALineWithoutEnd) {
  Splitting split(1000);
  for (int i = 0; i < 100; ++i)
    split.Feed(std::string(999, 'x'));
  EXPECT_LE(split.pending_bytes(), 1000u);
}

TEST(LineSplitter, HasTheSameEdgesAtTheDefaultLimit) {
  for (const std::size_t size : {kLineMaxBytes - 1, kLineMaxBytes, kLineMaxBytes + 1}) {
    const std::string line(size, 'x');
    const std::vector<Line> want = Model(line + '\n', kLineMaxBytes);
    EXPECT_EQ(want.size(), size > kLineMaxBytes ? 2u : 1u);
    EXPECT_EQ(Splitting().Feed(line + '\n').lines(), want);
    EXPECT_EQ(Splitting().Feed(line).Feed("\n").lines(), want);
  }
}

TEST(LineSplitter, LeavesTheLineOpenForWhoeverReadsItsRest) {
  LineSplitter split;
  RecordBatch batch;
  split.Feed("whole\nhal", batch.bytes, batch.lines);
  split.Finish(batch.bytes, batch.lines, kLinePartial);
  ASSERT_EQ(batch.lines.size(), 2u);
  EXPECT_EQ(batch.lines[0].flags, kLineWhole);
  EXPECT_EQ(batch.lines[1].flags, kLinePartial);
  EXPECT_EQ(batch.Text(batch.lines[1]), "hal");
}

TEST(LineSplitter, PublishesNothingOfALineThatIsNotDone) {
  LineSplitter split;
  RecordBatch batch;
  for (int i = 0; i < 1000; ++i)
    split.Feed("x", batch.bytes, batch.lines);
  EXPECT_EQ(batch.bytes.capacity(), std::string().capacity());
  EXPECT_EQ(split.pending_bytes(), 1000u);
  split.Feed("\n", batch.bytes, batch.lines);
  EXPECT_EQ(batch.bytes.size(), 1001u);
  EXPECT_EQ(split.pending_bytes(), 0u);
}

TEST(LineSplitter, GivesTheSameLinesWhereverTheInputIsCut) {
  const std::string input = "a\n\nbcdefghijk\nlmno\npqrst";
  for (std::size_t limit = 1; limit < 12; ++limit) {
    const std::vector<Line> want = Model(input, limit);
    for (std::size_t i = 0; i <= input.size(); ++i) {
      for (std::size_t j = i; j <= input.size(); ++j) {
        Splitting split(limit);
        split.Feed(input.substr(0, i)).Feed(input.substr(i, j - i)).Feed(input.substr(j)).Finish();
        ASSERT_EQ(split.lines(), want) << "limit " << limit << ", cut at " << i << " and " << j;
      }
    }
  }
}

TEST(LineSplitter, AgreesWithTheModelOnRandomInput) {
  std::mt19937 random(20261121);
  for (int round = 0; round < 2000; ++round) {
    const std::size_t limit = 1 + random() % 40;
    Splitting split(limit);
    std::string input;
    for (std::size_t chunks = random() % 10; chunks > 0; --chunks) {
      std::string chunk;
      for (std::size_t n = random() % 60; n > 0; --n) {
        chunk += random() % 8 == 0 ? '\n' : static_cast<char>(random());
      }
      split.Feed(chunk);
      input += chunk;
    }
    ASSERT_EQ(split.Finish().lines(), Model(input, limit)) << "round " << round;
  }
}

}  // namespace
}  // namespace tend::collector
