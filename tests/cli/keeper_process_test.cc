#include "cli/keeper_process.h"

#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include <gtest/gtest.h>

namespace tend::cli {
namespace {

using std::chrono::milliseconds;

// A process that is called `name` and lives until it is told to end.
pid_t StartCalled(const char* name) {
  int ready[2];
  EXPECT_EQ(::pipe(ready), 0);
  const pid_t pid = ::fork();
  if (pid == 0) {
    ::prctl(PR_SET_NAME, name);
    ::close(ready[1]);
    for (;;)
      ::pause();
  }
  ::close(ready[1]);
  char none;
  EXPECT_EQ(::read(ready[0], &none, 1), 0);
  ::close(ready[0]);
  return pid;
}

class KeeperProcessTest : public ::testing::Test {
 protected:
  KeeperProcessTest() {
    std::string name = ::testing::TempDir() + "keeper-XXXXXX";
    folder_ = ::mkdtemp(name.data());
  }
  ~KeeperProcessTest() override { std::filesystem::remove_all(folder_); }
  void Lock(const std::string& text) { std::ofstream(folder_ + "/lock") << text; }
  bool There() { return FindKeeper(folder_).has_value(); }

  std::string folder_;
};

TEST_F(KeeperProcessTest, NobodyWithoutALockFile) {
  EXPECT_FALSE(There());
}

TEST_F(KeeperProcessTest, NonsenseInTheFileIsNobody) {
  for (const char* const text :
       {"", "\n", "x\n", "-1\n", "1\n", "0\n", "12x\n", "99999999999999\n"}) {
    Lock(text);
    EXPECT_FALSE(There()) << text;
  }
}

TEST_F(KeeperProcessTest, ItIsThereUntilItEnds) {
  const pid_t pid = StartCalled("tendd");
  Lock(std::to_string(pid) + '\n');
  const auto keeper = FindKeeper(folder_);
  ASSERT_TRUE(keeper);
  EXPECT_EQ(keeper->pid, pid);
  EXPECT_FALSE(keeper->Leaves(milliseconds(1)));
  ::kill(pid, SIGKILL);
  EXPECT_TRUE(keeper->Leaves(milliseconds(5000)));
  EXPECT_FALSE(There()) << "nobody has reaped it, and yet it has ended";
  ::waitpid(pid, nullptr, 0);
}

TEST_F(KeeperProcessTest, ANumberThatIsAnotherProgramsByNowIsNobody) {
  const pid_t pid = StartCalled("cron");
  Lock(std::to_string(pid) + '\n');
  EXPECT_FALSE(There());
  ::kill(pid, SIGKILL);
  ::waitpid(pid, nullptr, 0);
}

}  // namespace
}  // namespace tend::cli
