#include "supervisor/keeper.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/fd.h"
#include "supervisor/exit_journal.h"

namespace tend::supervisor {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr std::chrono::seconds kPatience{30};

// A keeper in a process of its own, with stubs for roles (test_role.cc). All that it and they say
// comes through one pipe, in order.
class KeeperTest : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_EQ(::prctl(PR_SET_CHILD_SUBREAPER, 1), 0);
    char folder[] = "/tmp/tend-keeper-XXXXXX";
    ASSERT_NE(::mkdtemp(folder), nullptr);
    folder_ = folder;
    ::setenv("TEST_ROLE_DIR", folder, 1);
    for (const char* role : {"/tend-core", "/tend-sidecar"})
      ASSERT_EQ(::mkfifo((folder_ + role).c_str(), 0600), 0);
    // Both ends stay open here, so that a role that is between two lives misses no command.
    core_.Reset(::open((folder_ + "/tend-core").c_str(), O_RDWR | O_CLOEXEC));
    sidecar_.Reset(::open((folder_ + "/tend-sidecar").c_str(), O_RDWR | O_CLOEXEC));
    paths_.control_socket = folder_ + "/tend.sock";
    paths_.state = folder_ + "/state";
    paths_.own_logs = folder_ + "/state/log";
    paths_.run = folder_ + "/run";
    paths_.logs = folder_ + "/logs";
    auto pipe = *MakePipe();
    said_ = std::move(pipe.read);
    say_ = std::move(pipe.write);
  }

  void TearDown() override {
    if (keeper_ > 0) ::kill(keeper_, SIGKILL);
    for (const int pid : stubborn_)
      ::kill(pid, SIGKILL);
    // The roles leave when their keeper is gone, and become ours.
    const auto deadline = std::chrono::steady_clock::now() + kPatience;
    while (::waitpid(-1, nullptr, WNOHANG) >= 0 && std::chrono::steady_clock::now() < deadline)
      ::poll(nullptr, 0, 1);
    std::filesystem::remove_all(folder_);
  }

  int StartKeeper(const std::string& core = TEST_ROLE) {
    const int pid = ::fork();
    if (pid != 0) return pid;
    ::dup2(say_.get(), STDERR_FILENO);
    KeeperOptions options;
    options.paths = paths_;
    options.core_program = core;
    options.sidecar_program = TEST_ROLE;
    ::_exit(RunKeeper(options));
  }

  void StartAndAwaitRoles() {
    keeper_ = StartKeeper();
    Await("tend-core replayed");
    Await("tend-sidecar replayed");
  }

  void Core(const std::string& command) { Command(core_, command); }
  void Sidecar(const std::string& command) { Command(sidecar_, command); }
  static void Command(const Fd& pipe, const std::string& command) {
    const std::string line = command + '\n';
    ASSERT_EQ(::write(pipe.get(), line.data(), line.size()), static_cast<ssize_t>(line.size()));
  }

  // Waits until the text was said since the last Forget, and returns all that was.
  std::string Await(const std::string& text) {
    const auto deadline = std::chrono::steady_clock::now() + kPatience;
    while (heard_.find(text) == std::string::npos) {
      pollfd wait{said_.get(), POLLIN, 0};
      char part[4096];
      if (std::chrono::steady_clock::now() > deadline) break;
      if (::poll(&wait, 1, 100) <= 0) continue;
      const ssize_t n = ::read(said_.get(), part, sizeof part);
      if (n <= 0) break;
      heard_.append(part, static_cast<std::size_t>(n));
    }
    EXPECT_THAT(heard_, HasSubstr(text));
    return heard_;
  }
  void Forget() { heard_.clear(); }

  int PidOf(const std::string& role) {
    const std::string start = role + " start ";
    const std::size_t at = Await(start).rfind(start);
    return at == std::string::npos ? 0 : std::atoi(heard_.c_str() + at + start.size());
  }

  int AwaitExit(int& pid) {
    int status = -1;
    ::waitpid(pid, &status, 0);
    pid = 0;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  }

  std::string folder_;
  Paths paths_;
  Fd core_, sidecar_, said_, say_;
  std::string heard_;
  int keeper_ = 0;
  std::vector<int> stubborn_;
};

TEST_F(KeeperTest, TellsTheServiceManagerWhenBothRolesAreReady) {
  const Fd manager(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const std::string path = folder_ + "/notify";
  path.copy(address.sun_path, sizeof address.sun_path - 1);
  ASSERT_EQ(::bind(manager.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  ::setenv("NOTIFY_SOCKET", path.c_str(), 1);
  StartAndAwaitRoles();
  ::unsetenv("NOTIFY_SOCKET");
  Core("ready");
  Await("tend-core ready done");
  char text[64] = {};
  EXPECT_LT(::recv(manager.get(), text, sizeof text, MSG_DONTWAIT), 0);
  Sidecar("ready");
  EXPECT_EQ(::recv(manager.get(), text, sizeof text, 0), 7);
  EXPECT_STREQ(text, "READY=1");
}

TEST_F(KeeperTest, HandsAWorkersPipesToTheSidecarAndKeepsTheRestForCore) {
  StartAndAwaitRoles();
  Core("put 1 7");
  Core("put 4 7");
  Await("tend-sidecar put 1 7");
  Await("tend-core put done");
  EXPECT_THAT(heard_, Not(HasSubstr("tend-sidecar put 4 7")));
  EXPECT_THAT(heard_, Not(HasSubstr("tend-core put 1 7")));
}

TEST_F(KeeperTest, ReplaysTheStoreToTheNextLifeOfARole) {
  StartAndAwaitRoles();
  Core("put 1 7");
  Core("put 4 7");
  Core("put 4 8");
  Core("drop 4 8");
  Await("tend-core drop done");
  Await("tend-sidecar put 1 7");
  Forget();
  Core("exit 3");
  const std::string core = Await("tend-core replayed");
  EXPECT_THAT(core, HasSubstr("ended with code 3"));
  EXPECT_THAT(core, HasSubstr("tend-core put 4 7"));
  EXPECT_THAT(core, HasSubstr("tend-core put 5 0"));
  EXPECT_THAT(core, HasSubstr("tend-core put 6 0"));
  EXPECT_THAT(core, Not(HasSubstr("put 4 8")));
  EXPECT_THAT(core, Not(HasSubstr("tend-core put 1 7")));
  Forget();
  Sidecar("exit 0");
  const std::string sidecar = Await("tend-sidecar replayed");
  EXPECT_THAT(sidecar, HasSubstr("tend-sidecar put 1 7"));
  EXPECT_THAT(sidecar, HasSubstr("tend-sidecar put 7 0"));
}

TEST_F(KeeperTest, StartsADeadRoleAtOnceAndThenEverLater) {
  StartAndAwaitRoles();
  for (const char* delay : {"in 0 ms", "in 100 ms", "in 200 ms"}) {
    Core("exit 1");
    const std::string heard = Await(delay);
    heard_.erase(0, heard.find(delay));  // the next may have said that it is there already
    Await("tend-core replayed");
  }
}

TEST_F(KeeperTest, JournalsHowAWorkerEndedBeforeItReapsIt) {
  StartAndAwaitRoles();
  const auto reader = *ExitJournalReader::Open(paths_.run + "/exits");
  EXPECT_EQ(reader.header().core_pid, PidOf("tend-core"));
  Core("spawn 42");
  const auto deadline = std::chrono::steady_clock::now() + kPatience;
  while (reader.head() == 0 && std::chrono::steady_clock::now() < deadline)
    ::poll(nullptr, 0, 1);
  const auto exit = reader.After(0);
  ASSERT_TRUE(exit);
  EXPECT_EQ(exit->code, CLD_EXITED);
  EXPECT_EQ(exit->status, 42);
  EXPECT_GT(exit->rss_max_kb, 0u);
  EXPECT_GT(exit->wall_ns, 0u);
}

TEST_F(KeeperTest, LosesNothingWhileARoleDoesNotRead) {
  StartAndAwaitRoles();
  stubborn_.push_back(PidOf("tend-sidecar"));
  Sidecar("quiet");
  Await("tend-sidecar quiet done");
  ::kill(stubborn_[0], SIGSTOP);
  Core("flood 3000");
  Await("tend-core flood done");
  // The keeper still serves core, whatever the sidecar does.
  Core("put 4 1");
  // What the keeper has not taken yet would die with core.
  const auto taken = std::chrono::steady_clock::now() + kPatience;
  while (heard_.find("queued 0") == std::string::npos && std::chrono::steady_clock::now() < taken) {
    Core("queued");
    Await("tend-core queued done");
    if (heard_.find("queued 0") == std::string::npos) Forget();
  }
  Core("exit 0");
  Await("tend-core put 4 1");
  ::kill(stubborn_[0], SIGCONT);
  // 3,000 and the link. The answer may come before the last of them.
  const auto deadline = std::chrono::steady_clock::now() + kPatience;
  while (heard_.find("puts 3001") == std::string::npos &&
         std::chrono::steady_clock::now() < deadline) {
    Forget();
    Sidecar("count");
    Await("tend-sidecar count done");
  }
  EXPECT_THAT(heard_, HasSubstr("puts 3001"));
}

TEST_F(KeeperTest, EndsAfterCoreAndThenTheSidecarHaveLeft) {
  StartAndAwaitRoles();
  Core("shutdown");
  Await("tend-core shutdown done");
  Core("exit 0");
  Await("tend-sidecar term");
  EXPECT_EQ(AwaitExit(keeper_), 0);
}

TEST_F(KeeperTest, PassesATerminationToCoreOnlyAndOnlyWhenItIsReady) {
  StartAndAwaitRoles();
  ::kill(keeper_, SIGTERM);
  ::kill(keeper_, SIGHUP);
  Core("count");
  Await("tend-core count done");
  EXPECT_THAT(heard_, Not(HasSubstr("term")));
  Core("ready");
  Await("tend-core term");
  ::kill(keeper_, SIGTERM);
  // A core that dies on the way is told again.
  Forget();
  Core("exit 1");
  Await("tend-core replayed");
  Core("ready");
  Await("tend-core term");
  EXPECT_THAT(heard_, Not(HasSubstr("tend-sidecar term")));
  Core("shutdown");
  Core("exit 0");
  EXPECT_EQ(AwaitExit(keeper_), 0);
}

TEST_F(KeeperTest, RefusesToRunTwice) {
  StartAndAwaitRoles();
  Forget();
  int second = StartKeeper();
  EXPECT_EQ(AwaitExit(second), 1);
  Await("tendd is already running (pid " + std::to_string(keeper_) + ")");
}

TEST_F(KeeperTest, SaysWhichProgramIsMissing) {
  keeper_ = StartKeeper("/no/such/tend-core");
  EXPECT_EQ(AwaitExit(keeper_), 1);
  Await("/no/such/tend-core");
}

TEST_F(KeeperTest, NeverStartsASecondCoreBesideOneOfAFormerKeeper) {
  StartAndAwaitRoles();
  const int former = PidOf("tend-core");
  stubborn_.push_back(former);
  Core("stubborn");
  Await("tend-core stubborn done");
  ::kill(keeper_, SIGKILL);
  AwaitExit(keeper_);
  Forget();
  keeper_ = StartKeeper();
  Await("tend-core start ");
  int status = 0;
  EXPECT_EQ(::waitpid(former, &status, WNOHANG), former);
  EXPECT_TRUE(WIFSIGNALED(status));
  stubborn_.clear();
  Await("tend-core replayed");
}

}  // namespace
}  // namespace tend::supervisor
