#include "supervisor/spawn.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <functional>
#include <map>
#include <sstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "supervisor/child.h"

namespace tend::supervisor {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr int kPatienceMs = 20'000;

// What "core" tells the test about the worker that it made.
struct Born {
  int pid = 0;
  std::uint64_t start_time = 0;
  bool keeper_is_parent = false;
  ExecFailure failure;
};

struct Life {
  Born born;
  std::string output;  // stdout
  int wait_status = 0;
};

// Everything that a descriptor gives until its end, or a deadline passes.
std::string ReadAll(int fd) {
  std::string text;
  char part[4096];
  for (;;) {
    pollfd wait{fd, POLLIN, 0};
    if (::poll(&wait, 1, kPatienceMs) <= 0) return text + "<deadline>";
    const ssize_t n = ::read(fd, part, sizeof part);
    if (n <= 0) return text;
    text.append(part, static_cast<std::size_t>(n));
  }
}

// The test plays the keeper: it forks a "core", which makes the worker, which is then its child.
class Spawn : public testing::Test {
 protected:
  enum class Core { kCommits, kDiesFirst };

  void SetUp() override {
    ASSERT_EQ(::prctl(PR_SET_CHILD_SUBREAPER, 1), 0);
    spec_.program = TEST_CHILD;
    spec_.argv = {"child", "report"};
    spec_.env = {"A=1", "PATH=/nonexistent:/usr/bin:/bin"};
    spec_.cwd = "/";
  }

  // REQUIRES: the worker ends, or `leave` is set, when only its first lines are read.
  Life Run(Core core = Core::kCommits) {
    Pipe out = *MakeWorkerPipe(owner_);
    Pipe told = *MakePipe();
    spec_.stdout_fd = out.write.get();
    const int core_pid = ::fork();
    if (core_pid == 0) RunCore(core, told.write.get());
    out.write.Reset();
    told.write.Reset();
    Life life;
    EXPECT_EQ(::read(told.read.get(), &life.born, sizeof life.born),
              static_cast<ssize_t>(sizeof life.born));
    ::waitpid(core_pid, nullptr, 0);
    life.output = ReadAll(out.read.get());
    ::waitpid(life.born.pid, &life.wait_status, 0);
    return life;
  }

  [[noreturn]] void RunCore(Core core, int told) {
    ProcessesLinux processes(limits_);
    Born born;
    auto prepared = processes.Prepare(spec_);
    if (!prepared) ::_exit(1);
    born.pid = prepared->pid;
    born.start_time = prepared->start_time;
    born.keeper_is_parent = processes.keeper_is_parent();
    if (core == Core::kCommits) {
      if (!processes.Commit(*prepared)) ::_exit(1);
      pollfd wait{prepared->report.get(), POLLIN, 0};
      ::poll(&wait, 1, kPatienceMs);
      born.failure = processes.ReadReport(prepared->report.get()).value_or(ExecFailure{});
    }
    [[maybe_unused]] const ssize_t n = ::write(told, &born, sizeof born);
    ::_exit(0);
  }

  LaunchSpec spec_;
  WorkerLimits limits_;
  uid_t owner_ = ::geteuid();
};

std::string Line(const std::string& key, long value) {
  return key + ' ' + std::to_string(value) + '\n';
}

TEST_F(Spawn, MakesAWorkerThatIsTheKeepersChildInItsOwnSession) {
  const Life life = Run();
  EXPECT_TRUE(life.born.keeper_is_parent);
  EXPECT_GT(life.born.start_time, 0u);
  EXPECT_EQ(life.born.failure.stage, ExecStage::kNone);
  EXPECT_THAT(life.output, HasSubstr(Line("pid", life.born.pid)));
  EXPECT_THAT(life.output, HasSubstr(Line("parent", ::getpid())));
  EXPECT_THAT(life.output, HasSubstr(Line("session", life.born.pid)));
  EXPECT_THAT(life.output, HasSubstr("cwd /\n"));
  EXPECT_TRUE(WIFEXITED(life.wait_status));
}

TEST_F(Spawn, GivesTheWorkerItsDescriptorsAndNoOthers) {
  // Neither is close-on-exec, and one has the number of a worker's own.
  ASSERT_GE(::fcntl(0, F_DUPFD, 300), 0);
  Pipe telemetry = *MakeWorkerPipe(owner_, WriterMode::kNonBlocking);
  const Fd collides(::fcntl(0, F_DUPFD, kTelemetryFdInWorker));
  spec_.telemetry_fd = telemetry.write.get();
  spec_.stderr_fd = -1;
  const std::string output = Run().output;
  EXPECT_THAT(output, HasSubstr("fd 0 /dev/null\n"));
  EXPECT_THAT(output, HasSubstr("fd 1 pipe:"));
  EXPECT_THAT(output, HasSubstr("access 1 rw\n"));
  EXPECT_THAT(output, HasSubstr("fd 2 /dev/null\n"));
  EXPECT_THAT(output, HasSubstr("fd 10 pipe:"));
  std::istringstream lines(output);
  int count = 0;
  for (std::string line; std::getline(lines, line);)
    count += line.starts_with("fd ") ? 1 : 0;
  EXPECT_EQ(count, 4) << output;
}

TEST_F(Spawn, OpensNoTelemetryThatWasNotAskedFor) {
  EXPECT_THAT(Run().output, Not(HasSubstr("fd 10 ")));
}

TEST_F(Spawn, PassesExactlyTheEnvironmentOfTheSpec) {
  const std::string output = Run().output;
  EXPECT_THAT(output, HasSubstr("env A=1\n"));
  EXPECT_THAT(output, Not(HasSubstr("env HOME=")));
}

TEST_F(Spawn, ResetsSignalsThatCoreIgnoresOrBlocks) {
  ::signal(SIGUSR1, SIG_IGN);
  sigset_t usr2, before;
  ::sigemptyset(&usr2);
  ::sigaddset(&usr2, SIGUSR2);
  ::sigprocmask(SIG_BLOCK, &usr2, &before);
  const std::string output = Run().output;
  ::sigprocmask(SIG_SETMASK, &before, nullptr);
  ::signal(SIGUSR1, SIG_DFL);
  EXPECT_THAT(output, HasSubstr("SigBlk:\t0000000000000000\n"));
  EXPECT_THAT(output, HasSubstr("SigIgn:\t0000000000000000\n"));
}

TEST_F(Spawn, GivesBackTheLimitsThatTheKeeperChanged) {
  limits_ = {123, 17, true};
  const std::string output = Run().output;
  EXPECT_THAT(output, HasSubstr("files 123\n"));
  EXPECT_THAT(output, HasSubstr("oom 17\n"));
}

TEST_F(Spawn, LooksTheProgramUpInThePathOfTheWorker) {
  spec_.program = "sh";
  spec_.argv = {"sh", "-c", "echo found"};
  EXPECT_EQ(Run().output, "found\n");
}

TEST_F(Spawn, ReportsAProgramThatDoesNotExist) {
  spec_.program = "/no/such/program";
  const Life life = Run();
  EXPECT_EQ(life.born.failure.stage, ExecStage::kExec);
  EXPECT_EQ(life.born.failure.error, ENOENT);
  EXPECT_EQ(WEXITSTATUS(life.wait_status), kExitNotExecuted);
  spec_.program = "no-such-program";
  EXPECT_EQ(Run().born.failure.error, ENOENT);
}

TEST_F(Spawn, ReportsAProgramThatMayNotBeExecuted) {
  spec_.program = "/etc/passwd";
  const Life life = Run();
  EXPECT_EQ(life.born.failure.stage, ExecStage::kExec);
  EXPECT_EQ(life.born.failure.error, EACCES);
}

TEST_F(Spawn, ReportsAFolderThatIsNotThere) {
  spec_.cwd = "/no/such/folder";
  const Life life = Run();
  EXPECT_EQ(life.born.failure.stage, ExecStage::kDirectory);
  EXPECT_EQ(life.born.failure.error, ENOENT);
}

TEST_F(Spawn, NeverRunsAWorkerWhoseCoreDiedBeforeItCommitted) {
  const Life life = Run(Core::kDiesFirst);
  EXPECT_EQ(life.output, "");
  ASSERT_TRUE(WIFEXITED(life.wait_status));
  EXPECT_EQ(WEXITSTATUS(life.wait_status), kExitNotCommitted);
}

TEST_F(Spawn, RunsTheWorkerUnderItsOwnAccount) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root";
  spec_.program = "/bin/sh";
  spec_.argv = {"sh", "-c", "id -u; id -g; id -G; echo mine > /dev/stdout"};
  spec_.uid = "nobody";
  const Account nobody = *FindAccount("nobody", "");
  owner_ = nobody.uid;
  const std::string id = std::to_string(nobody.uid) + '\n' + std::to_string(nobody.gid) + '\n';
  EXPECT_THAT(Run().output, HasSubstr(id));
  EXPECT_THAT(Run().output, HasSubstr("mine\n"));
  EXPECT_THAT(Run().output, Not(HasSubstr(" 0\n")));
}

TEST(Account, IsTheNumberItselfWhereNobodyHasIt) {
  const Account account = *FindAccount("54321", "");
  EXPECT_EQ(account.uid, 54321u);
  EXPECT_EQ(account.gid, 54321u);
  EXPECT_EQ(account.groups, std::vector<gid_t>{54321u});
}

TEST(Account, IsRefusedIfTheNameIsUnknown) {
  EXPECT_EQ(FindAccount("no-such-user", "").error().code(), Errc::kNotFound);
  EXPECT_EQ(FindAccount("", "no-such-group").error().code(), Errc::kNotFound);
}

TEST(WorkerLimits, AreTakenOutOfTheEnvironment) {
  ::setenv(kWorkerOpenFilesVariable, "1024", 1);
  ::setenv(kWorkerOomVariable, "-5", 1);
  const WorkerLimits limits = TakeWorkerLimits();
  EXPECT_EQ(limits.open_files, 1024u);
  EXPECT_EQ(limits.oom_score_adj, -5);
  EXPECT_TRUE(limits.restore_oom);
  EXPECT_EQ(std::getenv(kWorkerOpenFilesVariable), nullptr);
  EXPECT_FALSE(TakeWorkerLimits().restore_oom);
}

TEST(WorkerPipe, LetsTheWorkerWriteOnWhenAllReadersAreDead) {
  Pipe pipe = *MakeWorkerPipe(::geteuid());
  const std::string path = "/proc/self/fd/" + std::to_string(pipe.write.get());
  pipe.read.Reset();
  EXPECT_EQ(::write(pipe.write.get(), "last words", 10), 10);
  const Fd reader(::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
  char text[32];
  EXPECT_EQ(::read(reader.get(), text, sizeof text), 10);
}

TEST(WorkerPipe, BlocksTheWriterOnlyIfItIsMeantTo) {
  const auto flags = [](const Fd& fd) { return ::fcntl(fd.get(), F_GETFL); };
  const Pipe output = *MakeWorkerPipe(::geteuid());
  EXPECT_EQ(flags(output.write) & O_NONBLOCK, 0);
  EXPECT_NE(flags(output.read) & O_NONBLOCK, 0);
  const Pipe telemetry = *MakeWorkerPipe(::geteuid(), WriterMode::kNonBlocking);
  EXPECT_NE(flags(telemetry.write) & O_NONBLOCK, 0);
}

TEST(WorkerPipe, BelongsToTheWorkersUser) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root";
  const Pipe pipe = *MakeWorkerPipe(1234);
  struct stat info {};
  ::fstat(pipe.write.get(), &info);
  EXPECT_EQ(info.st_uid, 1234u);
}

// A family of processes: root, a child of a session of its own that ignores SIGTERM, and a
// grandchild that a double fork made an orphan.
class Tree : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_EQ(::prctl(PR_SET_CHILD_SUBREAPER, 1), 0);
    Pipe out = *MakePipe();
    const int pid = ::fork();
    if (pid == 0) {
      ::setsid();
      ::dup2(out.write.get(), 1);
      ::execl(TEST_CHILD, "child", "tree", nullptr);
      ::_exit(1);
    }
    out.write.Reset();
    std::string text;
    while (text.find("root") == std::string::npos || text.back() != '\n') {
      char part[256];
      const ssize_t n = ::read(out.read.get(), part, sizeof part);
      ASSERT_GT(n, 0);
      text.append(part, static_cast<std::size_t>(n));
    }
    std::istringstream words(text);
    std::string who;
    for (int number = 0; words >> who >> number;)
      pids_[who] = number;
    root_ = pids_["root"];
    start_time_ = ReadProcessStat(root_)->start_time;
  }
  void TearDown() override {
    for (const auto& entry : pids_)
      ::kill(entry.second, SIGKILL);
    while (::waitpid(-1, nullptr, 0) > 0) {
    }
  }
  void AwaitEnd(const std::string& who) { ::waitpid(pids_[who], nullptr, 0); }

  std::map<std::string, int> pids_;
  int root_ = 0;
  std::uint64_t start_time_ = 0;
  ProcessTree tree_;
};

TEST_F(Tree, IsKilledWholeDownToTheOrphanOfADoubleFork) {
  EXPECT_EQ(tree_.Signal(root_, start_time_, SIGKILL), 3);
  for (const char* who : {"root", "stubborn", "orphan"})
    AwaitEnd(who);
  EXPECT_EQ(tree_.SurvivorCount(root_, start_time_), 0);
}

TEST_F(Tree, RemembersWhoLeftItWhenItsRootDied) {
  EXPECT_EQ(tree_.Signal(root_, start_time_, SIGTERM), 3);
  AwaitEnd("root");
  AwaitEnd("orphan");
  EXPECT_EQ(tree_.SurvivorCount(root_, start_time_), 1);
  EXPECT_EQ(tree_.Signal(root_, start_time_, SIGKILL), 1);
  AwaitEnd("stubborn");
  EXPECT_EQ(tree_.SurvivorCount(root_, start_time_), 0);
}

TEST_F(Tree, IsNotSignalledIfTheNumberIsAnothersByNow) {
  EXPECT_EQ(tree_.Signal(root_, start_time_ + 1, SIGKILL), 0);
  EXPECT_FALSE(ProcessTree::SignalOne(root_, start_time_ + 1, SIGKILL));
  EXPECT_TRUE(IsRunning(root_, start_time_));
  EXPECT_FALSE(IsRunning(root_, start_time_ + 1));
}

}  // namespace
}  // namespace tend::supervisor
