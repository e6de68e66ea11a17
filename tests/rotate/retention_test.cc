#include "rotate/retention.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "rotate/batches.h"

namespace tend::rotate {
namespace {

using std::chrono::hours;
using std::chrono::seconds;

std::vector<Segment> Segments(std::uint64_t first, int count, std::uint64_t bytes = 10) {
  std::vector<Segment> segments;
  for (int i = 0; i < count; ++i) {
    segments.push_back({.sequence = first + static_cast<std::uint64_t>(i),
                        .sealed = At(i * 10),
                        .bytes = bytes,
                        .compressed = true});
  }
  return segments;
}

std::string Show(const std::vector<Expired>& expired) {
  std::string text;
  for (const Expired& e : expired) {
    if (!text.empty()) text += ' ';
    text += e.app + std::to_string(e.sequence) + ':' + std::string(ExpireReasonName(e.reason));
  }
  return text;
}

TEST(Retention, LimitsOfOneFile) {
  const struct {
    const char* name;
    config::Duration max_age;
    std::uint32_t max_files;
    Wall now;
    const char* want;
  } cases[] = {
      {"nothing is due", seconds(100), 5, At(50), ""},
      {"older than max_age", seconds(25), 5, At(50), "a1:age a2:age a3:age"},
      {"exactly max_age is kept", seconds(50), 5, At(50), ""},
      {"more than max_files", hours(1), 3, At(50), "a1:count a2:count"},
      {"both: age is said first", seconds(45), 3, At(50), "a1:age a2:count"},
      {"no limits", seconds(0), 0, At(100000), ""},
      {"the clock was set back", seconds(1), 5, At(-5000), ""},
  };
  const auto sealed = Segments(1, 5);
  for (const auto& c : cases) {
    EXPECT_EQ(Show(ExpireByLimits("a", 0, sealed, c.max_age, c.max_files, c.now)), c.want)
        << c.name;
  }
}

Consumer Of(const std::string& app, const std::vector<Segment>& segments, std::uint64_t active) {
  Consumer consumer;
  consumer.bytes = active;
  for (const Segment& segment : segments) {
    consumer.bytes += segment.bytes;
    consumer.candidates.push_back({.segment = segment, .app = app, .file = 0});
  }
  return consumer;
}

TEST(Retention, TakesTheOldestOfTheLargest) {
  const Consumer large = Of("a", Segments(1, 4, 10), 5);  // 45
  const Consumer small = Of("b", Segments(1, 3, 10), 2);  // 32
  const struct {
    std::uint64_t excess;
    const char* want;
  } cases[] = {
      {0, ""},
      {1, "a1:bytes"},
      {10, "a1:bytes"},
      {11, "a1:bytes a2:bytes"},
      {30, "a1:bytes a2:bytes b1:bytes"},
      {1000, "a1:bytes a2:bytes b1:bytes a3:bytes b2:bytes a4:bytes b3:bytes"},
  };
  for (const auto& c : cases) {
    EXPECT_EQ(Show(ExpireToFree({large, small}, c.excess, ExpireReason::kBytes)), c.want)
        << c.excess;
  }
}

TEST(Retention, KeepsALittleOfASmallDiskFree) {
  EXPECT_EQ(FreeFloor(1 << 30, 100ull << 30), 1u << 30);
  EXPECT_EQ(FreeFloor(1 << 30, 20 << 20), 2u << 20);
  EXPECT_EQ(FreeFloor(0, 20 << 20), 0u);
}

TEST(Retention, SegmentsAreSmallWhereThereIsLittleRoom) {
  config::LogConfig limits;
  EXPECT_EQ(SegmentSizeMax(limits, 0), 50u << 20);
  EXPECT_EQ(SegmentSizeMax(limits, 32 << 20), 2u << 20);
  limits.max_total = 10 << 20;
  EXPECT_EQ(SegmentSizeMax(limits, 0), 5u << 20);
  limits.max_size = 100;
  EXPECT_EQ(SegmentSizeMax(limits, 0), 100u);
}

}  // namespace
}  // namespace tend::rotate
