// A kernel of files.
#include "supervisor/sidecar/process_finder.h"

#include <unistd.h>

#include <filesystem>
#include <limits>

#include <gtest/gtest.h>

#include "rotate/temp_folder.h"

namespace tend::supervisor {
namespace {

class ProcessFinderTest : public ::testing::Test {
 protected:
  void Process(int pid,
               int start,
               const std::string& name,
               std::string command,
               char state = 'S',
               int parent = 1) {
    std::string stat =
        std::to_string(pid) + " (" + name + ") " + state + ' ' + std::to_string(parent);
    for (int field = 5; field < 22; ++field)
      stat += " 0";
    const std::string folder = "proc/" + std::to_string(pid);
    folder_.Put(folder + "/stat", stat + ' ' + std::to_string(start) + " 0 0\n");
    std::replace(command.begin(), command.end(), ' ', '\0');
    folder_.Put(folder + "/cmdline", command + '\0');
  }
  void Group(const std::string& path, const std::string& pids) {
    folder_.Put("cgroup/" + path + "/cgroup.procs", pids);
  }
  std::vector<int> Find(SelectBy by, const std::string& value) {
    const auto found =
        FindProcesses({by, value}, known_, {folder_.At("proc"), folder_.At("cgroup")});
    error_ = found ? std::nullopt : std::optional(found.error().code());
    std::vector<int> pids;
    if (found) {
      for (const FoundProcess& process : *found)
        pids.push_back(process.pid);
    }
    return pids;
  }
  using Pids = std::vector<int>;

  rotate::TempFolder folder_;
  std::optional<Errc> error_;
  KnownProcesses known_;
};

TEST_F(ProcessFinderTest, ByPid) {
  Process(42, 7, "a (b) c", "a b c");
  Process(43, 8, "gone", "", 'Z');
  const auto found = FindProcesses({SelectBy::kPid, "42"}, known_, {folder_.At("proc"), ""});
  ASSERT_TRUE(found);
  EXPECT_EQ(*found, (std::vector<FoundProcess>{{42, 7}}));
  EXPECT_EQ(Find(SelectBy::kPid, "43"), Pids{});
  EXPECT_EQ(error_, std::nullopt);
  for (const char* none : {"", "0", "-1", "x", "42x", "99999999999999"}) {
    EXPECT_EQ(Find(SelectBy::kPid, none), Pids{}) << none;
    EXPECT_EQ(error_, Errc::kInvalid) << none;
  }
}

TEST_F(ProcessFinderTest, ByAFileThatHoldsThePid) {
  Process(42, 7, "api", "api");
  folder_.Put("api.pid", "42\n");
  EXPECT_EQ(Find(SelectBy::kPidFile, folder_.At("api.pid")), Pids{42});
  folder_.Put("api.pid", "");
  EXPECT_EQ(Find(SelectBy::kPidFile, folder_.At("api.pid")), Pids{});
  EXPECT_EQ(error_, std::nullopt);
  folder_.Put("api.pid", "soon\n");
  Find(SelectBy::kPidFile, folder_.At("api.pid"));
  EXPECT_EQ(error_, Errc::kInvalid);
  Find(SelectBy::kPidFile, folder_.At("no.pid"));
  EXPECT_EQ(error_, Errc::kNotFound);
}

TEST_F(ProcessFinderTest, ByUnitWhereverItIs) {
  Process(10, 3, "nginx", "nginx: worker");
  Process(11, 2, "nginx", "nginx: master");
  Process(12, 4, "sh", "sh");
  Group("system.slice/nginx.service", "10\n11\n99\n");
  Group("system.slice/system-api.slice/api@1.service/inner", "12\n");
  Group("user.slice/user-1000.slice/user@1000.service/app.slice/mine.service", "12\n");
  EXPECT_EQ(Find(SelectBy::kUnit, "nginx"), (Pids{11, 10}));
  EXPECT_EQ(Find(SelectBy::kUnit, "api@1.service"), Pids{12});
  EXPECT_EQ(Find(SelectBy::kUnit, "mine"), Pids{12});
  EXPECT_EQ(Find(SelectBy::kUnit, "no"), Pids{});
  EXPECT_EQ(error_, Errc::kNotFound);
}

TEST_F(ProcessFinderTest, ByNameOrCommandLine) {
  Process(10, 1, "node", "node /srv/server.js --port 3000");
  Process(11, 2, "node", "node /srv/job.js");
  Process(12, 3, "kworker", "");
  Process(13, 4, "node", "node old", 'Z');
  for (const auto& [name, pids] : std::vector<std::pair<std::string, Pids>>{
           {"node", {10, 11}}, {"*server.js*", {10}}, {"kwork*", {12}}, {"ruby", {}}}) {
    known_.clear();
    EXPECT_EQ(Find(SelectBy::kName, name), pids) << name;
    EXPECT_EQ(Find(SelectBy::kName, name), pids) << name << ", by what is known";
  }
}

TEST_F(ProcessFinderTest, ReadsACommandLineOnce) {
  Process(10, 1, "sh", "sh start.sh");
  Process(11, 2, "node", "node server.js");
  EXPECT_EQ(Find(SelectBy::kName, "*server.js"), Pids{11});
  // Of the same processes it is not looked at again, …
  Process(10, 1, "sh", "sh server.js");
  Process(11, 2, "node", "node job.js");
  EXPECT_EQ(Find(SelectBy::kName, "*server.js"), Pids{11});
  // … but of another one with that pid, and of one that has become something else.
  Process(10, 1, "node", "node server.js");
  Process(11, 3, "node", "node job.js");
  EXPECT_EQ(Find(SelectBy::kName, "*server.js"), Pids{10});
  std::filesystem::remove_all(folder_.At("proc/11"));
  EXPECT_EQ(Find(SelectBy::kName, "*server.js"), Pids{10});
  EXPECT_EQ(known_.size(), 1u) << "no more than there are";
}

TEST_F(ProcessFinderTest, AYoungProcessMayStillSetItsTitle) {
  constexpr int kYoung = std::numeric_limits<int>::max();
  Process(10, kYoung, "python", "python app.py");
  EXPECT_EQ(Find(SelectBy::kName, "api: *"), Pids{});
  Process(10, kYoung, "python", "api: master");
  EXPECT_EQ(Find(SelectBy::kName, "api: *"), Pids{10});
}

TEST_F(ProcessFinderTest, WeAndOurParentsAreNotMeant) {
  Process(20, 1, "bash", "bash -c tend attach --name *server.js*");
  Process(::getpid(), 2, "tend", "tend attach --name *server.js*", 'S', 20);
  EXPECT_EQ(Find(SelectBy::kName, "*server.js*"), Pids{});
}

TEST_F(ProcessFinderTest, NoMoreThanCanBeShown) {
  for (int pid = 1000; pid < 1000 + static_cast<int>(kFoundMax) + 10; ++pid)
    Process(pid, pid, "many", "many");
  EXPECT_EQ(Find(SelectBy::kName, "many").size(), kFoundMax);
}

}  // namespace
}  // namespace tend::supervisor
