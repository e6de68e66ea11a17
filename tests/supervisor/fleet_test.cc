#include "supervisor/fleet.h"

#include <chrono>

#include <gmock/gmock.h>

#include "fleet_fixture.h"

namespace tend::supervisor {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

TEST_F(FleetTest, AStartIsDoneWhenAllWorkersAreOnline) {
  const auto answer = StartApp(App("api", 2));
  processes_.Execute(1000);
  loop_.Advance(seconds(1));
  EXPECT_FALSE(answer->done);
  processes_.Execute(1001);
  loop_.Advance(seconds(1));
  EXPECT_TRUE(answer->done);
  EXPECT_EQ(answer->outcome.code, ExitCode::kOk);
}

TEST_F(FleetTest, AStartThatCrashesSaysSoAtOnceAndGoesOnTrying) {
  const auto answer = StartApp(App("api"));
  processes_.Execute(1000);
  Exit(1000, 7);
  ASSERT_TRUE(answer->done);
  EXPECT_EQ(answer->outcome.code, ExitCode::kNotReady);
  ASSERT_EQ(answer->failures.size(), 1u);
  EXPECT_EQ(answer->failures[0].end.exit.code, 7);
  EXPECT_EQ(StatusOf("api").pid, 1001);
}

TEST_F(FleetTest, AOneShotThatEndsWellIsNoFailure) {
  auto app = App("job");
  app.autorestart = false;
  const auto answer = StartApp(app);
  processes_.Execute(1000);
  Exit(1000, 0);
  EXPECT_TRUE(answer->done);
  EXPECT_EQ(answer->outcome.code, ExitCode::kOk);
  EXPECT_EQ(StateOf("job"), WorkerState::kStopped);
}

TEST_F(FleetTest, StartingTheSameConfigurationLeavesItAlone) {
  BringUp(App("api"));
  auto same = App("api");
  same.inherited_env["SHLVL"] = "2";
  const auto answer = StartApp(same);
  EXPECT_TRUE(answer->done);
  EXPECT_EQ(StatusOf("api").pid, 1000);
  EXPECT_TRUE(processes_.sent.empty());
}

TEST_F(FleetTest, AChangedConfigurationRestartsWorkersOneByOne) {
  BringUp(App("api", 2));
  auto changed = App("api", 2);
  changed.env["A"] = "b";
  const auto answer = StartApp(changed);
  EXPECT_EQ(StateOf("api", 0), WorkerState::kReloading);
  EXPECT_EQ(StateOf("api", 1), WorkerState::kOnline);
  Exit(1000, 0);
  ExecuteAll();
  loop_.Advance(seconds(1));
  EXPECT_EQ(StateOf("api", 0), WorkerState::kOnline);
  EXPECT_EQ(StateOf("api", 1), WorkerState::kReloading);
  Exit(1001, 0);
  ExecuteAll();
  loop_.Advance(seconds(1));
  EXPECT_TRUE(answer->done);
  EXPECT_EQ(answer->outcome.error, "");
  EXPECT_THAT(processes_.made.at(1003).spec.env, testing::Contains("A=b"));
}

TEST_F(FleetTest, AReloadStopsAtTheFirstWorkerThatDoesNotComeUp) {
  BringUp(App("api", 2));
  const auto answer = NewAnswer();
  fleet_->Reload(Find("api"), std::nullopt, answer->ticket);
  loop_.RunPosted();
  Exit(1000, 0);
  ExecuteAll();
  Exit(1002, 1);
  EXPECT_TRUE(answer->done);
  EXPECT_EQ(answer->outcome.code, ExitCode::kNotReady);
  EXPECT_EQ(StatusOf("api", 1).pid, 1001);
  EXPECT_EQ(StateOf("api", 1), WorkerState::kOnline);
  EXPECT_EQ(StatusOf("api").restarts_by_reason[static_cast<int>(RestartReason::kReload)], 1u);
}

TEST_F(FleetTest, ScalesUpAndDown) {
  BringUp(App("api", 1));
  const auto up = NewAnswer();
  fleet_->Scale(Find("api"), "+2", up->ticket);
  loop_.RunPosted();
  ExecuteAll();
  loop_.Advance(seconds(1));
  EXPECT_TRUE(up->done);
  EXPECT_EQ(fleet_->StatusOf("api").workers.size(), 3u);
  const auto down = NewAnswer();
  fleet_->Scale(Find("api"), "1", down->ticket);
  loop_.RunPosted();
  EXPECT_FALSE(down->done);
  Exit(1001, 0);
  Exit(1002, 0);
  EXPECT_TRUE(down->done);
  EXPECT_EQ(down->outcome.error, "");
  EXPECT_EQ(fleet_->StatusOf("api").workers.size(), 1u);
  const auto none = NewAnswer();
  fleet_->Scale(Find("api"), "-1", none->ticket);
  loop_.RunPosted();
  EXPECT_EQ(none->outcome.code, ExitCode::kFailed);
}

TEST_F(FleetTest, ADeletedAppIsGoneWhenItsProcessesAre) {
  BringUp(App("api"));
  const auto answer = NewAnswer();
  fleet_->Delete(Find("api"), answer->ticket);
  loop_.RunPosted();
  EXPECT_FALSE(answer->done);
  EXPECT_EQ(saved_->Load().apps.size(), 1u);
  Exit(1000, 0);
  EXPECT_TRUE(answer->done);
  EXPECT_TRUE(fleet_->AppNames().empty());
  EXPECT_TRUE(saved_->Load().apps.empty());
  EXPECT_TRUE(state_->Entries().empty());
  EXPECT_EQ(recorder_.heard.back(), "app gone api");
}

TEST_F(FleetTest, OperationsOfAnAppWaitForOneAnother) {
  BringUp(App("api"));
  const auto stop = NewAnswer();
  const auto start = NewAnswer();
  fleet_->Stop(Find("api"), stop->ticket);
  fleet_->Start(Find("api"), start->ticket);
  loop_.RunPosted();
  EXPECT_EQ(StateOf("api"), WorkerState::kStopping);
  Exit(1000, 0);
  EXPECT_TRUE(stop->done);
  EXPECT_FALSE(start->done);
  ExecuteAll();
  loop_.Advance(seconds(1));
  EXPECT_TRUE(start->done);
  EXPECT_EQ(StateOf("api"), WorkerState::kOnline);
}

TEST_F(FleetTest, RefusesMoreOperationsThanItQueues) {
  BringUp(App("api"));
  std::vector<std::shared_ptr<Answer>> answers;
  for (std::size_t i = 0; i <= kJobsPerAppMax; ++i) {
    answers.push_back(NewAnswer());
    fleet_->Stop(Find("api"), answers.back()->ticket);
  }
  EXPECT_TRUE(answers.back()->done);
  EXPECT_EQ(answers.back()->outcome.code, ExitCode::kFailed);
  EXPECT_FALSE(answers.front()->done);
}

TEST_F(FleetTest, AStopThatNeverEndsIsATimeout) {
  BringUp(App("api"));
  const auto answer = NewAnswer();
  fleet_->Stop(Find("api"), answer->ticket);
  loop_.Advance(seconds(7));
  ASSERT_TRUE(answer->done);
  EXPECT_EQ(answer->outcome.code, ExitCode::kTimeout);
  EXPECT_EQ(answer->outcome.error, "api:0 (pid 1000) does not end");
}

TEST_F(FleetTest, AnUnknownSelectorIsAnErrorWithAHint) {
  BringUp(App("server"));
  const auto found = fleet_->Select({"servre"});
  ASSERT_FALSE(found);
  EXPECT_EQ(found.error().code(), Errc::kNotFound);
  EXPECT_EQ(found.error().message(), "there is no app \"servre\"; did you mean \"server\"?");
}

TEST_F(FleetTest, GivesTheLowestFreeId) {
  BringUp(App("a", 2));
  BringUp(App("b", 1));
  EXPECT_EQ(StatusOf("b").id, 2);
  fleet_->Delete(Find("a"), NewAnswer()->ticket);
  loop_.RunPosted();
  Exit(1000, 0);
  Exit(1001, 0);
  StartApp(App("c"));
  EXPECT_EQ(StatusOf("c").id, 0);
}

TEST_F(FleetTest, OneStoppedWorkerStaysStoppedOverARestartOfTheMachine) {
  BringUp(App("api", 2));
  fleet_->Stop(Find("api:1"), NewAnswer()->ticket);
  loop_.RunPosted();
  Exit(1001, 0);
  std::filesystem::remove(folder_ + "/workers");
  CrashAndRecover({}, true);
  EXPECT_EQ(StateOf("api", 0), WorkerState::kStarting);
  EXPECT_EQ(StateOf("api", 1), WorkerState::kStopped);
}

TEST_F(FleetTest, NothingIsStartedAfterABootThatNobodyAskedItFor) {
  BringUp(App("api"));
  std::filesystem::remove(folder_ + "/workers");
  CrashAndRecover();
  EXPECT_EQ(StateOf("api"), WorkerState::kStopped);
  const auto answer = NewAnswer();
  fleet_->Resurrect(answer->ticket);
  loop_.RunPosted();
  EXPECT_EQ(StateOf("api"), WorkerState::kStarting);
}

TEST_F(FleetTest, ShutdownEndsAllAndKeepsWhatIsWanted) {
  BringUp(App("api", 2));
  const auto answer = NewAnswer();
  fleet_->Shutdown(answer->ticket);
  loop_.RunPosted();
  Exit(1000, 0);
  EXPECT_FALSE(answer->done);
  Exit(1001, 0);
  EXPECT_TRUE(answer->done);
  EXPECT_EQ(answer->outcome.code, ExitCode::kOk);
  ASSERT_EQ(saved_->Load().apps.size(), 1u);
  EXPECT_TRUE(saved_->Load().apps[0].wanted);
  CrashAndRecover();
  EXPECT_EQ(StateOf("api"), WorkerState::kStopped);
}

TEST_F(FleetTest, ANewCoreGoesOnWithTheSameProcesses) {
  BringUp(App("api", 2));
  Exit(1001, 1);
  const std::uint64_t incarnation = StatusOf("api", 0).incarnation;
  CrashAndRecover();
  EXPECT_EQ(StatusOf("api", 0).pid, 1000);
  EXPECT_EQ(StatusOf("api", 0).incarnation, incarnation);
  EXPECT_EQ(StateOf("api", 0), WorkerState::kOnline);
  EXPECT_EQ(StatusOf("api", 1).pid, 1002);
  EXPECT_EQ(StatusOf("api", 1).restarts(), 1u);
  EXPECT_EQ(processes_.last_pid(), 1002);
}

TEST_F(FleetTest, AnExitThatNoCoreSawIsTakenFromTheJournalOnce) {
  BringUp(App("api"));
  const ExitInfo exit = MakeExit(1000, CLD_KILLED, SIGKILL);
  CrashAndRecover({exit});
  EXPECT_EQ(StatusOf("api").pid, 1001);
  EXPECT_EQ(StatusOf("api").last_exit->signal, SIGKILL);
  fleet_->OnExit(exit);
  CrashAndRecover({exit});
  EXPECT_EQ(StatusOf("api").pid, 1001);
  EXPECT_EQ(StatusOf("api").restarts(), 1u);
}

TEST_F(FleetTest, AnEndThatNobodySawIsSaidToBeUnknown) {
  BringUp(App("api"));
  processes_.made[1000].alive = false;
  CrashAndRecover();
  EXPECT_EQ(StatusOf("api").pid, 1000);
  loop_.Advance(kJournalGrace);
  EXPECT_EQ(StatusOf("api").pid, 1001);
  EXPECT_FALSE(StatusOf("api").last_exit->known);
}

TEST_F(FleetTest, ANewCoreEndsAStopThatTheOldOneBegan) {
  BringUp(App("api"));
  fleet_->Stop(Find("api"), NewAnswer()->ticket);
  loop_.Advance(seconds(1));
  CrashAndRecover();
  EXPECT_EQ(StateOf("api"), WorkerState::kStopping);
  loop_.Advance(milliseconds(600));
  EXPECT_EQ(processes_.sent.back().signal, SIGKILL);
  Killed(1000, SIGKILL);
  EXPECT_EQ(StateOf("api"), WorkerState::kStopped);
}

TEST_F(FleetTest, ANewCoreGoesOnWithABackoff) {
  auto app = App("api");
  app.restart_delay = seconds(10);
  BringUp(app);
  Exit(1000, 1);
  loop_.Advance(seconds(4));
  CrashAndRecover();
  EXPECT_NEAR(StatusOf("api").backoff_seconds, 6, 0.01);
  loop_.Advance(seconds(6));
  EXPECT_EQ(StatusOf("api").pid, 1001);
}

TEST_F(FleetTest, AProcessThatWasNeverLetGoIsReplacedAndNoFailure) {
  StartApp(App("api"));
  WorkerRecord record = state_->Entries().at(0).record;
  record.committed = 0;
  state_->Write(0, record);
  CrashAndRecover();
  Exit(1000, 99);
  EXPECT_EQ(StatusOf("api").pid, 1001);
  EXPECT_EQ(StatusOf("api").consecutive_failures, 0u);
  EXPECT_EQ(StatusOf("api").restarts(), 0u);
}

TEST_F(FleetTest, AProcessOfAnUnknownAppIsLeftAlone) {
  BringUp(App("api"));
  std::filesystem::remove(folder_ + "/apps.json");
  CrashAndRecover();
  EXPECT_TRUE(processes_.sent.empty());
  EXPECT_EQ(recorder_.Count(FactId::kStateQuarantined), 1);
}

TEST_F(FleetTest, AnOldExitOfAReusedPidIsNotTaken) {
  journal_head_ = 5;
  BringUp(App("api"));
  ExitInfo old = MakeExit(1000, CLD_EXITED, 0);
  processes_.made[1000].alive = true;
  old.seq = 5;
  fleet_->OnExit(old);
  EXPECT_EQ(StatusOf("api").pid, 1000);
}

TEST_F(FleetTest, SaysThatADoneOperationCouldNotBeSaved) {
  std::filesystem::create_directory(folder_ + "/apps.json");
  const auto answer = StartApp(App("api"));
  ExecuteAll();
  loop_.Advance(seconds(1));
  EXPECT_EQ(answer->outcome.code, ExitCode::kFailed);
  EXPECT_THAT(answer->outcome.error, testing::HasSubstr("cannot be saved"));
}

}  // namespace
}  // namespace tend::supervisor
