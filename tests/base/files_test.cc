#include "base/files.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/faulty_files.h"

namespace tend {
namespace {

class FilesTest : public testing::Test {
 protected:
  FilesTest() {
    std::string pattern = testing::TempDir() + "files-XXXXXX";
    folder_ = ::mkdtemp(pattern.data());
  }
  ~FilesTest() override { std::filesystem::remove_all(folder_); }

  std::string At(const std::string& name) const { return folder_ + '/' + name; }
  std::string Content(const std::string& name) {
    auto data = ReadFile(files_, At(name), 1 << 20);
    return data ? *data : "(" + data.error().message() + ")";
  }

  Files& files_ = FilesLinux();
  std::string folder_;
};

TEST_F(FilesTest, AppendsToWhatIsThere) {
  for (const char* word : {"one ", "two"}) {
    const auto fd = files_.OpenAppend(At("a"), 0600);
    ASSERT_TRUE(fd);
    EXPECT_TRUE(WriteAll(files_, fd->get(), word));
  }
  EXPECT_EQ(Content("a"), "one two");
  const auto info = files_.Stat(At("a"));
  ASSERT_TRUE(info);
  EXPECT_EQ(info->size, 7u);
  EXPECT_TRUE(info->is_regular);
}

TEST_F(FilesTest, DoesNotAppendThroughASymlink) {
  ASSERT_EQ(::symlink("/dev/full", At("link").c_str()), 0);
  EXPECT_EQ(files_.OpenAppend(At("link"), 0600).error().sys_errno(), ELOOP);
}

TEST_F(FilesTest, AFifoWithoutAReaderFailsAtOnce) {
  ASSERT_EQ(::mkfifo(At("fifo").c_str(), 0600), 0);
  EXPECT_EQ(files_.OpenAppend(At("fifo"), 0600).error().sys_errno(), ENXIO);
}

TEST_F(FilesTest, CreatesOnlyWhatIsNew) {
  ASSERT_TRUE(files_.CreateNew(At("a"), 0600));
  EXPECT_EQ(files_.CreateNew(At("a"), 0600).error().code(), Errc::kExists);
}

TEST_F(FilesTest, RenamesWithoutReplacing) {
  ASSERT_TRUE(WriteFileAtomically(files_, At("a"), "a", 0600));
  ASSERT_TRUE(WriteFileAtomically(files_, At("b"), "b", 0600));
  EXPECT_EQ(files_.RenameNoReplace(At("a"), At("b")).error().code(), Errc::kExists);
  EXPECT_EQ(Content("b"), "b");
  EXPECT_TRUE(files_.RenameNoReplace(At("a"), At("c")));
  EXPECT_EQ(Content("c"), "a");
}

TEST_F(FilesTest, MakesParentsAndListsThem) {
  ASSERT_TRUE(files_.MakeDirectories(At("x/y/z"), 0700));
  ASSERT_TRUE(files_.MakeDirectories(At("x/y/z"), 0700));
  ASSERT_TRUE(files_.CreateNew(At("x/file"), 0600));
  const auto names = files_.List(At("x"));
  ASSERT_TRUE(names);
  EXPECT_THAT(*names, testing::UnorderedElementsAre("y", "file"));
  EXPECT_EQ(files_.MakeDirectories(At("x/file/w"), 0700).error().code(), Errc::kIo);
  EXPECT_EQ(files_.List(At("none")).error().code(), Errc::kNotFound);
}

TEST_F(FilesTest, ReadsAtAnOffsetAndMeasures) {
  ASSERT_TRUE(WriteFileAtomically(files_, At("a"), "0123456789", 0600));
  const auto fd = files_.OpenRead(At("a"));
  ASSERT_TRUE(fd);
  char buffer[4];
  EXPECT_EQ(*files_.ReadAt(fd->get(), buffer, 8), 2u);
  EXPECT_EQ(*files_.ReadAt(fd->get(), buffer, 10), 0u);
  EXPECT_GT(files_.Space(folder_)->size, 0u);
  EXPECT_EQ(files_.StatFd(fd->get())->inode, files_.Stat(At("a"))->inode);
}

TEST_F(FilesTest, RefusesToReadWhatIsLargerThanAllowed) {
  ASSERT_TRUE(WriteFileAtomically(files_, At("a"), std::string(100, 'x'), 0600));
  EXPECT_EQ(ReadFile(files_, At("a"), 99).error().code(), Errc::kLimit);
  EXPECT_EQ(ReadFile(files_, At("a"), 100)->size(), 100u);
}

TEST_F(FilesTest, ReplacesAWholeFileOrLeavesItAtEveryFailure) {
  ASSERT_TRUE(WriteFileAtomically(files_, At("a"), "old", 0600));
  for (int n = 1;; ++n) {
    FaultyFiles faulty(files_);
    faulty.FailAt(n, EIO);
    const auto done = WriteFileAtomically(faulty, At("a"), "new", 0600);
    if (faulty.calls_made() < n) {
      EXPECT_TRUE(done);
      EXPECT_EQ(Content("a"), "new");
      break;
    }
    EXPECT_FALSE(done);
    EXPECT_THAT(Content("a"), testing::AnyOf("old", "new"));
  }
  EXPECT_EQ(files_.List(folder_)->size(), 1u);
}

TEST_F(FilesTest, CompletesShortWrites) {
  FaultyFiles faulty(files_);
  faulty.LimitWrites(3);
  ASSERT_TRUE(WriteFileAtomically(faulty, At("a"), "0123456789", 0600));
  EXPECT_EQ(Content("a"), "0123456789");
}

}  // namespace
}  // namespace tend
