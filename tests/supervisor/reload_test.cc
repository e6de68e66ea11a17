// Replacing workers (fleet_reload.cc), on fakes.
#include <chrono>

#include <gmock/gmock.h>

#include "fleet_fixture.h"

namespace tend::supervisor {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::Contains;
using testing::HasSubstr;
using testing::Not;

class ReloadTest : public FleetTest {
 protected:
  static config::AppConfig Cluster(int instances) {
    config::AppConfig app = App("api", instances);
    app.interpreter = "/usr/bin/node";
    app.exec_mode = config::ExecMode::kCluster;
    return app;
  }
  void Up(config::AppConfig app) {
    const auto answer = StartApp(std::move(app));
    ExecuteAll();
    for (const auto& entry : processes_.made)
      Listens(entry.first);
    loop_.RunPosted();
    ASSERT_TRUE(answer->done);
    ASSERT_EQ(answer->outcome.error, "");
  }
  std::uint64_t IncarnationOf(int pid) {
    for (const NodeWorker& worker : ports_.attached) {
      if (worker.pid == pid) return worker.ref.incarnation;
    }
    return 0;
  }
  void Listens(int pid) {
    ports_.with_sockets.insert("api");
    fleet_->OnWord(IncarnationOf(pid), NodeWord::kListening);
    loop_.RunPosted();
  }
  std::shared_ptr<Answer> Reload(std::optional<Fleet::Environment> env = {}) {
    const auto answer = NewAnswer();
    fleet_->Reload(Find("api"), env, answer->ticket);
    loop_.RunPosted();
    return answer;
  }
  // The newest process executes and listens.
  int Rise() {
    const int pid = processes_.last_pid();
    ExecuteAll();
    Listens(pid);
    return pid;
  }
  // What is told to end does, when it has had its time.
  void EndRetired(int pid) {
    loop_.Advance(milliseconds(500));
    EXPECT_TRUE(ports_.Did("disconnect " + std::to_string(IncarnationOf(pid))));
    Exit(pid, 0);
  }
};

TEST_F(ReloadTest, TheOldProcessEndsAfterTheNewOneHasShownThatItStaysUp) {
  Up(Cluster(1));
  const int old = processes_.last_pid();
  const auto answer = Reload();
  EXPECT_EQ(StatusOf("api").pid, old);
  const int fresh = Rise();
  EXPECT_NE(fresh, old);
  EXPECT_TRUE(ports_.attached.back().held);
  loop_.Advance(milliseconds(999));
  EXPECT_EQ(StatusOf("api").pid, old);
  EXPECT_FALSE(ports_.Did("release " + std::to_string(IncarnationOf(fresh))));
  loop_.Advance(milliseconds(1));
  EXPECT_EQ(StatusOf("api").pid, fresh);
  EXPECT_TRUE(ports_.Did("release " + std::to_string(IncarnationOf(fresh))));
  EXPECT_TRUE(ports_.Did("drain " + std::to_string(IncarnationOf(old))));
  EXPECT_FALSE(answer->done);
  EndRetired(old);
  EXPECT_TRUE(answer->done);
  EXPECT_EQ(answer->outcome.code, ExitCode::kOk);
  EXPECT_EQ(processes_.sent.size(), 0u);  // It ended without a signal.
  const WorkerStatus status = StatusOf("api");
  EXPECT_EQ(status.restarts_by_reason[static_cast<int>(RestartReason::kReload)], 1u);
  EXPECT_EQ(status.restarts(), 1u);
  EXPECT_EQ(recorder_.Count(FactId::kAppReloaded), 1);
  EXPECT_EQ(state_->Entries().size(), 1u);
}

TEST_F(ReloadTest, OneWithOpenConnectionsIsSignalledAndThenKilled) {
  Up(Cluster(1));
  const int old = processes_.last_pid();
  Reload();
  Rise();
  loop_.Advance(seconds(1));
  loop_.Advance(milliseconds(500 + 1599));
  EXPECT_EQ(processes_.sent.size(), 0u);
  loop_.Advance(milliseconds(1));
  ASSERT_EQ(processes_.sent.size(), 1u);
  EXPECT_EQ(processes_.sent[0].pid, old);
  EXPECT_EQ(processes_.sent[0].signal, SIGINT);
  loop_.Advance(milliseconds(1600));
  ASSERT_EQ(processes_.sent.size(), 2u);
  EXPECT_EQ(processes_.sent[1].signal, SIGKILL);
}

TEST_F(ReloadTest, OneWhoseConnectionsAreGoneIsSignalledSoon) {
  Up(Cluster(1));
  const int old = processes_.last_pid();
  Reload();
  Rise();
  loop_.Advance(seconds(1));
  loop_.Advance(milliseconds(600));
  fleet_->OnWord(IncarnationOf(old), NodeWord::kDisconnected);
  loop_.Advance(milliseconds(200));
  EXPECT_EQ(processes_.sent.size(), 1u);
}

TEST_F(ReloadTest, AReleaseThatThrowsAtLoadChangesNothing) {
  Up(Cluster(2));
  const int first = StatusOf("api", 0).pid;
  const int second = StatusOf("api", 1).pid;
  const auto answer = Reload();
  ExecuteAll();
  Exit(processes_.last_pid(), 1);
  ASSERT_TRUE(answer->done);
  EXPECT_EQ(answer->outcome.code, ExitCode::kNotReady);
  EXPECT_THAT(answer->outcome.error, HasSubstr("did not come up (exit code 1)"));
  EXPECT_THAT(answer->outcome.error, HasSubstr("still serves"));
  EXPECT_EQ(StatusOf("api", 0).pid, first);
  EXPECT_EQ(StatusOf("api", 1).pid, second);
  EXPECT_EQ(StatusOf("api", 0).restarts(), 0u);
  EXPECT_EQ(processes_.last_pid(), second + 1);  // Not tried again.
  EXPECT_EQ(recorder_.Count(FactId::kReloadFailed), 1);
  EXPECT_EQ(state_->Entries().size(), 2u);
}

TEST_F(ReloadTest, AReleaseThatNeverListensIsEndedAndChangesNothing) {
  Up(Cluster(1));
  const int old = StatusOf("api").pid;
  const auto answer = Reload();
  ExecuteAll();
  loop_.Advance(seconds(3));
  EXPECT_FALSE(answer->done);  // It is on its way out.
  ASSERT_EQ(processes_.sent.size(), 1u);
  EXPECT_NE(processes_.sent[0].pid, old);
  Exit(processes_.sent[0].pid, 0);
  ASSERT_TRUE(answer->done);
  EXPECT_EQ(answer->outcome.code, ExitCode::kNotReady);
  EXPECT_THAT(answer->outcome.error, HasSubstr("it does not listen within 3s"));
  EXPECT_EQ(StatusOf("api").pid, old);
}

TEST_F(ReloadTest, AReleaseThatEndsAfterItWasReadyChangesNothing) {
  Up(Cluster(2));
  const int old = StatusOf("api").pid;
  const auto answer = Reload();
  const int fresh = Rise();
  loop_.Advance(milliseconds(500));
  Exit(fresh, 7);
  ASSERT_TRUE(answer->done);
  EXPECT_EQ(answer->outcome.code, ExitCode::kNotReady);
  EXPECT_THAT(answer->outcome.error, HasSubstr("exit code 7, after it was ready"));
  EXPECT_EQ(StatusOf("api").pid, old);
  EXPECT_FALSE(ports_.Did("release " + std::to_string(IncarnationOf(fresh))));
}

TEST_F(ReloadTest, AfterTheFirstTheOthersComeInBatchesWithoutAWait) {
  config::AppConfig app = Cluster(5);
  app.reload.parallel = 2;
  Up(app);
  const int last_old = processes_.last_pid();
  const auto answer = Reload();
  EXPECT_EQ(processes_.last_pid(), last_old + 1);
  Rise();
  loop_.Advance(seconds(1));
  EXPECT_EQ(processes_.last_pid(), last_old + 3);  // While the first one's old process drains.
  ExecuteAll();
  Listens(last_old + 2);
  Listens(last_old + 3);
  for (int pid = last_old - 4; pid <= last_old - 2; ++pid)
    EndRetired(pid);
  EXPECT_EQ(processes_.last_pid(), last_old + 5);
  ExecuteAll();
  Listens(last_old + 4);
  Listens(last_old + 5);
  loop_.Advance(milliseconds(500));
  Exit(last_old - 1, 0);
  Exit(last_old, 0);
  EXPECT_TRUE(answer->done);
  EXPECT_EQ(answer->outcome.error, "");
}

TEST_F(ReloadTest, ASecondReloadWaitsForTheFirst) {
  Up(Cluster(1));
  const int old = processes_.last_pid();
  const auto first = Reload();
  const auto second = Reload();
  EXPECT_EQ(processes_.last_pid(), old + 1);
  Rise();
  loop_.Advance(seconds(1));
  EndRetired(old);
  EXPECT_TRUE(first->done);
  EXPECT_FALSE(second->done);
  EXPECT_EQ(processes_.last_pid(), old + 2);
  Rise();
  loop_.Advance(seconds(1));
  EndRetired(old + 1);
  EXPECT_TRUE(second->done);
  EXPECT_EQ(second->outcome.error, "");
}

TEST_F(ReloadTest, ACrashOfTheOldProcessIsRestartedBesideTheNewOne) {
  Up(Cluster(1));
  const int old = processes_.last_pid();
  const auto answer = Reload();
  const int fresh = processes_.last_pid();
  Killed(old, SIGKILL);
  const int again = processes_.last_pid();
  EXPECT_EQ(again, fresh + 1);
  ExecuteAll();
  Listens(fresh);
  Listens(again);
  loop_.Advance(seconds(1));
  EXPECT_EQ(StatusOf("api").pid, fresh);
  EndRetired(again);
  EXPECT_TRUE(answer->done);
  EXPECT_EQ(answer->outcome.error, "");
}

TEST_F(ReloadTest, AFailedReloadBringsTheFormerConfigurationBack) {
  config::AppConfig app = Cluster(2);
  app.env["RELEASE"] = "1";
  Up(app);
  app.env["RELEASE"] = "2";
  const auto answer = StartApp(app);
  ExecuteAll();
  Exit(processes_.last_pid(), 1);
  ASSERT_TRUE(answer->done);
  EXPECT_EQ(answer->outcome.code, ExitCode::kNotReady);
  EXPECT_EQ(fleet_->ConfigOf("api")->env.at("RELEASE"), "1");
}

TEST_F(ReloadTest, WhatWasReplacedAlreadyIsReplacedAgainByTheFormerConfiguration) {
  config::AppConfig app = Cluster(2);
  app.env["RELEASE"] = "1";
  Up(app);
  const int first_old = StatusOf("api", 0).pid;
  const int second_old = StatusOf("api", 1).pid;
  app.env["RELEASE"] = "2";
  const auto answer = StartApp(app);
  Rise();
  loop_.Advance(seconds(1));
  ExecuteAll();
  Exit(processes_.last_pid(), 1);
  EndRetired(first_old);
  EXPECT_FALSE(answer->done);
  const int back = Rise();
  const auto& env = processes_.made.at(back).spec.env;
  EXPECT_THAT(env, Contains("RELEASE=1"));
  const int replaced = StatusOf("api", 0).pid;
  loop_.Advance(seconds(1));
  EndRetired(replaced);
  ASSERT_TRUE(answer->done);
  EXPECT_EQ(answer->outcome.code, ExitCode::kNotReady);
  EXPECT_EQ(StatusOf("api", 0).pid, back);
  EXPECT_EQ(StatusOf("api", 1).pid, second_old);
}

TEST_F(ReloadTest, RollbackStartsTheFormerConfigurationAgain) {
  config::AppConfig app = Cluster(1);
  app.env["RELEASE"] = "1";
  Up(app);
  const auto none = NewAnswer();
  fleet_->Rollback(Find("api"), none->ticket);
  loop_.RunPosted();
  EXPECT_THAT(none->outcome.error, HasSubstr("no former configuration"));
  const int old = processes_.last_pid();
  app.env["RELEASE"] = "2";
  StartApp(app);
  const int second = Rise();
  loop_.Advance(seconds(1));
  EndRetired(old);
  EXPECT_EQ(fleet_->ConfigOf("api")->env.at("RELEASE"), "2");
  const auto answer = NewAnswer();
  fleet_->Rollback(Find("api"), answer->ticket);
  loop_.RunPosted();
  Rise();
  loop_.Advance(seconds(1));
  EndRetired(second);
  EXPECT_TRUE(answer->done);
  EXPECT_EQ(answer->outcome.error, "");
  EXPECT_EQ(fleet_->ConfigOf("api")->env.at("RELEASE"), "1");
}

TEST_F(ReloadTest, WithoutASharedPortWorkersAreRestartedOneByOne) {
  BringUp(App("api", 2));
  const auto answer = Reload();
  ASSERT_EQ(processes_.sent.size(), 1u);
  EXPECT_EQ(processes_.sent[0].pid, 1000);
  Exit(1000, 0);
  ExecuteAll();
  EXPECT_EQ(processes_.sent.size(), 1u);
  loop_.Advance(seconds(1));
  EXPECT_EQ(processes_.sent.size(), 2u);
  EXPECT_FALSE(answer->done);
}

TEST_F(ReloadTest, WhatIsDownAfterwardsIsToldOf) {
  BringUp(App("api", 3));
  const auto answer = Reload();
  for (const bool comes_up : {true, false}) {
    Exit(processes_.sent.back().pid, 0);
    ExecuteAll();
    if (!comes_up) Exit(processes_.last_pid(), 1);
    loop_.Advance(seconds(1));
  }
  ASSERT_TRUE(answer->done);
  EXPECT_EQ(answer->outcome.code, ExitCode::kNotReady);
  EXPECT_EQ(recorder_.WhyOf(FactId::kReloadFailed), "workers replaced: 1, down: 1");
}

TEST_F(ReloadTest, AProgramThatReloadsItselfGetsItsSignal) {
  config::AppConfig app = App("api");
  app.reload.signal = SIGHUP;
  BringUp(app);
  const auto answer = Reload();
  ASSERT_EQ(processes_.sent.size(), 1u);
  EXPECT_EQ(processes_.sent[0].signal, SIGHUP);
  EXPECT_FALSE(answer->done);
  loop_.Advance(seconds(1));
  EXPECT_TRUE(answer->done);
  EXPECT_EQ(answer->outcome.error, "");
  const auto second = Reload();
  Killed(1000, SIGHUP);
  EXPECT_TRUE(second->done);
  EXPECT_EQ(second->outcome.code, ExitCode::kNotReady);
}

TEST_F(ReloadTest, ACoreThatDiesInTheMiddleLeavesTheOldProcess) {
  Up(Cluster(1));
  const int old = processes_.last_pid();
  Reload();
  const int fresh = Rise();
  CrashAndRecover();
  EXPECT_EQ(StatusOf("api").pid, old);
  EXPECT_EQ(StateOf("api"), WorkerState::kOnline);
  EXPECT_TRUE(ports_.Did("drain " + std::to_string(IncarnationOf(fresh))));
  EndRetired(fresh);
  EXPECT_EQ(state_->Entries().size(), 1u);
}

TEST_F(ReloadTest, ACoreThatDiesWhileTheOldProcessDrainsLetsItFinishAgain) {
  Up(Cluster(1));
  const int old = processes_.last_pid();
  Reload();
  const int fresh = Rise();
  loop_.Advance(seconds(1));
  CrashAndRecover();
  EXPECT_EQ(StatusOf("api").pid, fresh);
  ports_.done.clear();
  EndRetired(old);
  EXPECT_EQ(processes_.sent.size(), 0u);
  EXPECT_EQ(state_->Entries().size(), 1u);
  EXPECT_EQ(StateOf("api"), WorkerState::kOnline);
}

TEST_F(ReloadTest, ShutdownEndsAllProcessesOfAReload) {
  Up(Cluster(1));
  const auto answer = Reload();
  const int old = StatusOf("api").pid;
  const int fresh = processes_.last_pid();
  const auto down = NewAnswer();
  fleet_->Shutdown(down->ticket);
  loop_.RunPosted();
  EXPECT_FALSE(down->done);
  Exit(old, 0);
  EXPECT_FALSE(down->done);
  Exit(fresh, 0);
  EXPECT_TRUE(down->done);
  EXPECT_TRUE(answer->done);
}

TEST_F(ReloadTest, StopAfterAReloadClosesThePorts) {
  Up(Cluster(1));
  const auto answer = NewAnswer();
  fleet_->Stop(Find("api"), answer->ticket);
  loop_.RunPosted();
  EXPECT_THAT(ports_.done, Not(Contains("close api")));
  Exit(processes_.last_pid(), 0);
  EXPECT_TRUE(answer->done);
  loop_.RunPosted();
  EXPECT_THAT(ports_.done, Contains("close api"));
}

TEST_F(ReloadTest, AWorkerThatEndsIsNotRestartedByItsWatchdog) {
  config::AppConfig app = App("api");
  app.health.watchdog = seconds(5);
  app.health.grace = seconds(10);
  app.kill_timeout = seconds(60);
  BringUp(app);
  loop_.Advance(seconds(14));  // Its grace counts.
  EXPECT_EQ(StateOf("api"), WorkerState::kOnline);
  const auto answer = NewAnswer();
  fleet_->Stop(Find("api"), answer->ticket);
  loop_.RunPosted();
  loop_.Advance(seconds(8));
  fleet_->OnNotify(1000, 0, "WATCHDOG=trigger");
  Exit(1000, 0);
  EXPECT_EQ(StateOf("api"), WorkerState::kStopped);
  EXPECT_TRUE(answer->done);
}

TEST_F(ReloadTest, AShutdownInTheMiddleBeginsNoMore) {
  Up(Cluster(3));
  Reload();
  Rise();
  loop_.Advance(seconds(1));
  Rise();
  const int last = processes_.last_pid();
  const auto down = NewAnswer();
  fleet_->Shutdown(down->ticket);
  loop_.RunPosted();
  for (int pid = 1000; pid <= last; ++pid)
    Exit(pid, 0);
  EXPECT_EQ(processes_.last_pid(), last);
  EXPECT_TRUE(down->done);
}

TEST_F(ReloadTest, ACoreThatDiesInTheMiddleOfAChangeKeepsTheConfigurationThatRuns) {
  config::AppConfig app = Cluster(1);
  app.env["RELEASE"] = "1";
  Up(app);
  app.env["RELEASE"] = "2";
  StartApp(app);
  Rise();
  CrashAndRecover();
  EXPECT_EQ(fleet_->ConfigOf("api")->env.at("RELEASE"), "1");
}

TEST_F(ReloadTest, AStopCutsTheRestOfADrainShort) {
  Up(Cluster(2));
  const int last = processes_.last_pid();
  fleet_->Scale(Find("api"), "-1", NewAnswer()->ticket);
  loop_.RunPosted();
  EXPECT_EQ(processes_.sent.size(), 0u);
  fleet_->Shutdown(NewAnswer()->ticket);
  EXPECT_TRUE(std::any_of(processes_.sent.begin(), processes_.sent.end(),
                          [&](const auto& sent) { return sent.pid == last; }));
}

TEST_F(ReloadTest, WhatIsStoppedMeanwhileStaysSoAlthoughAReloadIsTakenBack) {
  config::AppConfig app = Cluster(2);
  app.env["RELEASE"] = "1";
  Up(app);
  const int first_old = StatusOf("api", 0).pid;
  app.env["RELEASE"] = "2";
  StartApp(app);
  Rise();
  loop_.Advance(seconds(1));
  ExecuteAll();
  const auto stop = NewAnswer();
  fleet_->Stop(Find("api"), stop->ticket);
  Exit(processes_.last_pid(), 1);
  EndRetired(first_old);
  for (int i = 0; i < 20 && !stop->done; ++i) {
    Rise();
    loop_.Advance(seconds(2));
    for (const auto& sent : std::vector(processes_.sent)) {
      if (processes_.made.at(sent.pid).alive) Exit(sent.pid, 0);
    }
  }
  EXPECT_TRUE(stop->done);
  EXPECT_EQ(StateOf("api", 0), WorkerState::kStopped);
  EXPECT_EQ(StateOf("api", 1), WorkerState::kStopped);
}

TEST_F(ReloadTest, AFileThatChangesOnlyTheNumberOfWorkersReplacesTheOthersAsWell) {
  Up(Cluster(1));
  const int old = processes_.last_pid();
  Fleet::StartHow how;
  how.same = Fleet::StartHow::Same::kReload;
  const auto answer = StartApp(Cluster(2), how);
  for (int i = 0; i < 10 && !answer->done; ++i) {
    Rise();
    loop_.Advance(seconds(1));
    if (ports_.Did("disconnect " + std::to_string(IncarnationOf(old))) &&
        processes_.made.at(old).alive) {
      Exit(old, 0);
    }
  }
  EXPECT_TRUE(answer->done);
  EXPECT_EQ(answer->outcome.error, "");
  EXPECT_NE(StatusOf("api", 0).pid, old);
  EXPECT_EQ(fleet_->StatusOf("api").workers.size(), 2u);
}

TEST_F(ReloadTest, WhatConcernsNoProcessIsChangedWithoutNewOnes) {
  config::AppConfig app = Cluster(1);
  Up(app);
  const int pid = processes_.last_pid();
  app.health.http = "/health";
  app.max_memory = 1u << 30;
  app.cron_restart = "daily";
  EXPECT_TRUE(StartApp(app)->done);
  EXPECT_EQ(processes_.last_pid(), pid);
  EXPECT_EQ(fleet_->ConfigOf("api")->health.http, "/health");
  app.health.watchdog = seconds(5);
  StartApp(app);
  EXPECT_EQ(processes_.last_pid(), pid + 1);
}

TEST_F(ReloadTest, WorkersThatDoNotComeUpAreTakenAwayAgain) {
  BringUp(App("api", 1));
  const auto answer = NewAnswer();
  fleet_->Scale(Find("api"), "+2", answer->ticket);
  loop_.RunPosted();
  ExecuteAll();
  Exit(1001, 1);
  loop_.Advance(seconds(1));
  for (int pid = 1002; pid <= processes_.last_pid(); ++pid) {
    if (processes_.made.at(pid).alive) Exit(pid, 0);
  }
  loop_.Advance(seconds(1));
  ASSERT_TRUE(answer->done);
  EXPECT_EQ(answer->outcome.code, ExitCode::kNotReady);
  EXPECT_EQ(fleet_->StatusOf("api").workers.size(), 1u);
  EXPECT_EQ(fleet_->ConfigOf("api")->instances, 1);
}

TEST_F(ReloadTest, FewerWorkersFinishWhatTheyDo) {
  Up(Cluster(2));
  const int last = processes_.last_pid();
  const auto answer = NewAnswer();
  fleet_->Scale(Find("api"), "-1", answer->ticket);
  loop_.RunPosted();
  EXPECT_TRUE(ports_.Did("drain " + std::to_string(IncarnationOf(last))));
  EXPECT_EQ(processes_.sent.size(), 0u);
  EndRetired(last);
  EXPECT_TRUE(answer->done);
  EXPECT_EQ(answer->outcome.error, "");
  EXPECT_EQ(fleet_->StatusOf("api").workers.size(), 1u);
}

TEST_F(ReloadTest, ADeletedAppGivesItsPortsUpBeforeThatIsSaid) {
  Up(Cluster(1));
  bool closed = false;
  const auto answer = NewAnswer();
  answer->ticket->on_done = [&](const Outcome&) {
    answer->done = true;
    closed = ports_.Did("close api");
  };
  fleet_->Delete(Find("api"), answer->ticket);
  loop_.RunPosted();
  Exit(processes_.last_pid(), 0);
  EXPECT_TRUE(answer->done);
  EXPECT_TRUE(closed);
}

TEST_F(ReloadTest, AWorkerOverItsMemoryIsReplacedAndCounted) {
  Up(Cluster(1));
  const int old = processes_.last_pid();
  fleet_->RestartSick(StatusOf("api").incarnation, RestartReason::kMemoryLimit, "700M of 600M");
  loop_.RunPosted();
  Rise();
  loop_.Advance(seconds(1));
  EndRetired(old);
  const WorkerStatus status = StatusOf("api");
  EXPECT_EQ(status.restarts_by_reason[static_cast<int>(RestartReason::kMemoryLimit)], 1u);
  EXPECT_NE(status.pid, old);
}

TEST_F(ReloadTest, AWorkerThatDoesNotAnswerIsRestartedAtOnce) {
  Up(Cluster(1));
  const int old = processes_.last_pid();
  fleet_->RestartSick(StatusOf("api").incarnation, RestartReason::kUnresponsive, "3 checks failed");
  ASSERT_EQ(processes_.sent.size(), 1u);
  EXPECT_EQ(processes_.sent[0].pid, old);
  Exit(old, 0);
  EXPECT_EQ(StatusOf("api").restarts_by_reason[static_cast<int>(RestartReason::kUnresponsive)], 1u);
}

}  // namespace
}  // namespace tend::supervisor
