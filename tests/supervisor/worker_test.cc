#include "supervisor/worker.h"

#include <chrono>

#include <gmock/gmock.h>

#include "fleet_fixture.h"

namespace tend::supervisor {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using Sent = FakeProcesses::Sent;

class WorkerTest : public FleetTest {};

TEST_F(WorkerTest, IsOnlineOneSecondAfterItsProgramRuns) {
  StartApp(App("api"));
  loop_.Advance(seconds(5));
  EXPECT_EQ(StateOf("api"), WorkerState::kStarting);  // Not executed yet.
  processes_.Execute(1000);
  loop_.Advance(milliseconds(999));
  EXPECT_EQ(StateOf("api"), WorkerState::kStarting);
  loop_.Advance(milliseconds(1));
  EXPECT_EQ(StateOf("api"), WorkerState::kOnline);
  EXPECT_EQ(recorder_.Count(FactId::kWorkerOnline), 1);
}

TEST_F(WorkerTest, PutsItsPipesAndPidIntoTheStoreBeforeItIsLetGo) {
  StartApp(App("api"));
  const std::uint64_t id = StatusOf("api").incarnation;
  EXPECT_TRUE(store_.Has(StoreKind::kStdout, id));
  EXPECT_TRUE(store_.Has(StoreKind::kStderr, id));
  EXPECT_TRUE(store_.Has(StoreKind::kPidfd, id));
  EXPECT_FALSE(store_.Has(StoreKind::kTelemetry, id));
  EXPECT_TRUE(processes_.made.at(1000).committed);
  EXPECT_EQ(recorder_.heard.front(), "incarnation api:0");
}

TEST_F(WorkerTest, IsStartedAgainInTheSameTurnWhenItWasKilled) {
  BringUp(App("api"));
  const std::uint64_t before = StatusOf("api").incarnation;
  fleet_->OnExit(MakeExit(1000, CLD_KILLED, SIGKILL));
  EXPECT_TRUE(processes_.made.at(1001).committed);
  const WorkerStatus now = StatusOf("api");
  EXPECT_EQ(now.pid, 1001);
  EXPECT_GT(now.incarnation, before);
  EXPECT_EQ(now.last_exit->signal, SIGKILL);
  EXPECT_EQ(now.restarts_by_reason[static_cast<int>(RestartReason::kCrash)], 1u);
  EXPECT_FALSE(store_.Has(StoreKind::kPidfd, before));
}

TEST_F(WorkerTest, TellsACleanExitFromACrash) {
  BringUp(App("api"));
  Exit(1000, 0);
  EXPECT_EQ(StatusOf("api").restarts_by_reason[static_cast<int>(RestartReason::kExit)], 1u);
  EXPECT_EQ(StatusOf("api").restarts_by_reason[static_cast<int>(RestartReason::kCrash)], 0u);
}

TEST_F(WorkerTest, IsGivenUpAfterTooManyEarlyEndsInARow) {
  auto app = App("api");
  app.max_restarts = 3;
  StartApp(app);
  for (int pid = 1000; pid < 1003; ++pid) {
    processes_.Execute(pid);
    Exit(pid, 1);
  }
  EXPECT_EQ(StateOf("api"), WorkerState::kErrored);
  EXPECT_EQ(processes_.last_pid(), 1002);
  EXPECT_EQ(StatusOf("api").note, "gave up after 3 failed starts in a row: exit code 1");
  EXPECT_EQ(recorder_.Count(FactId::kWorkerErrored), 1);
}

TEST_F(WorkerTest, IsForgivenItsFailuresByOneStableLife) {
  auto app = App("api");
  app.max_restarts = 2;
  StartApp(app);
  for (int pid = 1000; pid < 1010; pid += 2) {
    processes_.Execute(pid);
    Exit(pid, 1);  // Early.
    processes_.Execute(pid + 1);
    loop_.Advance(seconds(2));
    Exit(pid + 1, 1);  // After a stable life.
  }
  EXPECT_EQ(StateOf("api"), WorkerState::kStarting);
}

TEST_F(WorkerTest, SaysWhyItsProgramCannotBeExecuted) {
  auto app = App("api");
  app.max_restarts = 2;
  const auto answer = StartApp(app);
  processes_.FailToExecute(1000, EACCES);
  Exit(1000, 99);
  EXPECT_TRUE(answer->done);
  EXPECT_EQ(answer->outcome.code, ExitCode::kNotReady);
  EXPECT_THAT(answer->outcome.error,
              testing::HasSubstr("cannot execute /bin/api: Permission denied"));
  EXPECT_EQ(recorder_.Count(FactId::kWorkerSpawnFailed), 1);
  EXPECT_EQ(StateOf("api"), WorkerState::kBackoff);
  loop_.Advance(kExecRetryDelay);
  processes_.FailToExecute(1001, EACCES);
  Exit(1001, 99);
  EXPECT_EQ(StateOf("api"), WorkerState::kErrored);
}

TEST_F(WorkerTest, IsTriedAgainLaterWhenNoProcessCanBeMade) {
  processes_.prepare_errno = EAGAIN;
  const auto answer = StartApp(App("api"));
  EXPECT_EQ(answer->outcome.code, ExitCode::kNotReady);
  EXPECT_EQ(StateOf("api"), WorkerState::kBackoff);
  processes_.prepare_errno = 0;
  loop_.Advance(kExecRetryDelay);
  EXPECT_EQ(StateOf("api"), WorkerState::kStarting);
}

TEST_F(WorkerTest, WaitsForItsTreeAndKillsWhatIsLeftOfIt) {
  BringUp(App("api"));
  const auto answer = NewAnswer();
  fleet_->Stop(Find("api"), answer->ticket);
  loop_.RunPosted();
  EXPECT_THAT(processes_.sent, testing::ElementsAre(Sent{1000, SIGINT, true}));
  processes_.made[1000].survivors = 1;
  Exit(1000, 0);
  EXPECT_EQ(StateOf("api"), WorkerState::kStopping);
  loop_.Advance(milliseconds(1500));
  EXPECT_EQ(processes_.sent.size(), 1u);
  loop_.Advance(milliseconds(100));
  EXPECT_EQ(processes_.sent.back(), (Sent{1000, SIGKILL, true}));
  EXPECT_FALSE(answer->done);
  processes_.made[1000].survivors = 0;
  loop_.Advance(milliseconds(100));
  EXPECT_TRUE(answer->done);
  EXPECT_EQ(answer->outcome.error, "");
  EXPECT_EQ(StatusOf("api").forced_kills, 1u);
  EXPECT_EQ(recorder_.Count(FactId::kWorkerStopped), 1);
  EXPECT_EQ(recorder_.Count(FactId::kWorkerExited), 0);
}

TEST_F(WorkerTest, WithoutTreekillOnlyTheProcessItselfMatters) {
  auto app = App("api");
  app.treekill = false;
  app.kill_signal = SIGTERM;
  BringUp(app);
  const auto answer = NewAnswer();
  fleet_->Stop(Find("api"), answer->ticket);
  loop_.RunPosted();
  EXPECT_EQ(processes_.sent.back(), (Sent{1000, SIGTERM, false}));
  processes_.made[1000].survivors = 5;
  Killed(1000, SIGTERM);
  EXPECT_TRUE(answer->done);
}

TEST_F(WorkerTest, RemovesWhatACrashedOneLeftBehind) {
  BringUp(App("api"));
  processes_.made[1000].survivors = 2;
  Killed(1000, SIGSEGV);
  EXPECT_THAT(processes_.sent, testing::ElementsAre(Sent{1000, SIGKILL, true}));
  EXPECT_EQ(StatusOf("api").pid, 1001);
}

TEST_F(WorkerTest, AStopDuringARestartEndsItForGood) {
  BringUp(App("api"));
  fleet_->Restart(Find("api"), std::nullopt, NewAnswer()->ticket);
  loop_.RunPosted();
  EXPECT_EQ(StateOf("api"), WorkerState::kReloading);
  fleet_->Shutdown(NewAnswer()->ticket);
  Exit(1000, 0);
  EXPECT_EQ(StateOf("api"), WorkerState::kStopped);
  EXPECT_EQ(processes_.last_pid(), 1000);
}

TEST_F(WorkerTest, IsNotStartedAgainAfterAStopExitCode) {
  auto app = App("api");
  app.stop_exit_codes = {3};
  BringUp(app);
  Exit(1000, 3);
  EXPECT_EQ(StateOf("api"), WorkerState::kStopped);
}

TEST_F(WorkerTest, ABurstOfStartsIsSpreadOverTime) {
  StartApp(App("many", 250));
  EXPECT_EQ(processes_.made.size(), 200u);
  loop_.Advance(milliseconds(100));
  EXPECT_EQ(processes_.made.size(), 210u);
  loop_.Advance(milliseconds(400));
  EXPECT_EQ(processes_.made.size(), 250u);
}

}  // namespace
}  // namespace tend::supervisor
