#include "collector/pipe_reader.h"

#include <unistd.h>

#include <memory>
#include <string>

#include <gtest/gtest.h>

#include "support/fake_loop.h"

namespace tend::collector {
namespace {

using namespace std::chrono_literals;  // NOLINT(google-build-using-namespace)

class PipeReaderTest : public ::testing::Test {
 protected:
  PipeReaderTest() {
    auto pipe = MakePipe();
    TEND_CHECK(pipe);
    TEND_CHECK(SetNonBlocking(pipe->read.get()));
    worker_ = std::move(pipe->write);
    fd_ = pipe->read.get();
    reader_ = std::make_unique<PipeReader>(loop_, std::move(pipe->read), [this] { OnReady(); });
  }
  void Write(std::string_view text) {
    ASSERT_EQ(::write(worker_.get(), text.data(), text.size()), static_cast<ssize_t>(text.size()));
  }
  PipeReader::Taken Read(std::size_t bytes_max) {
    return reader_->Read(buffer_, bytes_max, [this](std::string_view bytes) { got_ += bytes; });
  }
  void OnReady() {
    ++wakes_;
    if (destroy_when_ready_) reader_.reset();
  }

  FakeLoop loop_;
  Fd worker_;
  int fd_ = -1;
  std::unique_ptr<PipeReader> reader_;
  char buffer_[8] = {};
  std::string got_;
  int wakes_ = 0;
  bool destroy_when_ready_ = false;
};

TEST_F(PipeReaderTest, TakesNoMoreThanItMay) {
  Write("0123456789abcdef");
  auto taken = Read(10);
  EXPECT_EQ(taken.bytes, 10u);
  EXPECT_FALSE(taken.is_empty);
  EXPECT_EQ(got_, "0123456789");
  taken = Read(100);
  EXPECT_EQ(taken.bytes, 6u);
  EXPECT_TRUE(taken.is_empty);
  EXPECT_FALSE(taken.at_end);
  EXPECT_EQ(got_, "0123456789abcdef");
}

TEST_F(PipeReaderTest, TellsEmptyFromEnded) {
  auto taken = Read(100);
  EXPECT_TRUE(taken.is_empty);
  EXPECT_FALSE(taken.at_end);
  worker_.Reset();
  taken = Read(100);
  EXPECT_TRUE(taken.is_empty);
  EXPECT_TRUE(taken.at_end);
}

TEST_F(PipeReaderTest, ListensRestsAndPauses) {
  EXPECT_FALSE(loop_.IsWatched(fd_));
  reader_->Listen();
  reader_->Listen();
  EXPECT_TRUE(loop_.MakeReadable(fd_));
  EXPECT_EQ(wakes_, 1);
  reader_->RestFor(2ms);
  EXPECT_FALSE(loop_.IsWatched(fd_));
  loop_.Advance(2ms);
  EXPECT_EQ(wakes_, 2) << "asked, not told";
  EXPECT_FALSE(loop_.IsWatched(fd_));
  reader_->RestFor(2ms);
  reader_->Pause();
  loop_.Advance(1h);
  EXPECT_EQ(wakes_, 2);
}

TEST_F(PipeReaderTest, ListensBeforeItsTimeWhenItIsTold) {
  reader_->RestFor(2ms);
  reader_->Listen();
  EXPECT_TRUE(loop_.IsWatched(fd_));
  EXPECT_EQ(loop_.timers(), 0u);
}

TEST_F(PipeReaderTest, MayBeDestroyedWhenItHasRested) {
  reader_->RestFor(2ms);
  destroy_when_ready_ = true;
  loop_.Advance(2ms);
  EXPECT_EQ(reader_, nullptr);
}

TEST_F(PipeReaderTest, MayBeDestroyedByTheOneItWakes) {
  reader_->Listen();
  destroy_when_ready_ = true;
  EXPECT_TRUE(loop_.MakeReadable(fd_));
  EXPECT_FALSE(loop_.IsWatched(fd_));
}

}  // namespace
}  // namespace tend::collector
