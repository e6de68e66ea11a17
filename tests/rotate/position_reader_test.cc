#include "rotate/position_reader.h"

#include <fcntl.h>

#include <cerrno>
#include <filesystem>
#include <fstream>
#include <map>
#include <random>

#include "rotate/worker_fixture.h"

namespace tend::rotate {
namespace {

using namespace std::chrono_literals;

class PositionReaderTest : public WorkerFixture {
 protected:
  PositionReaderTest() { Reopen(); }

  // A reader that knows nothing but the position.
  void Reopen() {
    reader_ = std::make_unique<PositionReader>(files_, "api", folder_.At("api"), buffer_);
  }
  PositionReader::Passage Read(std::size_t bytes_max = 1 << 20) {
    auto passage = reader_->Read(at_, bytes_max, [&](const ParsedLine& line, std::uint64_t end) {
      EXPECT_GT(end, 0U);
      lines_.emplace_back(line.text);
    });
    EXPECT_TRUE(passage) << passage.error().message();
    if (!passage) return {};
    at_ = passage->end;
    lost_lines_ += passage->lost_lines;
    lost_bytes_ += passage->lost_bytes;
    return *passage;
  }
  // Everything that is there now.
  std::vector<std::string> ReadAll(std::size_t bytes_max = 1 << 20) {
    lines_.clear();
    for (int i = 0; i < 10'000; ++i) {
      if (Read(bytes_max).at_end) return lines_;
    }
    ADD_FAILURE() << "never comes to the end";
    return lines_;
  }
  std::uint64_t Behind() {
    const auto waiting = reader_->CountBehind(at_);
    EXPECT_TRUE(waiting) << waiting.error().message();
    return waiting ? waiting->lines : 0;
  }
  static std::vector<std::string> Numbers(int from, int to) {
    std::vector<std::string> numbers;
    for (int i = from; i <= to; ++i)
      numbers.push_back(std::to_string(i));
    return numbers;
  }
  void Seal() {
    Settle();
    ASSERT_TRUE(worker_->Rotate("api", now_));
  }

  TextBuffer buffer_;
  std::unique_ptr<PositionReader> reader_;
  LinePosition at_;
  std::vector<std::string> lines_;
  std::uint64_t lost_lines_ = 0, lost_bytes_ = 0;
};

TEST_F(PositionReaderTest, ReadsOnOverRotationAndCompression) {
  Open();
  WriteNumbers(1, 50);  // several segments of 400 bytes
  EXPECT_EQ(Behind(), 50U);
  EXPECT_EQ(ReadAll(), Numbers(1, 50));
  EXPECT_EQ(Behind(), 0U);
  EXPECT_TRUE(ReadAll().empty());
  AdvanceAndSettle(2min);  // archives
  WriteNumbers(51, 90);
  EXPECT_EQ(Behind(), 40U);
  AdvanceAndSettle(2min);
  EXPECT_EQ(Behind(), 40U);
  EXPECT_EQ(ReadAll(100), Numbers(51, 90));
  EXPECT_EQ(lost_lines_, 0U);
}

TEST_F(PositionReaderTest, APositionOutlivesItsReaderInAnyFile) {
  Open();
  WriteNumbers(1, 10);
  std::vector<std::string> all;
  for (int i = 0; i < 40; ++i) {
    lines_.clear();
    Read(1);
    all.insert(all.end(), lines_.begin(), lines_.end());
    if (i % 7 == 3) AdvanceAndSettle(2min);
    Reopen();
    if (i < 30) WriteNumbers(11 + i, 11 + i);
  }
  EXPECT_EQ(all, Numbers(1, 40));
  EXPECT_EQ(lost_lines_, 0U);
}

TEST_F(PositionReaderTest, ALineWithoutItsEndWaits) {
  folder_.Put("api/api.log", "2026-11-21T10:31:07.000000000Z stdout F api:0 one\nhalf");
  EXPECT_EQ(ReadAll(), std::vector<std::string>{"one"});
  EXPECT_EQ(Behind(), 0U);
  std::ofstream(folder_.At("api/api.log"), std::ios::app) << " a line\n";
  EXPECT_EQ(Behind(), 1U);
  EXPECT_EQ(ReadAll(), std::vector<std::string>{"half a line"});
}

TEST_F(PositionReaderTest, WhatWasPrunedIsCountedAsLost) {
  limits_.max_files = 3;
  Open();
  WriteNumbers(1, 10);
  EXPECT_EQ(ReadAll(), Numbers(1, 10));
  for (int i = 11; i <= 100; ++i) {
    WriteNumbers(i, i);
    if (i % 5 == 0) Behind();
    AdvanceAndSettle(1s);
  }
  const std::uint64_t behind = Behind();
  const auto got = ReadAll();
  ASSERT_FALSE(got.empty());
  EXPECT_EQ(got.back(), "100");
  EXPECT_EQ(got.size() + lost_lines_, 90U);
  EXPECT_EQ(behind, 90U);
  EXPECT_GT(lost_bytes_, 0U);
  EXPECT_EQ(Behind(), 0U);
}

TEST_F(PositionReaderTest, AFlushLosesWhatWasNotReadAndNothingComesTwice) {
  Open();
  WriteNumbers(1, 30);
  EXPECT_EQ(Behind(), 30U);
  ASSERT_TRUE(worker_->Flush("api"));
  EXPECT_EQ(Behind(), 30U);  // not told yet
  EXPECT_TRUE(ReadAll().empty());
  EXPECT_EQ(lost_lines_, 30U);
  EXPECT_EQ(Behind(), 0U);
  Advance(1s);
  WriteNumbers(31, 33);
  EXPECT_EQ(ReadAll(), Numbers(31, 33));
  EXPECT_EQ(lost_lines_, 30U);
}

TEST_F(PositionReaderTest, AFlushAndMoreThanWasThereBeforeIsSeenByItsFirstLine) {
  Open();
  WriteNumbers(1, 4);
  EXPECT_EQ(ReadAll(), Numbers(1, 4));
  ASSERT_TRUE(worker_->Flush("api"));
  Advance(1s);
  WriteNumbers(5, 12);
  EXPECT_EQ(ReadAll(), Numbers(5, 12));
  EXPECT_EQ(lost_lines_, 0U);
}

TEST_F(PositionReaderTest, NumbersThatStartAnewAreFound) {
  Open();
  WriteNumbers(1, 60);
  EXPECT_EQ(ReadAll(), Numbers(1, 60));
  worker_.reset();
  std::filesystem::remove_all(folder_.At("api"));
  EXPECT_TRUE(ReadAll().empty());
  Restart();
  Open();
  Advance(1s);
  WriteNumbers(61, 80);
  EXPECT_EQ(ReadAll(), Numbers(61, 80));
  Reopen();
  WriteNumbers(81, 82);
  EXPECT_EQ(ReadAll(), Numbers(81, 82));
}

TEST_F(PositionReaderTest, AFileThatWasMovedAwayIsReadToItsEnd) {
  Open();
  WriteNumbers(1, 3);
  EXPECT_EQ(ReadAll(), Numbers(1, 3));
  WriteNumbers(4, 5);
  std::filesystem::rename(folder_.At("api/api.log"), folder_.At("api/api.log.1"));
  Advance(2s);
  Settle();
  WriteNumbers(6, 7);
  EXPECT_EQ(ReadAll(), Numbers(4, 7));
  EXPECT_EQ(ReadAll().size(), 0U);
}

TEST_F(PositionReaderTest, ADamagedArchiveLosesWhatIsDamagedOnly) {
  limits_.max_size = 4 << 20;
  Open();
  // Incompressible, so that a frame has many bytes.
  std::mt19937 random(1);
  std::vector<std::string> lines;
  for (int i = 0; i < 3000; ++i) {
    std::string text(900, ' ');
    for (char& c : text)
      c = static_cast<char>('!' + random() % 90);
    lines.push_back(std::to_string(i) + ' ' + text);
  }
  Write(lines);
  Seal();
  EXPECT_EQ(Behind(), 3000U);
  AdvanceAndSettle(2min);
  const auto names = folder_.Names("api");
  const auto archive = std::find_if(names.begin(), names.end(),
                                    [](const auto& name) { return name.ends_with(".zst"); });
  ASSERT_NE(archive, names.end());
  {
    std::fstream file(folder_.At("api/" + *archive), std::ios::in | std::ios::out);
    file.seekp(1'200'000);
    file << "damage damage damage";
  }
  Write({"after"});
  Reopen();  // the plain file, which it has open, would still do
  const auto got = ReadAll(64 << 10);
  EXPECT_GT(got.size(), 1500U);
  EXPECT_LT(got.size(), 2500U);
  EXPECT_EQ(got.back(), "after");
  EXPECT_EQ(lost_lines_, 1U);  // nobody has counted them
  EXPECT_GT(lost_bytes_, 900U << 10);
}

TEST_F(PositionReaderTest, AnArchiveWithoutIndexIsReadAllTheSame) {
  Open();
  WriteNumbers(1, 20);
  Seal();
  AdvanceAndSettle(2min);
  for (const std::string& name : folder_.Names("api")) {
    if (!name.ends_with(".zst")) continue;
    const std::string path = folder_.At("api/" + name);
    const std::string all = folder_.Content("api/" + name);
    const std::size_t index = all.find("\x5A\x2A\x4D\x18");
    ASSERT_NE(index, std::string::npos);
    std::filesystem::resize_file(path, index);
  }
  std::vector<std::string> all;
  for (int i = 0; i < 60; ++i) {
    lines_.clear();
    Read(1);
    all.insert(all.end(), lines_.begin(), lines_.end());
    if (i % 3 == 0) Reopen();
  }
  EXPECT_EQ(all, Numbers(1, 20));
  EXPECT_EQ(lost_lines_, 0U);
}

TEST_F(PositionReaderTest, APageThatCannotBeReadIsPassedOver) {
  limits_.max_size = 1 << 20;
  Open();
  for (int i = 0; i < 1000; ++i)
    Write({std::to_string(i)});
  Settle();
  EXPECT_EQ(Behind(), 1000U);
  files_.FailReads(folder_.At("api/api.log"), 8192, 8192 + 4096, EIO);
  const auto got = ReadAll();
  EXPECT_EQ(got.front(), "0");
  EXPECT_EQ(got.back(), "999");
  EXPECT_GT(lost_bytes_, 4095U);
  EXPECT_GE(lost_lines_, 1U);
  EXPECT_EQ(Behind() + got.size() + lost_lines_, 1000U);
}

TEST_F(PositionReaderTest, ASegmentThatMayNotBeReadIsLost) {
  Open();
  WriteNumbers(1, 30);
  Seal();
  EXPECT_EQ(Behind(), 30U);
  const auto names = folder_.Names("api");
  ASSERT_GT(names.size(), 2U);
  files_.FailReads(folder_.At("api/" + names[1]), 0, 1 << 20, EIO);
  const auto got = ReadAll();
  EXPECT_EQ(got.back(), "30");
  EXPECT_LT(got.size(), 30U);
  EXPECT_EQ(got.size() + lost_lines_, 30U);
}

TEST_F(PositionReaderTest, AFailureOfEachCallOnceChangesNothing) {
  Open();
  WriteNumbers(1, 20);
  Settle();
  const LinePosition begin = at_;
  int calls = 0;
  for (int n = 1; n < 400; ++n) {
    Reopen();
    at_ = begin;
    lost_lines_ = 0;
    std::vector<std::string> all;
    const int before = files_.calls_made();
    files_.FailAt(before + n, EIO);
    for (int i = 0; i < 100; ++i) {
      lines_.clear();
      auto passage = reader_->Read(
          at_, 100, [&](const ParsedLine& line, std::uint64_t) { lines_.emplace_back(line.text); });
      if (!passage) continue;  // What came of it is taken again.
      all.insert(all.end(), lines_.begin(), lines_.end());
      at_ = passage->end;
      lost_lines_ += passage->lost_lines;
      if (passage->at_end) break;
    }
    calls = files_.calls_made() - before;
    files_.Heal();
    EXPECT_TRUE(all == Numbers(1, 20) || lost_lines_ > 0) << "call " << n;
    if (calls < n) break;
  }
  EXPECT_GT(calls, 10);
}

TEST_F(PositionReaderTest, WhatIsGoneIsNotForgottenForAFailure) {
  limits_.max_files = 10'000;
  Open();
  std::size_t written = 0, got = 0;
  int calls = 0, n = 0;
  for (; calls >= n && n < 200; ++n) {
    for (int i = 0; i < 2; ++i) {
      WriteNumbers(1, 3);
      Seal();
    }
    WriteNumbers(1, 3);
    written += 9;
    EXPECT_EQ(Behind(), 9U);
    std::filesystem::remove(folder_.At("api/" + folder_.Names("api").back()));
    calls = files_.calls_made();
    files_.FailAt(calls + n, EIO);
    for (int i = 0; i < 100; ++i) {
      lines_.clear();
      const auto passage = reader_->Read(
          at_, 100, [&](const ParsedLine& line, std::uint64_t) { lines_.emplace_back(line.text); });
      if (!passage) continue;
      got += lines_.size();
      at_ = passage->end;
      lost_lines_ += passage->lost_lines;
      if (passage->at_end) break;
    }
    calls = files_.calls_made() - calls;
    files_.Heal();
    ASSERT_EQ(got + lost_lines_, written) << "call " << n;
  }
  EXPECT_GT(n, 10);
  EXPECT_GT(lost_lines_, 0U);
}

TEST_F(PositionReaderTest, AFileThatCannotBeFoundIsNoLossEachTime) {
  const std::string name = "api/api.log.20261121T103107Z-000050";
  std::filesystem::create_directory(folder_.At("api"));
  std::filesystem::create_symlink("nowhere", folder_.At(name));
  at_ = {.sequence = 1, .offset = 10, .lines = 1, .mark = 7};
  for (int i = 0; i < 3; ++i)
    Read();
  EXPECT_EQ(lost_lines_, 0U);
  std::filesystem::remove(folder_.At(name));
  folder_.Put(name, "2026-11-21T10:31:07.000000000Z stdout F api:0 one\n");
  EXPECT_EQ(ReadAll(), std::vector<std::string>{"one"});
  EXPECT_EQ(lost_lines_, 1U);
}

TEST_F(PositionReaderTest, ALittleIsNotReadByteByByte) {
  Open();
  Write({std::string(300, 'x')});
  Read(1);
  const int before = files_.calls_made();
  Write({std::string(300, 'y')});
  Read(1);
  EXPECT_EQ(lines_, (std::vector<std::string>{std::string(300, 'x'), std::string(300, 'y')}));
  EXPECT_LT(files_.calls_made() - before, 30);
}

// Whatever is written, sealed, compressed, removed and flushed in whatever order: each line comes
// once, in order, or is counted as lost.
class PositionReaderRandomTest : public PositionReaderTest,
                                 public testing::WithParamInterface<unsigned> {};

TEST_P(PositionReaderRandomTest, EachLineComesOnceOrIsCounted) {
  std::mt19937 random(GetParam());
  const auto chance = [&](unsigned percent) { return random() % 100 < percent; };
  limits_.max_size = 200 + random() % 2000;
  limits_.max_files = 2 + random() % 8;
  constexpr config::LineFormat kFormats[] = {config::LineFormat::kTend, config::LineFormat::kJson,
                                             config::LineFormat::kCri};
  limits_.format = kFormats[random() % 3];
  Open();
  int written = 0;
  std::vector<std::string> got;
  const auto read = [&](std::size_t bytes_max) {
    lines_.clear();
    const auto passage = Read(bytes_max);
    got.insert(got.end(), lines_.begin(), lines_.end());
    return passage.at_end;
  };
  std::string history;  // of the last steps
  const auto expect_all = [&](const char* what) {
    const std::uint64_t behind = Behind();
    history.append(what).append(1, ' ').append(std::to_string(behind)).append(1, '\n');
    EXPECT_EQ(got.size() + lost_lines_ + behind, static_cast<std::size_t>(written))
        << history.substr(history.size() - std::min<std::size_t>(history.size(), 500));
  };
  for (int step = 0; step < 600 && !HasFailure(); ++step) {
    if (chance(60)) {
      std::vector<std::string> lines;
      for (auto n = 1 + random() % 12; n > 0; --n)
        lines.push_back(std::to_string(++written) + std::string(random() % 40, 'x'));
      Write(lines);
      expect_all("write");
    }
    if (chance(10)) {
      Seal();
      expect_all("seal");
    }
    if (chance(30)) {
      AdvanceAndSettle(std::chrono::seconds(random() % 90));
      expect_all("time");
    }
    if (chance(3)) {
      EXPECT_TRUE(worker_->Flush("api"));
      expect_all("flush");
    }
    if (chance(5)) {
      Restart();
      Open();
      expect_all("restart");
    }
    if (chance(50)) {
      read(1 + random() % 1500);
      expect_all("read");
    }
  }
  for (int i = 0; i < 10'000 && !read(1 << 20); ++i) {
  }
  EXPECT_EQ(got.size() + lost_lines_, static_cast<std::size_t>(written));
  EXPECT_EQ(Behind(), 0U);
  int last = 0;
  for (const std::string& line : got) {
    const int number = std::stoi(line);
    EXPECT_GT(number, last);
    last = number;
  }
}

INSTANTIATE_TEST_SUITE_P(Seeds, PositionReaderRandomTest, testing::Range(1U, 41U));

}  // namespace
}  // namespace tend::rotate
