#include "collector/followed_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>

#include <gtest/gtest.h>

#include "rotate/temp_folder.h"

namespace tend::collector {
namespace {

class FollowedFileTest : public ::testing::Test {
 protected:
  FollowedFileTest() {
    folder_.Put("app.log", "one\ntwo\n");
    auto opened = FollowedFile::Open(folder_.At("app.log"), Stream::kStdout);
    EXPECT_TRUE(opened);
    file_ = *std::move(opened);
    EXPECT_TRUE(file_->Take(buffer_, buffer_.size(), batch_));
  }

  rotate::TempFolder folder_;
  std::array<char, 100> buffer_{};
  RecordBatch batch_;
  std::unique_ptr<FollowedFile> file_;
};

TEST_F(FollowedFileTest, AnotherBeginningMeansThatItWasEmptied) {
  EXPECT_FALSE(file_->WasEmptied(*file_->State()));
  const Fd writer(::open(folder_.At("app.log").c_str(), O_WRONLY | O_CLOEXEC));
  ASSERT_EQ(::pwrite(writer.get(), "new", 3, 0), 3);
  EXPECT_TRUE(file_->WasEmptied(*file_->State()));
}

TEST_F(FollowedFileTest, WhatCannotBeReadNowWasNotEmptied) {
  const FileIdentity identity = file_->identity();
  // The same file, of which no read succeeds.
  const Fd unreadable(::open(folder_.At("app.log").c_str(), O_WRONLY | O_CLOEXEC));
  ASSERT_GE(::dup3(unreadable.get(), file_->fd(), O_CLOEXEC), 0);
  EXPECT_FALSE(file_->WasEmptied(*file_->State()));
  EXPECT_TRUE(file_->Is(identity));
  EXPECT_FALSE(file_->Take(buffer_, buffer_.size(), batch_));
  EXPECT_EQ(file_->identity().head, identity.head);
  ASSERT_EQ(::ftruncate(unreadable.get(), 0), 0);
  EXPECT_TRUE(file_->WasEmptied(*file_->State())) << "its size says so";
}

}  // namespace
}  // namespace tend::collector
