#include "base/shell_child.h"

#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <optional>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace tend {
namespace {

constexpr int kPatienceMs = 20'000;

class Shell : public testing::Test {
 protected:
  ~Shell() override { EXPECT_EQ(::waitpid(-1, nullptr, WNOHANG), -1) << "was not reaped"; }

  static bool HasEnded(const ShellChild& child) {
    pollfd ended = {child.pidfd(), POLLIN, 0};
    return ::poll(&ended, 1, kPatienceMs) == 1;
  }
  // Until nobody has its other end any more.
  static std::string ReadAll(int fd) {
    std::string text;
    std::array<char, 4096> buffer{};
    for (;;) {
      pollfd readable = {fd, POLLIN, 0};
      if (::poll(&readable, 1, kPatienceMs) != 1) return text + "[not ended]";
      const ssize_t size = ::read(fd, buffer.data(), buffer.size());
      if (size <= 0) return text;
      text.append(buffer.data(), static_cast<std::size_t>(size));
    }
  }
  // How it ended, as waitpid(2) says.
  static int Run(const ShellCommand& command) {
    auto child = ShellChild::Start(command);
    EXPECT_TRUE(child) << child.error().message();
    if (!child) return -1;
    EXPECT_TRUE(HasEnded(*child));
    return child->Reap().value_or(-1);
  }
  static int Run(const std::string& line) {
    ShellCommand command;
    command.line = line;
    return Run(command);
  }
};

TEST_F(Shell, HasItsFolderItsVariablesItsEndsAndNothingElse) {
  ::setenv("SHELL_CHILD_TEST", "ours", 1);  // NOLINT(concurrency-mt-unsafe)
  ::setenv("SHELL_CHILD_OWN", "kept", 1);   // NOLINT(concurrency-mt-unsafe)
  Pipe in = *MakePipe(), out = *MakePipe();
  ShellCommand command;
  command.line = "pwd; echo $SHELL_CHILD_TEST $SHELL_CHILD_OWN; cat; ls /proc/self/fd | wc -l >&2";
  command.folder = "/usr";
  command.environment = {{"SHELL_CHILD_TEST", "given"}};
  auto child = ShellChild::Start(command, in.read.get(), out.write.get());
  ASSERT_TRUE(child) << child.error().message();
  out.write.Reset();
  ASSERT_EQ(::write(in.write.get(), "said\n", 5), 5);
  in.write.Reset();
  // 0, 1, 2 and the folder that ls reads.
  EXPECT_EQ(ReadAll(out.read.get()), "/usr\ngiven kept\nsaid\n4\n");
  EXPECT_TRUE(HasEnded(*child));
  EXPECT_EQ(child->Reap(), 0);
  EXPECT_EQ(child->Reap(), std::nullopt) << "told before";
}

TEST_F(Shell, SaysHowItEnded) {
  EXPECT_EQ(WEXITSTATUS(Run("exit 3")), 3);
  EXPECT_EQ(WTERMSIG(Run("kill -9 $$")), SIGKILL);
  EXPECT_EQ(WEXITSTATUS(Run("read line")), 1) << "its input is empty";
  ShellCommand nowhere;
  nowhere.line = "true";
  nowhere.folder = "/no/such/folder";
  EXPECT_EQ(WEXITSTATUS(Run(nowhere)), kShellNotStarted);
}

TEST_F(Shell, HasDefaultSignalsWhateverOursAre) {
  sigset_t blocked, before;
  ::sigemptyset(&blocked);
  ::sigaddset(&blocked, SIGTERM);
  ::pthread_sigmask(SIG_BLOCK, &blocked, &before);
  const auto handler = ::signal(SIGPIPE, SIG_IGN);
  EXPECT_EQ(WTERMSIG(Run("kill -TERM $$; exit 0")), SIGTERM);
  EXPECT_EQ(WTERMSIG(Run("kill -PIPE $$; exit 0")), SIGPIPE);
  ::signal(SIGPIPE, handler);
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

TEST_F(Shell, OneThatRunsIsKilledWithAllThatItStarted) {
  for (const bool is_killed : {true, false}) {
    Pipe out = *MakePipe();
    ShellCommand command;
    command.line = "sleep 1000 & echo begun; sleep 1000";
    {
      auto child = ShellChild::Start(command, -1, out.write.get());
      ASSERT_TRUE(child) << child.error().message();
      out.write.Reset();
      std::array<char, 6> begun{};
      ASSERT_EQ(::read(out.read.get(), begun.data(), begun.size()), 6);
      if (is_killed) {
        child->Kill();
        EXPECT_TRUE(HasEnded(*child));
        EXPECT_EQ(WTERMSIG(child->Reap().value_or(0)), SIGKILL);
      }
    }
    EXPECT_EQ(ReadAll(out.read.get()), "") << "both have let go of it";
  }
  // The second one was not waited for.
  EXPECT_TRUE(::waitpid(-1, nullptr, 0) > 0 || errno == ECHILD);
}

TEST_F(Shell, WhatItLeftRunningIsKilledAsItIsReaped) {
  Pipe out = *MakePipe();
  ShellCommand command;
  command.line = "sleep 1000 & exit 0";
  auto child = ShellChild::Start(command, -1, out.write.get());
  ASSERT_TRUE(child) << child.error().message();
  out.write.Reset();
  EXPECT_TRUE(HasEnded(*child));
  EXPECT_EQ(child->Reap(), 0);
  EXPECT_EQ(ReadAll(out.read.get()), "");
}

}  // namespace
}  // namespace tend
