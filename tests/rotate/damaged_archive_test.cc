// Archives that are damaged, cut, or made by others: every line that can be read is, and what
// cannot is said where it is missing.
#include <algorithm>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "rotate/batches.h"
#include "rotate/compressor.h"
#include "rotate/log_reader.h"
#include "rotate/numbered_lines.h"
#include "rotate/temp_folder.h"

namespace tend::rotate {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

const Segment kSegment{.sequence = 1, .sealed = At(100'000), .compressed = true};
const std::string kName = FormatSegmentName("api.log", kSegment.Name());

std::vector<std::string> Numbers(int from, int to) {
  std::vector<std::string> numbers;
  for (int i = from; i < to; ++i)
    numbers.push_back(std::to_string(i));
  return numbers;
}

class DamagedArchiveTest : public testing::Test {
 protected:
  std::string Frame(int from, int to) {
    const auto frame = compressor_.Frame(LinesOf(from, to), 1);
    EXPECT_TRUE(frame);
    return std::string(*frame);
  }
  // Of frames with so many lines each; its index is from `index_at` on.
  std::string Archive(int frames, int lines, std::size_t& index_at) {
    ArchiveIndex index;
    std::string archive;
    for (int i = 0; i < frames; ++i) {
      const std::string frame = Frame(i * lines, (i + 1) * lines);
      index.Add(DescribeFrame(LinesOf(i * lines, (i + 1) * lines), frame.size()));
      archive += frame;
    }
    index_at = archive.size();
    return archive + index.Encode();
  }
  struct Read {
    std::vector<std::string> texts;
    std::vector<std::string> damages;
    std::size_t lines_before = 0;  // the last damage
  };
  Read ReadAll(LogQuery query = {}) const {
    query.apps = {{"api", folder_.path()}};
    query.threads = 2;
    LogReader reader(FilesLinux(), query);
    Read read;
    Wall last{};
    do {
      auto lines = reader.Next(10'000);
      EXPECT_TRUE(lines);
      if (!lines) break;
      for (StoredLine& line : *lines) {
        const bool is_in_order =
            last == Wall{} || (query.reverse ? line.time <= last : line.time >= last);
        EXPECT_TRUE(is_in_order) << line.text;
        last = line.time;
        if (line.is_damage) read.lines_before = read.texts.size();
        (line.is_damage ? read.damages : read.texts).push_back(std::move(line.text));
      }
    } while (!reader.at_end());
    return read;
  }

  TempFolder folder_;
  Compressor compressor_;
};

TEST_F(DamagedArchiveTest, AFrameThatCannotBeReadIsSaidInItsPlace) {
  std::size_t index_at = 0;
  std::string archive = Archive(3, 100, index_at);
  archive[index_at / 2] = static_cast<char>(archive[index_at / 2] ^ 0x10);
  folder_.Put(kName, archive);
  const Read all = ReadAll();
  auto expected = Numbers(0, 100);
  for (const std::string& number : Numbers(200, 300))
    expected.push_back(number);
  EXPECT_EQ(all.texts, expected);
  EXPECT_EQ(all.lines_before, 100u);
  const std::string size = std::to_string(LinesOf(100, 200).size());
  ASSERT_EQ(all.damages.size(), 1u);
  EXPECT_THAT(all.damages[0],
              HasSubstr("[tend: " + kName + ": lines of " + size + " bytes cannot be read: "));
}

// Whatever is asked for might have been there.
TEST_F(DamagedArchiveTest, NoFilterHidesDamage) {
  std::size_t index_at = 0;
  std::string archive = Archive(3, 100, index_at);
  archive[index_at / 2] = static_cast<char>(archive[index_at / 2] ^ 0x10);
  folder_.Put(kName, archive);
  LogQuery query;
  query.contains = "nowhere at all";
  query.out = false;
  EXPECT_EQ(ReadAll(query).damages.size(), 1u);
  query.reverse = true;
  EXPECT_EQ(ReadAll(query).damages.size(), 1u);

  LogQuery last;
  last.last = 150;
  Read read = ReadAll(last);
  EXPECT_EQ(read.texts.size(), 150u);
  EXPECT_EQ(read.lines_before, 50u);
  last.reverse = true;
  read = ReadAll(last);
  EXPECT_EQ(read.texts.size(), 150u);
  EXPECT_EQ(read.lines_before, 100u);
  last.last = 100;  // it lies before them
  EXPECT_TRUE(ReadAll(last).damages.empty());
}

TEST_F(DamagedArchiveTest, WithoutAnIndexTheNextFrameIsLookedFor) {
  const std::string first = Frame(0, 100), second = Frame(100, 200), third = Frame(200, 300);
  std::string damaged = second;
  damaged[damaged.size() / 2] = static_cast<char>(damaged[damaged.size() / 2] ^ 0x10);
  folder_.Put(kName, first + damaged + third);
  for (const bool reverse : {false, true}) {
    LogQuery query;
    query.reverse = reverse;
    const Read read = ReadAll(query);
    EXPECT_THAT(read.texts, testing::IsSupersetOf(Numbers(0, 100)));
    EXPECT_THAT(read.texts, testing::IsSupersetOf(Numbers(200, 300)));
    ASSERT_EQ(read.damages.size(), 1u);
    EXPECT_THAT(read.damages[0], HasSubstr(kName + ": lines of " + std::to_string(second.size()) +
                                           " compressed bytes are missing or wrong here: "));
  }
}

TEST_F(DamagedArchiveTest, AnyByteOfTheIndexMayBeWrong) {
  std::size_t index_at = 0;
  const std::string archive = Archive(2, 3, index_at);
  for (std::size_t at = index_at; at < archive.size(); ++at) {
    for (const int mask : {0x01, 0x80, 0xFF}) {
      std::string damaged = archive;
      damaged[at] = static_cast<char>(damaged[at] ^ mask);
      folder_.Put(kName, damaged);
      for (const bool reverse : {false, true}) {
        LogQuery query;
        query.reverse = reverse;
        Read read = ReadAll(query);
        if (reverse) std::reverse(read.texts.begin(), read.texts.end());
        EXPECT_EQ(read.texts, Numbers(0, 6)) << at - index_at << " ^ " << mask;
        EXPECT_LE(read.damages.size(), 1u);
      }
    }
  }
}

TEST_F(DamagedArchiveTest, TheIndexMayBeCut) {
  std::size_t index_at = 0;
  const std::string archive = Archive(2, 3, index_at);
  for (std::size_t size = index_at; size < archive.size(); ++size) {
    folder_.Put(kName, archive.substr(0, size));
    const Read read = ReadAll();
    EXPECT_EQ(read.texts, Numbers(0, 6)) << size - index_at;
    EXPECT_TRUE(read.damages.empty()) << size - index_at;
  }
}

TEST_F(DamagedArchiveTest, AnArchiveThatEndsInsideAFrameIsSaid) {
  const std::string first = Frame(0, 3), archive = first + Frame(3, 6);
  for (std::size_t size = first.size() + 1; size < archive.size(); ++size) {
    folder_.Put(kName, archive.substr(0, size));
    const Read read = ReadAll();
    EXPECT_EQ(read.damages.size(), 1u) << size;
    EXPECT_THAT(read.texts, testing::IsSupersetOf(Numbers(0, 3))) << size;
  }
}

TEST_F(DamagedArchiveTest, AnyByteOfAnArchiveMayBeWrong) {
  std::size_t index_at = 0;
  const std::string archive = Archive(2, 3, index_at);
  for (const std::string& whole : {archive, archive.substr(0, index_at)}) {
    for (std::size_t at = 0; at < index_at; ++at) {
      std::string damaged = whole;
      damaged[at] = static_cast<char>(damaged[at] ^ 0x5A);
      folder_.Put(kName, damaged);
      const Read read = ReadAll();
      EXPECT_TRUE(!read.damages.empty() || read.texts == Numbers(0, 6)) << at;
    }
  }
}

TEST_F(DamagedArchiveTest, WhatIsNoArchiveAtAllIsSaid) {
  constexpr int kAfter = 100'001;
  folder_.Put("api.log", LinesOf(kAfter, kAfter + 3));
  for (const std::string content : {"", "x", "no archive\n"}) {
    folder_.Put(kName, content);
    const Read read = ReadAll();
    EXPECT_EQ(read.damages.size(), 1u) << content;
    EXPECT_EQ(read.texts, Numbers(kAfter, kAfter + 3));
  }
}

// The lines of it are too many to be held at once.
TEST_F(DamagedArchiveTest, ALargeOneWithoutAnIndexIsReadBackwards) {
  constexpr int kFrames = 40, kLines = 18'000;
  std::string archive;
  for (int i = 0; i < kFrames; ++i)
    archive += Frame(i * kLines, (i + 1) * kLines);
  folder_.Put(kName, archive);
  LogQuery query;
  query.reverse = true;
  Read read = ReadAll(query);
  std::reverse(read.texts.begin(), read.texts.end());
  EXPECT_TRUE(read.texts == Numbers(0, kFrames * kLines)) << read.texts.size();
}

// Nor are lines missing unsaid that are too many to be kept.
TEST_F(DamagedArchiveTest, MoreLastLinesThanCanBeKeptAreSaid) {
  constexpr int kLines = static_cast<int>(kLastMax) + 10;
  LogQuery query;
  query.last = 2 * kLastMax;
  folder_.Put("api.log", LinesOf(10, kLines));
  EXPECT_TRUE(ReadAll(query).damages.empty());
  folder_.Put("api.log", LinesOf(0, kLines));
  query.last = kLastMax;
  EXPECT_TRUE(ReadAll(query).damages.empty());
  query.last = kLastMax + 1;
  const Read read = ReadAll(query);
  EXPECT_EQ(read.texts.size(), kLastMax);
  EXPECT_THAT(read.damages, ElementsAre(HasSubstr("left out")));
  EXPECT_EQ(read.lines_before, 0u);
  query.reverse = true;
  EXPECT_EQ(ReadAll(query).texts.size(), kLastMax + 1);

  const std::string large = std::string(100'000, 'x') + "\n";
  std::string content;
  for (int i = 0; i < 200; ++i)
    content += LineOf(i).substr(0, kRfc3339Size) + " stdout F api:0 " + large;
  folder_.Put("api.log", content);
  query.reverse = false;
  query.last = 190;
  EXPECT_THAT(ReadAll(query).damages, ElementsAre(HasSubstr("left out")));
  query.last = 100;
  EXPECT_TRUE(ReadAll(query).damages.empty());
}

}  // namespace
}  // namespace tend::rotate
