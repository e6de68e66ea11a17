#include "collector/line_limiter.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace tend::collector {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

class LineLimiterTest : public ::testing::Test {
 protected:
  static RecordBatchPtr Lines(int count, Stream stream = Stream::kStdout, bool goes_on = false) {
    auto batch = std::make_shared<RecordBatch>();
    batch->stream = stream;
    for (int i = 0; i < count; ++i) {
      batch->lines.push_back({static_cast<std::uint32_t>(batch->bytes.size()), 4, kLineWhole});
      batch->bytes += "abc" + std::to_string(i % 10);
    }
    if (goes_on) batch->lines.back().flags = kLinePartial;
    return batch;
  }
  // Lines that pass.
  std::size_t Take(const RecordBatchPtr& batch, milliseconds at) {
    const RecordBatchPtr passed = limiter_.Take(batch, start_ + at);
    if (!passed) return 0;
    for (const LineSpan& line : passed->lines)
      EXPECT_EQ(passed->Text(line).substr(0, 3), "abc");
    return passed->lines.size();
  }

  Mono start_{seconds(1000)};
  LineLimiter limiter_{{.per_second = 10, .burst = 25}, start_};
};

// What is cut out is done with, and must not be kept for the next process.
TEST_F(LineLimiterTest, TheMarkPassesEvenIfNoLineDoes) {
  const auto marked = [](int lines, std::uint64_t offset) {
    auto batch = std::make_shared<RecordBatch>(*Lines(lines));
    batch->mark.offset = offset;
    return batch;
  };
  EXPECT_EQ(limiter_.Take(marked(25, 100), start_)->mark.offset, 100u);
  const RecordBatchPtr nothing = limiter_.Take(marked(3, 112), start_);
  ASSERT_TRUE(nothing);
  EXPECT_TRUE(nothing->lines.empty());
  EXPECT_EQ(nothing->mark.offset, 112u);
}

TEST_F(LineLimiterTest, WhatIsAllowedPassesUntouched) {
  const RecordBatchPtr batch = Lines(10);
  EXPECT_EQ(limiter_.Take(batch, start_), batch);
  EXPECT_FALSE(limiter_.has_gap());
}

TEST_F(LineLimiterTest, BurstThenSoManyASecond) {
  EXPECT_EQ(Take(Lines(100), milliseconds(0)), 25u);
  EXPECT_EQ(Take(Lines(100), milliseconds(999)), 0u);
  EXPECT_EQ(limiter_.next(), start_ + seconds(1));
  const LineLimiter::Gap gap = limiter_.TakeGap();
  EXPECT_EQ(gap.lines, 175u);
  EXPECT_EQ(gap.bytes, 175u * 5);
  EXPECT_FALSE(limiter_.has_gap());
  EXPECT_EQ(Take(Lines(100), milliseconds(1000)), 10u);
  EXPECT_EQ(Take(Lines(100), milliseconds(1500)), 0u);
  EXPECT_EQ(Take(Lines(100), milliseconds(4000)), 25u);
  EXPECT_EQ(Take(Lines(100), std::chrono::hours(24 * 365 * 50)), 25u);
}

TEST_F(LineLimiterTest, PiecesOfALineShareItsFate) {
  EXPECT_EQ(Take(Lines(25, Stream::kStdout, true), milliseconds(0)), 25u);
  // The rest of a line that passed, and a new one.
  EXPECT_EQ(Take(Lines(2, Stream::kStdout), milliseconds(1)), 1u);
  EXPECT_EQ(limiter_.TakeGap().lines, 1u);
  EXPECT_EQ(Take(Lines(1, Stream::kStderr, true), milliseconds(2)), 0u);
  EXPECT_FALSE(limiter_.has_gap());  // not before the line is over
  // The rest of a line that was dropped, although there is an allowance again.
  EXPECT_EQ(Take(Lines(3, Stream::kStderr), milliseconds(1001)), 2u);
  EXPECT_EQ(limiter_.TakeGap().lines, 1u);
}

TEST_F(LineLimiterTest, ABurstBelowTheRateIsTheRate) {
  LineLimiter limiter({.per_second = 10, .burst = 0}, start_);
  const RecordBatchPtr passed = limiter.Take(Lines(100), start_);
  ASSERT_TRUE(passed);
  EXPECT_EQ(passed->lines.size(), 10u);
}

}  // namespace
}  // namespace tend::collector
