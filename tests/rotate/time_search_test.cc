#include "rotate/time_search.h"

#include <filesystem>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "rotate/batches.h"
#include "rotate/log_reader.h"
#include "rotate/segment_name.h"
#include "rotate/temp_folder.h"
#include "support/faulty_files.h"

namespace tend::rotate {
namespace {

std::string TimedLine(int seconds, const std::string& text = "text") {
  return FormatRfc3339(At(seconds)) + " stdout F api:0 " + text + "\n";
}

class TimeSearchTest : public testing::Test {
 protected:
  TimePlace Find(const std::string& content, Wall time) {
    folder_.Put("api.log", content);
    const auto fd = FilesLinux().OpenRead(folder_.At("api.log"));
    const auto place = FindTime(FilesLinux(), fd->get(), content.size(), "api", time);
    EXPECT_TRUE(place);
    return place ? *place : TimePlace{};
  }
  TempFolder folder_;
};

TEST_F(TimeSearchTest, FindsEveryTimeWithinALittle) {
  constexpr int kLines = 40'000;
  std::string content;
  std::vector<std::uint64_t> begins;
  for (int i = 0; i < kLines; ++i) {
    begins.push_back(content.size());
    content += TimedLine(i / 3 * 2, std::string(static_cast<std::size_t>(i % 97), 'x'));
  }
  for (int seconds = -1; seconds <= kLines; seconds += 997) {
    const TimePlace place = Find(content, At(seconds));
    for (int i = 0; i < kLines; ++i) {
      const bool is_earlier = i / 3 * 2 < seconds;
      const std::uint64_t begin = begins[static_cast<std::size_t>(i)];
      ASSERT_TRUE(is_earlier || begin >= place.begin) << seconds;
      ASSERT_TRUE(!is_earlier || begin < place.end) << seconds;
    }
    EXPECT_LE(place.end - place.begin, 66u << 10);
    EXPECT_TRUE(place.begin == 0 || content[place.begin - 1] == '\n');
    EXPECT_EQ(content[place.end - 1], '\n');
  }
}

TEST_F(TimeSearchTest, WithoutStampsItIsEverywhere) {
  const TimePlace place = Find(std::string(300'000, '\n'), At(0));
  EXPECT_EQ(place.begin, 0u);
  EXPECT_EQ(place.end, 300'000u);
}

TEST_F(TimeSearchTest, ALongLineEndsTheSearchButLosesNothing) {
  std::string content;
  for (int i = 0; i < 3000; ++i)
    content += TimedLine(i);
  const std::size_t before = content.size();
  content += TimedLine(3000, std::string(1'500'000, 'x')) + TimedLine(3001);
  const TimePlace place = Find(content, At(3000));
  EXPECT_LE(place.begin, before);
  EXPECT_GE(place.end, before);
}

// A million lines; only what is near the time is read.
TEST_F(TimeSearchTest, AReaderReadsOnlyWhatIsNear) {
  std::string content;
  constexpr int kLines = 400'000;
  for (int i = 0; i < kLines; ++i)
    content += TimedLine(i);
  folder_.Put("api.log", content);
  const auto read = [&](LogQuery query, std::size_t count) {
    FaultyFiles files(FilesLinux());
    query.apps = {{"api", folder_.path()}};
    LogReader reader(files, query);
    std::size_t lines = 0;
    while (lines < count) {
      const auto some = reader.Next(count);
      EXPECT_TRUE(some);
      if (!some) break;
      lines += some->size();
      if (reader.at_end()) break;
    }
    EXPECT_EQ(lines, count);
    EXPECT_LT(files.calls_made(), 60);
  };
  LogQuery query;
  query.since = At(kLines - 1000);
  read(query, 1000);
  query.since = At(1000);
  query.until = At(1009);
  read(query, 10);
  query.reverse = true;
  read(query, 10);
  query.reverse = false;
  query.last = 7;
  read(query, 7);
}

// Who follows until a time does not read again what he has, nor what comes after.
TEST_F(TimeSearchTest, WhatIsBehindTheTimesIsLeftAloneOverARotation) {
  folder_.Put("api.log", TimedLine(1, "a") + TimedLine(2, "b") + TimedLine(9, "c"));
  LogQuery query;
  query.apps = {{"api", folder_.path()}};
  query.until = At(5);
  LogReader reader(FilesLinux(), query);
  EXPECT_EQ(reader.Next(10)->size(), 2u);
  EXPECT_TRUE(reader.Poll(10)->empty());
  const Segment segment{.sequence = 1, .sealed = At(10)};
  std::filesystem::rename(folder_.At("api.log"),
                          folder_.At(FormatSegmentName("api.log", segment.Name())));
  folder_.Put("api.log", TimedLine(4, "d"));  // the clock went back
  const auto more = reader.Poll(10);
  ASSERT_EQ(more->size(), 1u);
  EXPECT_EQ(more->front().text, "d");
  EXPECT_TRUE(reader.Poll(10)->empty());
}

}  // namespace
}  // namespace tend::rotate
