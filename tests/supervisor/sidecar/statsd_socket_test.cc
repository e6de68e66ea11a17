#include "supervisor/sidecar/statsd_socket.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>
#include <map>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "../../support/fake_loop.h"

namespace tend::supervisor {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class Values final : public TelemetrySink {
 public:
  void Report(const WorkerRef&, const TelemetryReport&) override {}
  void Custom(const WorkerRef& worker,
              const std::vector<CustomValue>& values,
              std::size_t bad) override {
    for (const CustomValue& value : values)
      said.push_back(worker.Name() + ' ' + value.name);
    refused += bad;
  }
  std::vector<std::string> said;
  std::size_t refused = 0;
};

class StatsdSocketTest : public ::testing::Test {
 protected:
  StatsdSocketTest() {
    char folder[] = "/tmp/tend-statsd-XXXXXX";
    path_ = std::string(::mkdtemp(folder)) + "/statsd.sock";
    EXPECT_TRUE(statsd_.Open(path_));
    // The parent of 200 is the worker; 300 was left by its parent; 400 is nobody's.
    stats_[100] = {100, 1, 100, 'S', 1};
    stats_[150] = {150, 100, 100, 'S', 2};
    stats_[200] = {200, 150, 200, 'S', 3};
    stats_[300] = {300, 1, 100, 'S', 4};
    stats_[400] = {400, 1, 400, 'S', 5};
    statsd_.Put({"api", 0, 7}, 100);
  }
  ~StatsdSocketTest() override {
    std::filesystem::remove_all(std::filesystem::path(path_).parent_path());
  }

  FakeLoop loop_;
  Values values_;
  std::map<int, ProcessStat> stats_;
  int looks_ = 0;
  int strangers_ = 0;
  std::string path_;
  StatsdSocket statsd_{loop_, values_, [this] { ++strangers_; }, SenderBook([this](int pid) {
                         ++looks_;
                         const auto stat = stats_.find(pid);
                         return stat == stats_.end() ? std::nullopt : std::optional(stat->second);
                       })};
};

TEST_F(StatsdSocketTest, NumbersCountForTheWorkerOfTheSender) {
  for (const int pid : {100, 200, 300, 400, 500, 0})
    statsd_.Take(pid, "n" + std::to_string(pid) + ":1|c", false);
  EXPECT_THAT(values_.said, ElementsAre("api:0 n100", "api:0 n200", "api:0 n300"));
  EXPECT_EQ(strangers_, 3);
}

TEST_F(StatsdSocketTest, WhoIsWhoIsLookedUpOnceASecond) {
  for (int i = 0; i < 100; ++i)
    statsd_.Take(400, "x:1|c", false);
  EXPECT_EQ(looks_, 1);
  statsd_.Put({"api", 1, 8}, 400);
  statsd_.Take(400, "x:1|c", false);
  EXPECT_THAT(values_.said, ElementsAre("api:1 x")) << "a new worker is known at once";
  statsd_.Ended(8);
  statsd_.Take(400, "x:1|c", false);
  EXPECT_EQ(values_.said.size(), 1u) << "and so is its end";
}

TEST_F(StatsdSocketTest, ADatagramHasSeveralLines) {
  statsd_.Take(100, "a:1|c\n\nnonsense\nb:2|g\n", false);
  EXPECT_THAT(values_.said, ElementsAre("api:0 a", "api:0 b"));
  EXPECT_EQ(values_.refused, 1u);
  statsd_.Take(100, "c:1|c\nd:1|c", true);
  EXPECT_THAT(values_.said, ElementsAre("api:0 a", "api:0 b", "api:0 c"));
  EXPECT_EQ(values_.refused, 2u) << "the end of the last one is missing";
}

TEST_F(StatsdSocketTest, AWorkerHasSoManyLinesASecond) {
  for (std::size_t i = 0; i < kStatsdLinesMax + 5; ++i)
    statsd_.Take(100, "x:1|c", false);
  EXPECT_EQ(values_.said.size(), kStatsdLinesMax);
  EXPECT_EQ(values_.refused, 5u);
  loop_.Advance(std::chrono::seconds(1));
  statsd_.Take(100, "x:1|c", false);
  EXPECT_EQ(values_.said.size(), kStatsdLinesMax + 1);
}

TEST_F(StatsdSocketTest, TakesWhatTheKernelSaysAndOthersMayWrite) {
  struct stat info {};
  ASSERT_EQ(::stat(path_.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0666u);
  stats_[::getpid()] = {::getpid(), 100, 100, 'S', 9};
  const Fd sender(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  sockaddr_un name{};
  name.sun_family = AF_UNIX;
  std::memcpy(name.sun_path, path_.data(), path_.size());
  ASSERT_EQ(::connect(sender.get(), reinterpret_cast<const sockaddr*>(&name), sizeof name), 0);
  ASSERT_EQ(::send(sender.get(), "a:1|c", 5, 0), 5);
  ASSERT_EQ(::send(sender.get(), "b:1|c", 5, 0), 5);
  EXPECT_THAT(values_.said, IsEmpty());
  ASSERT_TRUE(loop_.MakeReadable(statsd_.fd()));
  EXPECT_THAT(values_.said, ElementsAre("api:0 a", "api:0 b"));
  EXPECT_TRUE(statsd_.Open(path_)) << "a sidecar that was killed leaves its socket behind";
}

TEST_F(StatsdSocketTest, APathThatDoesNotFitIsAnError) {
  EXPECT_TRUE(statsd_.Open("")) << "none is wanted";
  EXPECT_FALSE(statsd_.Open("/tmp/" + std::string(200, 'x')));
}

}  // namespace
}  // namespace tend::supervisor
