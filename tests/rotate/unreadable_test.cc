// Files of which the disk cannot give all: every line that can be read is, and what cannot is said
// where it is missing.
#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "rotate/batches.h"
#include "rotate/compressor.h"
#include "rotate/log_reader.h"
#include "rotate/numbered_lines.h"
#include "rotate/segment_reader.h"
#include "rotate/temp_folder.h"
#include "support/faulty_files.h"

namespace tend::rotate {
namespace {

using testing::AllOf;
using testing::Each;
using testing::ElementsAre;
using testing::HasSubstr;

constexpr int kLines = 10'000;

const Segment kPlainSegment{.sequence = 1, .sealed = At(kLines), .compressed = false};
const Segment kArchive{.sequence = 1, .sealed = At(kLines), .compressed = true};

class UnreadableTest : public testing::Test {
 protected:
  struct Read {
    std::vector<int> whole;  // numbers of the lines that came, oldest first
    std::vector<std::string> torn;
    std::vector<std::string> damages;
    int before = -1;  // the last line before the last damage
  };
  Read ReadAll(LogQuery query = {}) {
    query.apps = {{"api", folder_.path()}};
    LogReader reader(files_, query);
    Read read;
    Wall last{};
    for (int turn = 0; !reader.at_end() && turn < 1000; ++turn) {
      auto lines = reader.Next(10'000);
      EXPECT_TRUE(lines);
      if (!lines) break;
      for (const StoredLine& line : *lines) {
        const bool is_in_order =
            last == Wall{} || (query.reverse ? line.time <= last : line.time >= last);
        EXPECT_TRUE(is_in_order) << line.text;
        last = line.time;
        if (line.is_damage) {
          read.damages.push_back(line.text);
          read.before = read.whole.empty() ? -1 : read.whole.back();
        } else if (const int number = std::atoi(line.text.c_str()); line.time == At(number)) {
          read.whole.push_back(number);
        } else {
          read.torn.push_back(line.text);
        }
      }
    }
    EXPECT_TRUE(reader.at_end());
    if (query.reverse) std::reverse(read.whole.begin(), read.whole.end());
    return read;
  }
  // Every line is there, but for those that touch the hole and at most so many around it.
  void ExpectAllBut(const Read& read, int first, int last, int around) {
    for (int i = 0; i < kLines; ++i) {
      if (i >= first - around && i <= last + around) continue;
      ASSERT_TRUE(std::binary_search(read.whole.begin(), read.whole.end(), i)) << i;
    }
    EXPECT_LE(read.whole.size(), static_cast<std::size_t>(kLines - (last - first)));
    EXPECT_LE(read.torn.size(), 1u);
  }

  TempFolder folder_;
  FaultyFiles files_{FilesLinux()};
};

// Of a line or the bytes of one page, whichever is more, nothing else is lost.
TEST_F(UnreadableTest, APageOfAPlainFileIsSaidInItsPlace) {
  const std::string text = LinesOf(0, kLines);
  const std::string sealed = FormatSegmentName("api.log", kPlainSegment.Name());
  for (const std::string& name : {sealed, std::string("api.log")}) {
    std::filesystem::remove(folder_.At(sealed));
    folder_.Put(name, text);
    const std::size_t begin = 100'000, end = 104'096;
    const auto number_at = [&](std::size_t at) {
      return static_cast<int>(std::count(text.begin(), text.begin() + static_cast<long>(at), '\n'));
    };
    const int around = static_cast<int>(2 * PatientReads::kPage / LineOf(0).size());
    files_.Heal();
    files_.FailReads(folder_.At(name), begin, end, EIO);
    LogQuery all, reverse, last;
    reverse.reverse = true;
    last.last = kLines;
    for (const LogQuery& query : {all, reverse, last}) {
      const Read read = ReadAll(query);
      ExpectAllBut(read, number_at(begin), number_at(end), around);
      EXPECT_TRUE(read.torn.empty());
      ASSERT_EQ(read.damages.size(), 1u);
      EXPECT_THAT(read.damages[0], AllOf(HasSubstr("[tend: " + name + ": lines of "),
                                         HasSubstr(" bytes cannot be read: ")));
      EXPECT_NEAR(read.before, query.reverse ? number_at(end) : number_at(begin), around);
    }
  }
}

TEST_F(UnreadableTest, TwoHolesAreTwoLines) {
  folder_.Put("api.log", LinesOf(0, kLines));
  files_.FailReads(folder_.At("api.log"), 0, 10, EIO);
  files_.FailReads(folder_.At("api.log"), 300'000, 350'000, EIO);
  LogQuery reverse;
  reverse.reverse = true;
  EXPECT_EQ(ReadAll().damages.size(), 2u);
  EXPECT_EQ(ReadAll(reverse).damages.size(), 2u);
}

TEST_F(UnreadableTest, AFailureThatDoesNotComeAgainLosesNothing) {
  folder_.Put(FormatSegmentName("api.log", kPlainSegment.Name()), LinesOf(0, kLines));
  const Read read = ReadAll();
  EXPECT_EQ(read.whole.size(), static_cast<std::size_t>(kLines));
  const auto calls = files_.calls();
  const auto first = std::find(calls.begin(), calls.end(), "ReadAt 65536");
  ASSERT_NE(first, calls.end());
  files_.FailAt(static_cast<int>(calls.size()) + static_cast<int>(first - calls.begin()) + 1, EIO);
  const Read again = ReadAll();
  EXPECT_EQ(again.whole, read.whole);
  EXPECT_TRUE(again.damages.empty());
}

TEST_F(UnreadableTest, AnArchiveWithoutAnIndexIsReadBehindIt) {
  Compressor compressor;
  std::string archive;
  std::size_t begin = 0;
  for (int i = 0; i < kLines; i += kLines / 10) {
    if (i == kLines / 2) begin = archive.size();
    archive += *compressor.Frame(LinesOf(i, i + kLines / 10), 1);
  }
  const std::string name = FormatSegmentName("api.log", kArchive.Name());
  folder_.Put(name, archive);
  for (const bool reverse : {false, true}) {
    files_.Heal();
    files_.FailReads(folder_.At(name), begin + 100, begin + 101, EIO);
    LogQuery query;
    query.reverse = reverse;
    const Read read = ReadAll(query);
    ASSERT_EQ(read.damages.size(), 1u);
    EXPECT_THAT(read.damages[0], AllOf(HasSubstr("[tend: " + name), HasSubstr("cannot be read: ")));
    // Frames are smaller than a page here: one before and two behind may go as well.
    ExpectAllBut(read, kLines / 2, kLines / 2 + kLines / 10, kLines / 5);
  }
}

// It ends, and soon.
TEST_F(UnreadableTest, ADiskThatIsGoneIsSaidOnceAFile) {
  folder_.Put("api.log", LinesOf(0, kLines));
  folder_.Put(FormatSegmentName("api.log", kArchive.Name()), LinesOf(0, kLines));
  files_.FailAll({"ReadAt"}, EIO);
  LogQuery all, reverse, last, since;
  reverse.reverse = true;
  last.last = 10;
  since.since = At(kLines / 2);
  for (const LogQuery& query : {all, reverse, last, since}) {
    const int calls = files_.calls_made();
    const Read read = ReadAll(query);
    EXPECT_TRUE(read.whole.empty());
    EXPECT_EQ(read.damages.size(), 2u);
    EXPECT_THAT(read.damages, Each(HasSubstr("cannot be read: ")));
    EXPECT_LT(files_.calls_made() - calls, 200);
  }
}

TEST_F(UnreadableTest, ASegmentThatCannotBeOpenedIsSaid) {
  const std::string name = FormatSegmentName("api.log", kPlainSegment.Name());
  folder_.Put(name, LinesOf(0, 5));
  folder_.Put("api.log", LinesOf(kLines, kLines + 5));
  for (const bool reverse : {false, true}) {
    LogQuery query;
    query.reverse = reverse;
    const auto before = files_.calls().size();
    ReadAll(query);
    const auto calls = files_.calls();
    const auto opened = std::find(calls.begin() + static_cast<long>(before), calls.end(),
                                  "OpenRead " + folder_.At(name));
    ASSERT_NE(opened, calls.end());
    const auto nth = opened - calls.begin() - static_cast<long>(before) + 1;
    files_.FailAt(static_cast<int>(calls.size() + static_cast<std::size_t>(nth)), EACCES);
    const Read read = ReadAll(query);
    EXPECT_THAT(read.damages, ElementsAre(HasSubstr("[tend: " + name + ": cannot be read: ")));
    EXPECT_EQ(read.whole.size(), 5u);
  }
}

}  // namespace
}  // namespace tend::rotate
