#include "supervisor/exit_journal.h"

#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>

namespace tend::supervisor {
namespace {

class Journal : public testing::Test {
 protected:
  void SetUp() override {
    char folder[] = "/tmp/tend-journal-XXXXXX";
    ASSERT_NE(::mkdtemp(folder), nullptr);
    folder_ = folder;
    path_ = folder_ + "/exits";
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  static ExitInfo Exit(int pid) {
    ExitInfo info;
    info.pid = pid;
    info.code = 1;
    info.status = pid % 256;
    info.rss_max_kb = 7;
    return info;
  }

  std::string folder_, path_;
};

TEST_F(Journal, GivesTheReaderEachRecordOnce) {
  auto writer = *ExitJournalWriter::Open(path_);
  const auto reader = *ExitJournalReader::Open(path_);
  EXPECT_FALSE(reader.After(0));
  writer.Append(Exit(11));
  writer.Append(Exit(12));
  const auto first = reader.After(0);
  ASSERT_TRUE(first);
  EXPECT_EQ(first->pid, 11);
  EXPECT_EQ(first->status, 11);
  EXPECT_EQ(first->rss_max_kb, 7u);
  const auto second = reader.After(first->seq);
  ASSERT_TRUE(second);
  EXPECT_EQ(second->pid, 12);
  EXPECT_FALSE(reader.After(second->seq));
}

TEST_F(Journal, GoesOnWhereAFormerKeeperStopped) {
  auto former = *ExitJournalWriter::Open(path_);
  former.Append(Exit(1));
  // It died after the record and before the head.
  former.header().head.store(0);
  auto writer = *ExitJournalWriter::Open(path_);
  writer.Append(Exit(2));
  const auto reader = *ExitJournalReader::Open(path_);
  EXPECT_EQ(reader.head(), 2u);
  EXPECT_EQ(reader.After(0)->pid, 1);
  EXPECT_EQ(reader.After(1)->pid, 2);
}

TEST_F(Journal, ShowsByAGapWhatWasOverwritten) {
  auto writer = *ExitJournalWriter::Open(path_);
  const auto reader = *ExitJournalReader::Open(path_);
  const int count = static_cast<int>(kJournalRecords) + 10;
  for (int i = 1; i <= count; ++i)
    writer.Append(Exit(i));
  const auto oldest = reader.After(0);
  ASSERT_TRUE(oldest);
  EXPECT_EQ(oldest->seq, 11u);
  EXPECT_EQ(oldest->pid, 11);
}

TEST_F(Journal, StartsAnewOverAFileThatIsNone) {
  std::ofstream(path_) << std::string(sizeof(ExitJournal), 'x');
  EXPECT_EQ(ExitJournalReader::Open(path_).error().code(), Errc::kInvalid);
  auto writer = *ExitJournalWriter::Open(path_);
  writer.Append(Exit(5));
  EXPECT_EQ(ExitJournalReader::Open(path_)->After(0)->pid, 5);
}

TEST_F(Journal, IsRefusedByTheReaderIfItIsShort) {
  std::ofstream(path_) << "TEND";
  EXPECT_EQ(ExitJournalReader::Open(path_).error().code(), Errc::kInvalid);
}

}  // namespace
}  // namespace tend::supervisor
