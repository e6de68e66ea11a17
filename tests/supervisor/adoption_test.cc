#include "supervisor/adoption.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <gtest/gtest.h>

namespace tend::supervisor {
namespace {

// A process that has the write end of a pipe as its stdout and waits to be killed.
class AdoptionTest : public testing::Test {
 protected:
  AdoptionTest() {
    auto pipe = MakePipe();
    TEND_CHECK(pipe);
    struct stat info {};
    ::fstat(pipe->read.get(), &info);
    inode_ = info.st_ino;
    pid_ = ::fork();
    if (pid_ == 0) {
      ::dup2(pipe->write.get(), 1);
      [[maybe_unused]] const auto n = ::write(1, "x", 1);
      for (;;)
        ::pause();
    }
    // It has its stdout when it has written.
    char byte = 0;
    pollfd ready{pipe->read.get(), POLLIN, 0};
    ::poll(&ready, 1, 5000);
    TEND_CHECK(::read(pipe->read.get(), &byte, 1) == 1);
  }
  ~AdoptionTest() override { End(); }
  void End() {
    if (pid_ <= 0) return;
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
    pid_ = 0;
  }

  pid_t pid_ = 0;
  std::uint64_t inode_ = 0;
};

TEST_F(AdoptionTest, ReopensThePipeOfALivingProcess) {
  const auto pipe = ReopenPipe(pid_, 1, inode_);
  ASSERT_TRUE(pipe) << pipe.error().message();
  EXPECT_NE(::fcntl(pipe->get(), F_GETFL) & O_NONBLOCK, 0);
}

TEST_F(AdoptionTest, DoesNotOpenWhatTheProcessPutThereItself) {
  EXPECT_EQ(ReopenPipe(pid_, 1, inode_ + 1).error().code(), Errc::kNotFound);
  EXPECT_FALSE(ReopenPipe(pid_, 77, inode_));
}

TEST_F(AdoptionTest, TakesASocketOutOfALivingProcess) {
  // The process was forked from this one, which has none with such a number.
  EXPECT_EQ(FindSocket(pid_, 1).error().code(), Errc::kNotFound);
  const Fd socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  struct stat info {};
  ASSERT_EQ(::fstat(socket.get(), &info), 0);
  const auto found = FindSocket(::getpid(), info.st_ino);
  ASSERT_TRUE(found) << found.error().message();
  struct stat same {};
  ASSERT_EQ(::fstat(found->get(), &same), 0);
  EXPECT_EQ(same.st_ino, info.st_ino);
  EXPECT_NE(found->get(), socket.get());
}

TEST_F(AdoptionTest, ItsPidfdTellsThatItEnded) {
  const auto pidfd = OpenPidfd(pid_);
  ASSERT_TRUE(pidfd);
  pollfd ready{pidfd->get(), POLLIN, 0};
  EXPECT_EQ(::poll(&ready, 1, 0), 0);
  End();
  EXPECT_EQ(::poll(&ready, 1, 5000), 1);
  // Kernels before 6.15 cannot say how.
  const auto exit = AskHowItEnded(pidfd->get());
  EXPECT_EQ(exit ? exit->signal.value_or(0) : SIGKILL, SIGKILL);
}

}  // namespace
}  // namespace tend::supervisor
