#include "supervisor/probes/exec_check.h"

#include <dirent.h>
#include <signal.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <memory>
#include <optional>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "real_loop.h"

namespace tend::probes {
namespace {

using std::chrono::seconds;

class ExecChecks : public testing::Test {
 protected:
  void SetUp() override { ASSERT_NE(::mkdtemp(folder_), nullptr); }
  void TearDown() override {
    for (const char* name : {"/a", "/b"})
      ::unlink((std::string(folder_) + name).c_str());
    ::rmdir(folder_);
  }

  std::unique_ptr<Check> Start(const std::string& line,
                               std::chrono::nanoseconds timeout = seconds(10)) {
    ShellCommand command;
    command.line = line;
    command.folder = folder_;
    command.environment = {{"TEND_WORKER", "3"}, {"PATH", "/usr/bin:/bin"}};
    return runner_.Run(std::move(command), timeout, [this](CheckResult result) {
      ++results_;
      result_ = std::move(result);
    });
  }
  std::string Run(const std::string& line, std::chrono::nanoseconds timeout = seconds(10)) {
    result_.reset();
    const auto check = Start(line, timeout);
    EXPECT_TRUE(loop_.RunUntil([this] { return result_.has_value(); }));
    if (!result_) return "nothing";
    return result_->is_good() ? "good" : result_->why;
  }
  bool WaitUntilNoneRuns() {
    return loop_.RunUntil([this] { return runner_.running() == 0; });
  }
  std::string Text(const char* name) const {
    std::ifstream file(std::string(folder_) + name);
    return {std::istreambuf_iterator<char>(file), {}};
  }
  static int OpenDescriptors() {
    int count = 0;
    DIR* folder = ::opendir("/proc/self/fd");
    while (::readdir(folder) != nullptr)  // NOLINT(concurrency-mt-unsafe)
      ++count;
    ::closedir(folder);
    return count;
  }

  char folder_[32] = "/tmp/tend-exec-XXXXXX";
  RealLoop loop_;
  ExecRunner runner_{*loop_};
  std::optional<CheckResult> result_;
  int results_ = 0;
};

TEST_F(ExecChecks, TheExitCodeDecides) {
  EXPECT_EQ(Run("true"), "good");
  EXPECT_EQ(Run("exit 3"), "exit code 3");
  EXPECT_EQ(Run("kill -9 $$"), "killed by SIGKILL");
  EXPECT_EQ(Run("no-such-program"), "exit code 127");
}

TEST_F(ExecChecks, ItRunsInTheFolderWithItsVariablesAndNothingElseOpen) {
  EXPECT_EQ(Run("pwd > a; echo $TEND_WORKER >> a; ls /proc/self/fd | wc -l >> a"), "good");
  // 0, 1, 2 and the folder that ls reads.
  EXPECT_EQ(Text("/a"), std::string(folder_) + "\n3\n4\n");
}

TEST_F(ExecChecks, OneThatTakesTooLongIsKilledWithAllThatItStarted) {
  EXPECT_EQ(Run("echo $$ > a; sleep 100 & echo $! > b; sleep 100", seconds(5)),
            "not done within 5s");
  EXPECT_TRUE(WaitUntilNoneRuns());
  for (const char* name : {"/a", "/b"}) {
    const int pid = std::atoi(Text(name).c_str());
    ASSERT_GT(pid, 0);
    EXPECT_TRUE(loop_.RunUntil([pid] {
      std::ifstream command("/proc/" + std::to_string(pid) + "/cmdline");
      std::string text;
      std::getline(command, text);
      return text.empty();  // gone, or waits to be reaped by who adopted it
    }));
  }
}

TEST_F(ExecChecks, WhatItLeavesRunningIsKilled) {
  EXPECT_EQ(Run("sleep 100 & echo $! > b"), "good");
  const int pid = std::atoi(Text("/b").c_str());
  ASSERT_GT(pid, 0);
  EXPECT_TRUE(loop_.RunUntil([pid] {
    std::ifstream command("/proc/" + std::to_string(pid) + "/cmdline");
    std::string text;
    std::getline(command, text);
    return text.empty();
  }));
}

TEST_F(ExecChecks, OneThatNobodyWantsAnyMoreIsKilledAndSaysNothing) {
  auto check = Start("sleep 100");
  EXPECT_TRUE(loop_.RunUntil([this] { return runner_.running() == 1; }));
  check.reset();
  EXPECT_TRUE(WaitUntilNoneRuns());
  check = Start("true");
  check.reset();
  EXPECT_TRUE(WaitUntilNoneRuns());
  EXPECT_EQ(results_, 0);
}

TEST_F(ExecChecks, FewRunAtOnceAndAllGetTheirTurn) {
  constexpr int kMany = 40;
  std::vector<std::unique_ptr<Check>> checks;
  std::size_t most = 0;
  for (int i = 0; i < kMany; ++i)
    checks.push_back(Start("true"));
  EXPECT_TRUE(loop_.RunUntil([&] {
    most = std::max(most, runner_.running());
    return results_ == kMany;
  }));
  EXPECT_LE(most, ExecRunner::kAtOnce);
}

TEST_F(ExecChecks, NoDescriptorIsLeft) {
  EXPECT_EQ(Run("true"), "good");
  const int before = OpenDescriptors();
  for (int i = 0; i < 20; ++i)
    EXPECT_EQ(Run(i % 2 == 0 ? "true" : "false"), i % 2 == 0 ? "good" : "exit code 1");
  EXPECT_EQ(OpenDescriptors(), before);
}

TEST_F(ExecChecks, RootMayRunItAsAnother) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root";
  const auto account = AccountOf("nobody", "");
  ASSERT_TRUE(account && *account);
  ShellCommand command;
  command.line = "test $(id -u) = " + std::to_string((*account)->uid);
  command.folder = "/";
  command.account = *account;
  const auto check = runner_.Run(std::move(command), seconds(10),
                                 [this](CheckResult result) { result_ = std::move(result); });
  EXPECT_TRUE(loop_.RunUntil([this] { return result_.has_value(); }));
  EXPECT_TRUE(result_->is_good()) << result_->why;
}

TEST_F(ExecChecks, AnAccountThatIsUnknownIsAnError) {
  EXPECT_FALSE(AccountOf("no-such-user-here", ""));
  const auto none = AccountOf("", "");
  ASSERT_TRUE(none);
  EXPECT_FALSE(none->has_value());
}

}  // namespace
}  // namespace tend::probes
