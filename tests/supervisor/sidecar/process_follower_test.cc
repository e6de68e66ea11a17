// A process of ours that is not tend's, looked for in the real /proc. The clock is the test's.
#include "supervisor/sidecar/process_follower.h"

#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "base/files.h"
#include "support/fake_loop.h"

namespace tend::supervisor {
namespace {

using namespace std::chrono_literals;

constexpr auto kPatience = 20s;

class Listener final : public LinkListener {
 public:
  void OnCoreHello() override {}
  void OnSynced() override {}
  void OnApp(config::AppConfig, AppStatus) override {}
  void OnAppGone(const std::string&) override {}
  void OnWorker(const std::string&, WorkerStatus worker) override { pid = worker.pid; }
  void OnWorkerGone(const std::string&, int) override {}
  void OnIncarnation(const std::string&, int, std::uint64_t, int, std::uint16_t) override {}
  void OnEnded(std::uint64_t) override {}
  void OnNoProbe(std::uint64_t, const std::string&, bool) override {}
  void OnFact(Fact) override {}
  void OnCustom(const WorkerRef&, const std::vector<CustomValue>&, std::size_t) override {}
  void OnRequests(std::uint64_t, const std::vector<exporter::ControlNumbers>&) override {}
  void OnLogsRequest(LogsOp, const std::string&, std::uint64_t) override {}

  int pid = -1;  // of the worker that was told last; 0: it has none
};

class ProcessFollowerTest : public ::testing::Test {
 protected:
  // No other process has this in its command line.
  ProcessFollowerTest() : seconds_("4" + std::to_string(::getpid())) {
    follower_.emplace(loop_, listener_, "api",
                      ProcessSelector{SelectBy::kName, "sleep " + seconds_});
  }
  ~ProcessFollowerTest() override { End(); }

  int Spawn() {
    std::string program = "sleep";
    std::array<char*, 3> arguments = {program.data(), seconds_.data(), nullptr};
    EXPECT_EQ(::posix_spawnp(&child_, "sleep", nullptr, nullptr, arguments.data(), nullptr), 0);
    // It is ours for a moment yet, and then has none.
    const std::string file = "/proc/" + std::to_string(child_) + "/cmdline";
    const auto deadline = std::chrono::steady_clock::now() + kPatience;
    while (std::chrono::steady_clock::now() < deadline) {
      const auto command = ReadFile(FilesLinux(), file, 4096);
      if (command && command->starts_with("sleep")) break;
      std::this_thread::yield();
    }
    return child_;
  }
  void End() {
    if (child_ <= 0) return;
    ::kill(child_, SIGKILL);
    ::waitpid(std::exchange(child_, 0), nullptr, 0);
  }
  bool RunUntilPid(int pid) {
    const auto deadline = std::chrono::steady_clock::now() + kPatience;
    while (listener_.pid != pid && std::chrono::steady_clock::now() < deadline) {
      loop_.Advance(10ms);
      std::this_thread::yield();
    }
    return listener_.pid == pid;
  }

  std::string seconds_;
  pid_t child_ = 0;
  FakeLoop loop_;
  Listener listener_;
  std::optional<ProcessFollower> follower_;
};

TEST_F(ProcessFollowerTest, SeesByNameWhatBeginsAndEnds) {
  follower_->Begin();
  const int first = Spawn();
  EXPECT_TRUE(RunUntilPid(first));
  End();
  EXPECT_TRUE(RunUntilPid(0));
  EXPECT_TRUE(RunUntilPid(Spawn()));
}

TEST_F(ProcessFollowerTest, MayEndWhileItLooks) {
  Spawn();
  follower_->Begin();
  EXPECT_EQ(listener_.pid, child_) << "the first look is at once";
  loop_.Advance(2s);
  follower_.reset();
  loop_.RunPosted();
  EXPECT_EQ(listener_.pid, child_);
}

}  // namespace
}  // namespace tend::supervisor
