#include "collector/line_joiner.h"

#include <chrono>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "collector/line_splitter.h"

namespace tend::collector {
namespace {

using Texts = std::vector<std::string>;

class LineJoinerTest : public ::testing::Test {
 protected:
  static LineJoiner::Starts Starts(std::string_view pattern) {
    return std::make_shared<const std::vector<Pattern>>(1, *Pattern::Compile(pattern));
  }
  // "time text" of each record that is complete then.
  Texts Take(const Texts& lines, int time = 0, bool goes_on = false) {
    RecordBatch batch;
    batch.stamp = Wall(std::chrono::seconds(time));
    for (const std::string& line : lines) {
      batch.lines.push_back({static_cast<std::uint32_t>(batch.bytes.size()),
                             static_cast<std::uint32_t>(line.size()), kLineWhole});
      batch.bytes += line;
    }
    if (goes_on) batch.lines.back().flags = kLinePartial;
    Texts out;
    for (const RecordBatchPtr& done : joiner_.Take(batch))
      Append(*done, out);
    return out;
  }
  Texts Flush() {
    Texts out;
    if (const RecordBatchPtr rest = joiner_.Flush()) Append(*rest, out);
    return out;
  }
  static void Append(const RecordBatch& batch, Texts& out) {
    const auto seconds = std::chrono::floor<std::chrono::seconds>(batch.stamp.time_since_epoch());
    for (const LineSpan& line : batch.lines) {
      out.push_back(std::to_string(seconds.count()) + ' ' + std::string(batch.Text(line)) +
                    ((line.flags & kLinePartial) != 0 ? "…" : ""));
    }
  }

  LineJoiner joiner_{Starts("^\\S")};
};

TEST_F(LineJoinerTest, AStackTraceIsOneRecord) {
  EXPECT_EQ(Take({"Error: x", "    at a", "    at b", "next", " more"}),
            (Texts{"0 Error: x\n    at a\n    at b"}));
  EXPECT_TRUE(joiner_.holds());
  EXPECT_EQ(Flush(), (Texts{"0 next\n more"}));
  EXPECT_FALSE(joiner_.holds());
  EXPECT_EQ(Flush(), Texts{});
}

TEST_F(LineJoinerTest, ARecordGoesOnOverBatchesAndKeepsItsTime) {
  EXPECT_EQ(Take({"a"}, 1), Texts{});
  EXPECT_EQ(Take({" b", ""}, 2), Texts{});
  EXPECT_EQ(Take({"c", "d", " e"}, 3), (Texts{"1 a\n b\n", "3 c"}));
  EXPECT_EQ(Flush(), (Texts{"3 d\n e"}));
}

// What is held must be found again by the next process, and nothing before it.
TEST(LineJoinerMarks, EndWhereTheRecordThatIsHeldBegins) {
  LineJoiner joiner(std::make_shared<const std::vector<Pattern>>(1, *Pattern::Compile("^\\S")));
  LineSplitter splitter;
  std::uint64_t offset = 0;
  std::vector<std::uint64_t> ends;
  const auto take = [&](std::string_view text) {
    RecordBatch batch;
    splitter.Feed(text, batch.bytes, batch.lines);
    offset += text.size();
    batch.mark.offset = offset - splitter.pending_bytes();
    batch.stamp = Wall(std::chrono::seconds(offset));
    ends.clear();
    for (const RecordBatchPtr& done : joiner.Take(batch))
      ends.push_back(done->mark.offset);
    return ends;
  };
  using Ends = std::vector<std::uint64_t>;
  EXPECT_EQ(take("a\n"), Ends{});
  EXPECT_EQ(take(" b\nc\nd\n"), (Ends{5, 7}));  // "a b" and "c"; "d" is held
  EXPECT_EQ(take(" e\n f"), Ends{});
  EXPECT_EQ(take("f\ng\nh\n unfinished"), (Ends{16, 18}));  // "d e ff" and "g"
  EXPECT_EQ(joiner.Flush()->mark.offset, 20u);
}

TEST_F(LineJoinerTest, WhatHasNoBeginningIsARecord) {
  EXPECT_EQ(Take({" x", " y"}), Texts{});
  EXPECT_EQ(Flush(), (Texts{"0  x\n y"}));
}

TEST_F(LineJoinerTest, PiecesPassAsTheyAre) {
  EXPECT_EQ(Take({"a", " piece"}, 1, true), (Texts{"1 a", "1  piece…"}));
  EXPECT_EQ(Take({" its end", " b"}, 2), (Texts{"2  its end"}));
  EXPECT_EQ(Flush(), (Texts{"2  b"}));
}

TEST_F(LineJoinerTest, IsBoundedInLinesAndBytes) {
  EXPECT_EQ(Take(Texts(kJoinLinesMax * 2 + 1, " ")).size(), 2u);
  EXPECT_EQ(Flush(), (Texts{"0  "}));
  EXPECT_EQ(Take({"a", std::string(kLineMaxBytes - 2, ' ')}).size(), 0u);
  const Texts done = Take({" "});
  ASSERT_EQ(done.size(), 1u);
  EXPECT_EQ(done[0].size(), kLineMaxBytes + 2);
  EXPECT_EQ(Flush(), (Texts{"0  "}));
}

}  // namespace
}  // namespace tend::collector
