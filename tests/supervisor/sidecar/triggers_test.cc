#include "supervisor/sidecar/triggers.h"

#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "supervisor/probes/real_loop.h"
#include "support/fake_loop.h"

namespace tend::supervisor {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr std::uint64_t kMiB = 1 << 20;

class Bench {
 public:
  explicit Bench(Loop& loop) : triggers(loop, Options()) {}

  Triggers::Options Options() {
    Triggers::Options options;
    options.tell_core = [this](std::string packet) { told.push_back(std::move(packet)); };
    options.state = [this](const Fact& fact) { facts.push_back(Describe(fact)); };
    options.resident_bytes = [this](int pid) {
      return pid == 100 ? std::optional(resident) : std::nullopt;
    };
    options.zone = [] { return ZoneOffsets([](Wall) { return OffsetSpan{}; }); };
    return options;
  }

  // As core tells it of a worker: api:0 with pid 100.
  void Put(const config::AppConfig& config,
           WorkerState state,
           std::uint64_t incarnation = 7,
           std::uint16_t port = 0) {
    triggers.PutApp(config);
    triggers.PutIncarnation({config.name, 0, incarnation}, 0, port);
    Tell(state, incarnation);
  }
  void Tell(WorkerState state, std::uint64_t incarnation = 7) {
    WorkerStatus status;
    status.pid = 100;
    status.incarnation = incarnation;
    status.state = state;
    triggers.PutWorker("api", status);
  }
  void Line(const std::string& text, std::uint64_t incarnation = 7) {
    RecordBatch batch;
    batch.worker = std::make_shared<WorkerRef>(WorkerRef{"api", 0, incarnation});
    batch.bytes = text;
    batch.lines = {{0, static_cast<std::uint32_t>(text.size()), kLineWhole}};
    triggers.Lines(batch);
  }

  std::vector<std::string> told, facts;
  std::uint64_t resident = 0;
  Triggers triggers;
};

config::AppConfig Api() {
  config::AppConfig config;
  config.name = "api";
  config.cwd = "/";
  return config;
}

class TriggersOnAFakeClock : public testing::Test {
 protected:
  FakeLoop loop_;
  Bench bench_{loop_};
};

TEST_F(TriggersOnAFakeClock, AnAppThatAsksForNothingCostsNothing) {
  bench_.Put(Api(), WorkerState::kOnline);
  EXPECT_EQ(loop_.timers(), 0u);
  bench_.Line("ready");
  loop_.Advance(seconds(100));
  EXPECT_THAT(bench_.told, IsEmpty());
}

TEST_F(TriggersOnAFakeClock, AWorkerThatIsTooLargeIsToBeRestarted) {
  config::AppConfig config = Api();
  config.max_memory = 100 * kMiB;
  bench_.resident = 200 * kMiB;
  bench_.Put(config, WorkerState::kStarting);
  loop_.Advance(seconds(5));
  EXPECT_THAT(bench_.told, IsEmpty());
  bench_.Tell(WorkerState::kOnline);
  loop_.Advance(seconds(1));
  EXPECT_THAT(bench_.told, IsEmpty());
  loop_.Advance(seconds(10));
  EXPECT_THAT(bench_.told,
              ElementsAre(R"({"type":"restart","incarnation":7,"reason":"memory_limit",)"
                          R"("why":"200 MiB of resident memory, more than 100M"})"));
  EXPECT_THAT(bench_.facts, ElementsAre(HasSubstr("memory_above_limit api:0 resident=")));
  bench_.Tell(WorkerState::kReloading);
  loop_.Advance(seconds(100));
  EXPECT_EQ(bench_.told.size(), 1u);
  EXPECT_EQ(loop_.timers(), 0u);
}

TEST_F(TriggersOnAFakeClock, AWarningOfMemoryIsAFactOnly) {
  config::AppConfig config = Api();
  config.max_memory = 100 * kMiB;
  config.on_memory = config::OnMemory::kWarn;
  bench_.resident = 101 * kMiB;
  bench_.Put(config, WorkerState::kOnline);
  loop_.Advance(seconds(30));
  EXPECT_EQ(bench_.facts.size(), 1u);
  bench_.resident = kMiB;
  loop_.Advance(seconds(2));
  bench_.resident = 101 * kMiB;
  loop_.Advance(seconds(5));
  EXPECT_EQ(bench_.facts.size(), 2u);
  EXPECT_THAT(bench_.told, IsEmpty());
}

TEST_F(TriggersOnAFakeClock, AnEventLoopThatStandsStillIsSeen) {
  config::AppConfig config = Api();
  config.health.event_loop = seconds(10);
  config.health.grace = seconds(5);
  bench_.Put(config, WorkerState::kOnline);
  for (int i = 0; i < 30; ++i) {
    bench_.triggers.Reported({"api", 0, 7});
    loop_.Advance(seconds(1));
  }
  EXPECT_THAT(bench_.told, IsEmpty());
  loop_.Advance(seconds(10));
  EXPECT_THAT(bench_.told, ElementsAre(HasSubstr("its event loop has stood still for 10s")));
  EXPECT_THAT(bench_.told[0], HasSubstr(R"("reason":"unresponsive")"));
  EXPECT_THAT(bench_.facts, ElementsAre(HasSubstr("health_check_failed api:0 check=event_loop")));
}

TEST_F(TriggersOnAFakeClock, ANewSidecarDoesNotTakeSilenceForAStandstill) {
  config::AppConfig config = Api();
  config.health.event_loop = seconds(3);
  bench_.triggers.BeginSync();
  bench_.Put(config, WorkerState::kOnline);
  bench_.triggers.EndSync();
  loop_.Advance(seconds(60));
  EXPECT_THAT(bench_.told, IsEmpty());
}

TEST_F(TriggersOnAFakeClock, ALineSaysThatAWorkerIsReadyAndOnlyOnce) {
  config::AppConfig config = Api();
  config.ready.log = "listens on \\d+";
  bench_.Put(config, WorkerState::kStarting);
  bench_.Line("starting");
  bench_.Line("listens on 3000", 6);
  EXPECT_THAT(bench_.told, IsEmpty());
  bench_.Line("listens on 3000");
  bench_.Line("listens on 3000");
  EXPECT_THAT(bench_.told, ElementsAre(R"({"type":"ready","incarnation":7})"));
  // A core that starts may not have heard it.
  bench_.triggers.BeginSync();
  bench_.Put(config, WorkerState::kStarting);
  bench_.triggers.EndSync();
  EXPECT_EQ(bench_.told.size(), 2u);
  bench_.Tell(WorkerState::kOnline);
  bench_.Line("listens on 3000");
  EXPECT_EQ(bench_.told.size(), 2u);
}

TEST_F(TriggersOnAFakeClock, ANewWorkerGetsReadyBesideTheOld) {
  config::AppConfig config = Api();
  config.ready.log = "up";
  bench_.Put(config, WorkerState::kOnline);
  bench_.triggers.PutIncarnation({"api", 0, 8}, 101, 0);
  bench_.Tell(WorkerState::kOnline, 7);
  bench_.Line("up", 8);
  EXPECT_THAT(bench_.told, ElementsAre(R"({"type":"ready","incarnation":8})"));
}

TEST_F(TriggersOnAFakeClock, TimesThatComeRestartTheApp) {
  config::AppConfig config = Api();
  config.cron_restart = "0 * * * *";
  bench_.Put(config, WorkerState::kOnline);
  loop_.Advance(std::chrono::hours(2));
  EXPECT_EQ(bench_.told.size(), 2u);
  EXPECT_THAT(bench_.told[0],
              HasSubstr(R"({"type":"restart_app","app":"api","reason":"cron","why":)"));
  config.cron_restart = "";
  bench_.triggers.PutApp(config);
  loop_.Advance(std::chrono::hours(2));
  EXPECT_EQ(bench_.told.size(), 2u);
  EXPECT_EQ(loop_.timers(), 0u);
}

TEST_F(TriggersOnAFakeClock, WhatIsGoneIsLookedAtNoMore) {
  config::AppConfig config = Api();
  config.max_memory = kMiB;
  config.cron_restart = "* * * * *";
  config.health.exec = "false";
  bench_.Put(config, WorkerState::kOnline);
  EXPECT_GT(loop_.timers(), 0u);
  bench_.triggers.Ended(7);
  bench_.triggers.DropApp("api");
  loop_.Advance(seconds(2));
  EXPECT_EQ(loop_.timers(), 0u);
  bench_.Put(config, WorkerState::kOnline);
  bench_.triggers.BeginSync();
  bench_.triggers.EndSync();
  bench_.triggers.DropApp("api");
  loop_.Advance(seconds(2));
  EXPECT_EQ(loop_.timers(), 0u);
}

class ClusterHealth : public TriggersOnAFakeClock {
 protected:
  ClusterHealth() {
    config_ = Api();
    config_.exec_mode = config::ExecMode::kCluster;
    config_.health.http = "/health";
    config_.health.grace = seconds(10);
    config_.health.every = seconds(10);
    config_.health.failures = 2;
    bench_.Put(config_, WorkerState::kOnline);
  }
  // Core hands over a connection, and the worker answers so.
  void Answer(const std::string& answer) {
    int pair[2];
    ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
    const Fd theirs(pair[1]);
    bench_.triggers.TakeConnection(7, Fd(pair[0]));
    ASSERT_EQ(::send(theirs.get(), answer.data(), answer.size(), 0),
              static_cast<ssize_t>(answer.size()));
    EXPECT_TRUE(loop_.MakeWritable(pair[0]));
    EXPECT_TRUE(loop_.MakeReadable(pair[0]));
    EXPECT_FALSE(loop_.IsWatched(pair[0]));
  }

  config::AppConfig config_;
};

TEST_F(ClusterHealth, CoreIsAskedForAConnectionToJustThisWorker) {
  loop_.Advance(seconds(9));
  EXPECT_THAT(bench_.told, IsEmpty());
  loop_.Advance(seconds(1));
  EXPECT_THAT(bench_.told,
              ElementsAre(R"({"type":"probe","incarnation":7,"port":0,"exact":false})"));
  Answer("HTTP/1.1 200 OK\r\n");
  loop_.Advance(seconds(10));
  EXPECT_EQ(bench_.told.size(), 2u);
  EXPECT_THAT(bench_.facts, IsEmpty());
}

TEST_F(ClusterHealth, FailuresInARowAreSaidAndSoIsRecovery) {
  loop_.Advance(seconds(10));
  Answer("HTTP/1.1 503 No\r\n");
  EXPECT_THAT(bench_.facts, ElementsAre(HasSubstr("health_check_failed api:0 check=http why=")));
  loop_.Advance(seconds(10));
  Answer("HTTP/1.1 200 OK\r\n");
  EXPECT_THAT(bench_.facts.back(), HasSubstr("health_recovered api:0"));
  loop_.Advance(seconds(10));
  bench_.triggers.NoConnection(7, "it listens nowhere", false);
  loop_.Advance(seconds(10));
  Answer("HTTP/1.1 500 No\r\n");
  EXPECT_THAT(bench_.told.back(),
              HasSubstr(R"("why":"2 failed checks in a row, the last one http: status 500")"));
  EXPECT_EQ(bench_.facts.size(), 3u);
}

TEST_F(ClusterHealth, ThatCoreIsSilentIsNotTheWorkersFault) {
  loop_.Advance(seconds(300));
  EXPECT_GT(bench_.told.size(), 10u);
  for (const std::string& packet : bench_.told)
    EXPECT_EQ(packet, R"({"type":"probe","incarnation":7,"port":0,"exact":false})");
  EXPECT_THAT(bench_.facts, IsEmpty());
  // What comes too late is closed.
  loop_.Advance(seconds(5));
  int pair[2];
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
  const Fd theirs(pair[1]);
  bench_.triggers.TakeConnection(7, Fd(pair[0]));
  char byte = 0;
  EXPECT_EQ(::recv(theirs.get(), &byte, 1, MSG_DONTWAIT), 0);
}

TEST_F(ClusterHealth, ACoreThatStartsAnewChangesNothing) {
  loop_.Advance(seconds(10));
  Answer("HTTP/1.1 503 No\r\n");
  bench_.triggers.BeginSync();
  bench_.Put(config_, WorkerState::kOnline);
  bench_.triggers.EndSync();
  loop_.Advance(seconds(10));
  Answer("HTTP/1.1 503 No\r\n");
  EXPECT_THAT(bench_.told.back(), HasSubstr("2 failed checks in a row"));
}

TEST_F(TriggersOnAFakeClock, APortThatIsNotKnownIsSaidOnce) {
  config::AppConfig config = Api();
  config.ready.http = "/ready";
  config.health.http = "/health";
  bench_.Put(config, WorkerState::kStarting);
  loop_.Advance(seconds(10));
  bench_.Tell(WorkerState::kOnline);
  loop_.Advance(seconds(100));
  EXPECT_THAT(bench_.told, IsEmpty());
  EXPECT_THAT(bench_.facts, ElementsAre(HasSubstr("health_unknown api:0 key=ready.http")));
}

class TriggersForReal : public testing::Test {
 protected:
  // A port of 127.0.0.1 that listens, as long as the socket is open.
  void Listen() {
    socket_.Reset(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    auto* any = reinterpret_cast<sockaddr*>(&address);
    ASSERT_EQ(::bind(socket_.get(), any, size), 0);
    ASSERT_EQ(::listen(socket_.get(), 8), 0);
    ASSERT_EQ(::getsockname(socket_.get(), any, &size), 0);
    port_ = ntohs(address.sin_port);
  }
  // Waits for what core is told.
  std::string Told() {
    EXPECT_TRUE(loop_.RunUntil([this] { return !bench_.told.empty(); }));
    return bench_.told.empty() ? "" : bench_.told.front();
  }

  probes::RealLoop loop_;
  Bench bench_{*loop_};
  Fd socket_;
  std::uint16_t port_ = 0;
};

TEST_F(TriggersForReal, AWorkerIsReadyWhenItsPortIs) {
  Listen();
  config::AppConfig config = Api();
  config.ready.tcp = std::to_string(port_);
  bench_.Put(config, WorkerState::kStarting);
  EXPECT_EQ(Told(), R"({"type":"ready","incarnation":7})");
}

TEST_F(TriggersForReal, AWorkerWhosePortIsClosedIsSick) {
  Listen();
  socket_.Reset();
  config::AppConfig config = Api();
  config.health.http = "/health";
  config.health.grace = {};
  config.health.every = milliseconds(20);
  bench_.Put(config, WorkerState::kOnline, 7, port_);
  EXPECT_THAT(Told(), HasSubstr("3 failed checks in a row, the last one http: connect: "));
  EXPECT_EQ(bench_.facts.size(), 1u);
}

TEST_F(TriggersForReal, AShellKnowsWhichWorkerItIsAbout) {
  config::AppConfig config = Api();
  config.health.exec = "test $TEND_APP:$TEND_WORKER:$TEND_PID:$TEND_PORT != api:0:100:3000";
  config.health.grace = {};
  config.health.failures = 1;
  bench_.Put(config, WorkerState::kOnline, 7, 3000);
  EXPECT_THAT(Told(), HasSubstr("1 failed check, exec: exit code 1"));
}

TEST_F(TriggersForReal, FilesThatChangeRestartTheApp) {
  char folder[] = "/tmp/tend-triggers-XXXXXX";
  ASSERT_NE(::mkdtemp(folder), nullptr);
  config::AppConfig config = Api();
  config.watch = {folder};
  bench_.Put(config, WorkerState::kOnline);
  // Its watch begins in the next turns of the loop.
  int count = 0;
  EXPECT_TRUE(loop_.RunUntil([&] {
    std::ofstream(std::string(folder) + "/a.js") << ++count;
    return count > 5;
  }));
  EXPECT_THAT(Told(), HasSubstr(R"("reason":"watch","why":"/tmp/tend-triggers-)"));
  // Core was not free to act; asked again, until the worker of before is gone.
  EXPECT_TRUE(loop_.RunUntil([this] { return bench_.told.size() == 2; }));
  EXPECT_EQ(bench_.told[0], bench_.told[1]);
  bench_.Tell(WorkerState::kReloading);
  bench_.triggers.Ended(7);
  bench_.Put(config, WorkerState::kOnline, 8);
  loop_.RunUntil([this] { return bench_.told.size() > 2; }, milliseconds(1300));
  EXPECT_EQ(bench_.told.size(), 2u);
  std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace tend::supervisor
