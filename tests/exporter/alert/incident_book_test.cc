#include "exporter/alert/incident_book.h"

#include <algorithm>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace tend::exporter {
namespace {

using namespace std::chrono_literals;
using enum IncidentKind;
using testing::HasSubstr;

class Book : public testing::Test {
 protected:
  Book() { book_.PutApp("api", {10s, 40s}); }

  Instant now() const { return {Mono{} + 1h + time_, Wall{} + 1000h + time_}; }

  // What is said `later`, as "opened errored api:1" and so on.
  std::vector<std::string> After(std::chrono::nanoseconds later = 0s) {
    time_ += later;
    std::vector<std::string> said;
    for (const Incident& incident : book_.Take(now())) {
      said.push_back(std::string(Name(incident.phase())) + ' ' + std::string(Name(incident.kind)) +
                     ' ' + incident.where());
      last_ = incident;
    }
    return said;
  }

  void Put(WorkerState state, std::uint32_t failures = 0, std::uint64_t incarnation = 1) {
    WorkerStatus status;
    status.slot = 1;
    status.state = state;
    status.consecutive_failures = failures;
    status.incarnation = incarnation;
    status.restarts_by_reason[static_cast<std::size_t>(RestartReason::kCrash)] = crashes_;
    if (failures > 0) status.last_exit = ExitStatus{1, std::nullopt, true, {}};
    if (state == WorkerState::kErrored) status.note = "gave up after 16 failed starts in a row";
    book_.PutWorker("api", status, now());
  }

  // It ended by itself after `uptime`, which was long enough, and has been started again.
  void CrashAfter(std::chrono::nanoseconds uptime) {
    time_ += uptime;
    ++crashes_;
    Put(WorkerState::kStarting, 0, ++incarnation_);
    Put(WorkerState::kOnline, 0, incarnation_);
  }

  // As of a new sidecar.
  void Restart() {
    IncidentBook next;
    next.Load(book_.Save());
    book_ = next;
    book_.PutApp("api", {10s, 40s});
  }

  void State(FactId id, std::vector<std::pair<std::string, std::string>> fields, int slot = 1) {
    book_.OnFact({id, now().wall, "api", slot, std::move(fields)}, now());
  }

  void Disk(double share, std::uint64_t lost = 0, bool failing = false, std::uint64_t removed = 0) {
    const auto used = static_cast<std::uint64_t>(share * 1e6);
    const DiskUse use{"api", used, 1'000'000, lost, failing, removed};
    book_.PutDisks({use}, now());
  }

  using Said = std::vector<std::string>;

  IncidentBook book_;
  std::chrono::nanoseconds time_{0};
  std::uint64_t crashes_ = 0, incarnation_ = 1;
  Incident last_;
};

TEST_F(Book, ACrashLoopBeginsWithTheThirdFailureInARow) {
  Put(WorkerState::kBackoff, 2);
  EXPECT_EQ(After(5s), Said{});
  Put(WorkerState::kBackoff, 3);
  EXPECT_EQ(After(), Said{}) << "it has not settled";
  EXPECT_EQ(After(1s), Said{"opened crash_loop api:1"});
  EXPECT_THAT(last_.summary, HasSubstr("exit code 1"));
  EXPECT_EQ(last_.severity, Severity::kCritical);
  Put(WorkerState::kBackoff, 4);
  EXPECT_EQ(After(5s), Said{}) << "once";
}

TEST_F(Book, WithoutAnyPauseBetweenStartsItIsALoopAllTheSame) {
  Put(WorkerState::kStarting, 3);
  EXPECT_EQ(After(1s), Said{"opened crash_loop api:1"});
}

TEST_F(Book, ACrashLoopIsOverWhenTheWorkerHasStayedOnline) {
  Put(WorkerState::kBackoff, 3);
  After(1s);
  const std::string id = last_.id;
  Put(WorkerState::kOnline, 3, 2);
  EXPECT_EQ(After(9s), Said{});
  Put(WorkerState::kStarting, 4, 3);
  Put(WorkerState::kOnline, 4, 3);
  EXPECT_EQ(After(9s), Said{}) << "another life: it counts anew";
  EXPECT_EQ(After(1s), Said{"resolved crash_loop api:1"});
  EXPECT_EQ(last_.id, id);
  EXPECT_GT(last_.ended, last_.began);
  EXPECT_TRUE(book_.Save().open.empty());
}

TEST_F(Book, ALoopThatIsGivenUpIsOneStory) {
  Put(WorkerState::kBackoff, 3);
  After(1s);
  const std::string id = last_.id;
  Put(WorkerState::kErrored, 16);
  EXPECT_EQ(After(1s), Said{"opened errored api:1"});
  EXPECT_EQ(last_.id, id);
  EXPECT_EQ(last_.before, kCrashLoop);
  Put(WorkerState::kStarting, 16, 2);
  EXPECT_EQ(After(2s), Said{}) << "somebody tries again; it is errored until it stays up";
  Put(WorkerState::kOnline, 0, 2);
  EXPECT_EQ(After(10s), Said{"resolved errored api:1"});
  EXPECT_EQ(last_.id, id);
}

TEST_F(Book, AFastLoopIsToldOnceAsErrored) {
  Put(WorkerState::kStarting, 3);
  time_ += 500ms;
  Put(WorkerState::kErrored, 16);
  EXPECT_EQ(After(1s), Said{"opened errored api:1"});
  EXPECT_EQ(last_.before, std::nullopt) << "nobody was told of the loop";
}

TEST_F(Book, WhatWasOverBeforeItWasToldIsNotTold) {
  Put(WorkerState::kBackoff, 3);
  Put(WorkerState::kStopped, 3);
  EXPECT_EQ(After(5s), Said{});
}

TEST_F(Book, FiveCrashesWithinFiveMinutesAreALoopHoweverLongItWasOnline) {
  Put(WorkerState::kOnline);
  for (int crash = 1; crash <= 4; ++crash)
    CrashAfter(60s);
  EXPECT_EQ(After(1s), Said{});
  CrashAfter(59s);
  EXPECT_EQ(After(1s), Said{"opened crash_loop api:1"});
  EXPECT_THAT(last_.summary, HasSubstr("crashed 5 times within 5m"));
  CrashAfter(60s);
  EXPECT_EQ(After(299s), Said{}) << "the window is not over";
  EXPECT_EQ(After(1s), Said{"resolved crash_loop api:1"});
  for (int crash = 1; crash <= 4; ++crash)
    CrashAfter(1s);
  EXPECT_EQ(After(1s), Said{}) << "those before are forgiven";
}

TEST_F(Book, CrashesThatAreFarApartAreNoLoop) {
  Put(WorkerState::kOnline);
  for (int crash = 1; crash <= 20; ++crash)
    CrashAfter(76s);
  EXPECT_EQ(After(1s), Said{});
}

TEST_F(Book, WhatCoreHadCountedBeforeWeLookedAndOtherRestartsAreNoCrashes) {
  crashes_ = 100;
  Put(WorkerState::kOnline);
  for (std::uint64_t life = 2; life < 12; ++life)
    Put(WorkerState::kOnline, 0, life);
  EXPECT_EQ(After(1s), Said{});
  crashes_ += 5;
  Put(WorkerState::kOnline, 0, 12);
  EXPECT_EQ(After(1s), Said{"opened crash_loop api:1"}) << "that we were told of at once";
}

TEST_F(Book, AStopAndAResetEndALoopOfCrashes) {
  Put(WorkerState::kOnline);
  for (int crash = 1; crash <= 5; ++crash)
    CrashAfter(2s);
  EXPECT_EQ(After(1s), Said{"opened crash_loop api:1"});
  crashes_ = 0;
  Put(WorkerState::kOnline, 0, incarnation_);
  EXPECT_EQ(After(), Said{"resolved crash_loop api:1"});
  EXPECT_THAT(last_.summary, HasSubstr("reset"));
  for (int crash = 1; crash <= 5; ++crash)
    CrashAfter(2s);
  EXPECT_EQ(After(1s), Said{"opened crash_loop api:1"});
  Put(WorkerState::kStopped, 0, incarnation_);
  EXPECT_EQ(After(), Said{"resolved crash_loop api:1"});
  CrashAfter(2s);
  EXPECT_EQ(After(1s), Said{});
}

TEST_F(Book, ANewSidecarKnowsForWhatALoopIsOne) {
  Put(WorkerState::kOnline);
  for (int crash = 1; crash <= 5; ++crash)
    CrashAfter(2s);
  After(1s);
  Restart();
  Put(WorkerState::kOnline, 0, incarnation_);
  EXPECT_EQ(After(299s), Said{});
  EXPECT_EQ(After(1s), Said{"resolved crash_loop api:1"});
}

TEST_F(Book, ALoopOfFailedStartsIsOverAsSoonAsBeforeHoweverManyTheyWere) {
  Put(WorkerState::kStarting);
  for (std::uint32_t failures = 1; failures <= 8; ++failures) {
    ++crashes_;
    Put(WorkerState::kStarting, failures, failures);
  }
  EXPECT_EQ(After(1s), Said{"opened crash_loop api:1"});
  EXPECT_THAT(last_.summary, HasSubstr("again and again"));
  Put(WorkerState::kOnline, 8, 8);
  EXPECT_EQ(After(10s), Said{"resolved crash_loop api:1"});
}

TEST_F(Book, StoppedResetAndDeletedEndIt) {
  Put(WorkerState::kErrored, 16);
  After(1s);
  Put(WorkerState::kErrored, 0);
  EXPECT_EQ(After(), Said{"resolved errored api:1"});
  EXPECT_THAT(last_.summary, HasSubstr("reset"));
  Put(WorkerState::kErrored, 16);
  After(1s);
  Put(WorkerState::kStopped, 0);
  EXPECT_EQ(After(), Said{"resolved errored api:1"});
  Put(WorkerState::kErrored, 16);
  After(1s);
  book_.DropApp("api", now());
  EXPECT_EQ(After(), Said{"resolved errored api:1"});
  EXPECT_THAT(last_.summary, HasSubstr("deleted"));
}

TEST_F(Book, AWorkerThatIsRemovedTakesItsIncidentsWithIt) {
  Put(WorkerState::kErrored, 16);
  After(1s);
  book_.DropWorker("api", 0, now());
  EXPECT_EQ(After(), Said{});
  book_.DropWorker("api", 1, now());
  EXPECT_EQ(After(), Said{"resolved errored api:1"});
}

TEST_F(Book, ANewSidecarSaysNothingTwiceAndForgetsNoEnd) {
  Put(WorkerState::kErrored, 16);
  After(1s);
  const std::string id = last_.id;
  Restart();
  Put(WorkerState::kErrored, 16);
  book_.Synced(now());
  EXPECT_EQ(After(5s), Said{});
  Put(WorkerState::kOnline, 0, 2);
  EXPECT_EQ(After(10s), Said{"resolved errored api:1"});
  EXPECT_EQ(last_.id, id);
}

TEST_F(Book, WhatWasDeletedWhileNobodyLookedIsOver) {
  Put(WorkerState::kErrored, 16);
  Disk(0.9);
  After(1s);
  IncidentBook next;
  next.Load(book_.Save());
  next.Synced(now());
  EXPECT_EQ(next.Take(now()).size(), 2U);
}

TEST_F(Book, WhatHadNotSettledWhenTheSidecarDiedIsToldByTheNext) {
  Put(WorkerState::kErrored, 16);
  IncidentBook next;
  next.Load(book_.Save());
  EXPECT_EQ(next.Take(now()).size(), 1U);
}

TEST_F(Book, ARestartForHealthIsUnhealthyUntilItsChecksHaveHadTheirTime) {
  Put(WorkerState::kOnline, 0, 1);
  State(FactId::kHealthCheckFailed, {{"check", "http"}, {"why", "answered 503"}});
  EXPECT_EQ(After(5s), Said{}) << "one check";
  State(FactId::kRestartAsked, {{"reason", "unresponsive"}, {"why", "3 failed checks in a row"}});
  EXPECT_EQ(After(1s), Said{"opened unhealthy api:1"});
  Put(WorkerState::kOnline, 0, 2);
  EXPECT_EQ(After(39s), Said{});
  EXPECT_EQ(After(1s), Said{"resolved unhealthy api:1"});
}

TEST_F(Book, ChecksThatGoOnFailingAreUnhealthyAndRecover) {
  Put(WorkerState::kOnline, 0, 1);
  State(FactId::kHealthCheckFailed, {{"check", "http"}, {"why", "answered 503"}});
  EXPECT_EQ(After(29s), Said{});
  After(1s);
  EXPECT_EQ(After(1s), Said{"opened unhealthy api:1"});
  EXPECT_EQ(After(100s), Said{}) << "online is not healthy";
  State(FactId::kHealthRecovered, {});
  EXPECT_EQ(After(), Said{"resolved unhealthy api:1"});
}

TEST_F(Book, WhatHappensAtOnceIsToldAtOnce) {
  State(FactId::kRestartAsked, {{"reason", "memory_limit"}, {"why", "612 MiB, more than 600M"}});
  State(FactId::kReloadFailed, {{"why", "no worker was replaced"}}, -1);
  book_.OnFact({FactId::kRoleRestarted, now().wall, "", -1, {{"role", "sidecar"}}}, now());
  EXPECT_EQ(After(), (Said{"happened memory_restart api:1", "happened reload_failed api",
                           "happened daemon_restarted tend"}));
  EXPECT_EQ(last_.subject, "sidecar");
  State(FactId::kRestartAsked, {{"reason", "watch"}, {"why", "index.js changed"}});
  State(FactId::kWorkerExited, {{"code", "1"}});
  EXPECT_EQ(After(), Said{}) << "nobody asked for those";
}

TEST_F(Book, DiskUseWarnsGrowsCriticalAndIsOverOnlyWellBelow) {
  Disk(0.79);
  EXPECT_EQ(After(1s), Said{});
  Disk(0.80);
  EXPECT_EQ(After(1s), Said{"opened disk_warning api"});
  const std::string id = last_.id;
  EXPECT_THAT(last_.summary, HasSubstr("80 %"));
  Disk(0.95);
  EXPECT_EQ(After(1s), Said{"opened disk_critical api"});
  EXPECT_EQ(last_.id, id);
  for (const double share : {0.94, 0.80, 0.76, 0.99})
    Disk(share);
  EXPECT_EQ(After(1s), Said{});
  Disk(0.74);
  EXPECT_EQ(After(), Said{"resolved disk_critical api"});
}

TEST_F(Book, LogsThatRetentionHoldsAtTheirLimitAreFine) {
  Disk(0.79);
  Disk(0.82);
  EXPECT_EQ(After(1s), Said{"opened disk_warning api"});
  Disk(0.99);
  EXPECT_EQ(After(1s), Said{"opened disk_critical api"});
  EXPECT_EQ(After(3600s), Said{}) << "nobody has removed anything";
  Disk(0.97, 0, false, 1);
  EXPECT_EQ(After(), Said{"resolved disk_critical api"});
  EXPECT_THAT(last_.summary, HasSubstr("retention holds the logs of api at 1000000"));
  for (const double share : {0.99, 0.74, 0.85, 0.96}) {
    time_ += 23h;
    Disk(share, 0, false, 1);
  }
  EXPECT_EQ(After(1s), Said{}) << "it stays so";
  Disk(0.74, 0, false, 1);
  time_ += 24h;
  Disk(0.74, 0, false, 1);
  Disk(0.81, 0, false, 1);
  EXPECT_EQ(After(1s), Said{"opened disk_warning api"}) << "it had room for a day";
}

TEST_F(Book, LogsOfWhichEachSegmentIsMuchAreHeldAllTheSame) {
  Disk(0.99);
  std::uint64_t removed = 0;
  for (int day = 0; day < 10; ++day) {
    for (const double share : {0.55, 0.70, 0.85, 0.99}) {
      Disk(share, 0, false, removed);
      time_ += 6h;
    }
    ++removed;
  }
  EXPECT_EQ(After(1s), Said{});
}

TEST_F(Book, WhereLinesAreLostRetentionDoesNotHold) {
  Disk(0.82);
  After(1s);
  Disk(0.97, 0, false, 1);
  EXPECT_EQ(After(), Said{"resolved disk_warning api"});
  Disk(0.97, 3, false, 2);
  EXPECT_EQ(After(1s), Said{"opened disk_critical api"});
  time_ += 61s;
  Disk(0.97, 3, false, 2);
  EXPECT_EQ(After(), Said{}) << "not seen since";
  Disk(0.97, 3, false, 3);
  EXPECT_EQ(After(), Said{"resolved disk_critical api"});
  Disk(0.97, 3, true, 4);
  EXPECT_EQ(After(1s), Said{"opened disk_critical api"});
}

TEST_F(Book, AnotherLimitIsAnotherStory) {
  Disk(0.97);
  book_.PutDisks({{"api", 970'000, 0, 0, false, 0}}, now());
  Disk(0.97);
  EXPECT_EQ(After(1s), Said{}) << "the same";
  book_.PutDisks({{"api", 970'000, 2'000'000, 0, false, 0}}, now());
  book_.PutDisks({{"api", 1'600'000, 2'000'000, 0, false, 0}}, now());
  EXPECT_EQ(After(1s), Said{"opened disk_warning api"});
  book_.PutDisks({{"api", 900'000, 1'000'000, 0, false, 7}}, now());
  EXPECT_EQ(After(), Said{"resolved disk_warning api"}) << "retention has seen to the smaller one";
}

TEST_F(Book, WhatIsRemovedFarBelowTheLimitHoldsNothing) {
  Disk(0.5, 0, false, 1);
  Disk(0.82, 0, false, 1);
  EXPECT_EQ(After(1s), Said{"opened disk_warning api"});
}

TEST_F(Book, WhereRetentionLeavesLittleOrThereIsNoLimitItHoldsNothing) {
  Disk(0.1);
  Disk(0.1, 1);
  EXPECT_EQ(After(1s), Said{"opened disk_critical api"});
  time_ += 61s;
  Disk(0.1, 1, false, 1);
  EXPECT_EQ(After(), Said{"resolved disk_critical api"});
  EXPECT_THAT(last_.summary, HasSubstr("have room again"));
  Disk(0.82, 1, false, 1);
  EXPECT_EQ(After(1s), Said{"opened disk_warning api"});
  book_.PutDisks({{"api", 820'000, 0, 1, false, 2}}, now());
  EXPECT_EQ(After(), Said{"resolved disk_warning api"});
  EXPECT_THAT(last_.summary, HasSubstr("have room again"));
  EXPECT_EQ(book_.Save().held.size(), 0U);
}

TEST_F(Book, ANewSidecarKnowsWhatIsHeld) {
  Disk(0.82);
  After(1s);
  Disk(0.97, 0, false, 1);
  After(1s);
  Restart();
  book_.Synced(now());
  Disk(0.85);
  Disk(0.96);
  EXPECT_EQ(After(1s), Said{});
  EXPECT_EQ(book_.Save().held, (std::vector<HeldLogs>{{"api", 1'000'000}}));
}

TEST_F(Book, ANewSidecarSeesThatTheLimitIsAnotherOne) {
  Disk(0.95);
  Restart();
  book_.PutDisks({{"api", 1'600'000, 2'000'000, 0, false, 0}}, now());
  EXPECT_EQ(After(1s), Said{"opened disk_warning api"});
}

TEST_F(Book, LogsThatStandAtTheirLimitWhenLookedAtFirstAreHeld) {
  Disk(0.95);
  EXPECT_EQ(After(1s), Said{});
  book_ = {};
  book_.PutApp("api", {10s, 40s});
  Disk(0.94);
  EXPECT_EQ(After(1s), Said{"opened disk_warning api"});
  Disk(0.95);
  EXPECT_EQ(After(1s), Said{"opened disk_critical api"});
  Restart();
  Disk(0.95);
  EXPECT_EQ(After(1s), Said{}) << "told before";
  time_ += 60s;
  Disk(0.70);
  EXPECT_EQ(After(), Said{"resolved disk_critical api"}) << "but not held";
}

TEST_F(Book, WhatIsHeldIsForgottenWithItsApp) {
  Disk(0.95);
  EXPECT_EQ(book_.Save().held, (std::vector<HeldLogs>{{"api", 1'000'000}}));
  IncidentBook next;
  next.Load(book_.Save());
  next.Synced(now());
  EXPECT_EQ(next.Save().held, std::vector<HeldLogs>{});
}

TEST_F(Book, ANewSidecarDoesNotTakeLinesThatWereJustLostForRoom) {
  Disk(0.1);
  State(FactId::kLogWriteFailed, {{"file", "f"}, {"error", "No space left on device"}}, -1);
  Disk(0.1, 6);
  EXPECT_EQ(After(1s), Said{"opened disk_critical api"});
  const auto details = last_.details;
  Restart();
  Disk(0.1);
  EXPECT_EQ(After(59s), Said{});
  Disk(0.1);
  EXPECT_EQ(After(), Said{});
  time_ += 1s;
  Disk(0.1);
  EXPECT_EQ(After(), Said{"resolved disk_critical api"});
  EXPECT_EQ(last_.details, details);
}

TEST_F(Book, LogsOfAnAppThatWasDeletedAreNotLookedAt) {
  Disk(0.95);
  After(1s);
  book_.DropApp("api", now());
  Disk(0.9);
  Disk(0.9, 7, true);
  EXPECT_EQ(After(1s), Said{}) << "though somebody holds its pipes open";
  book_.PutApp("api", {10s, 40s});
  Disk(0.9, 7);
  EXPECT_EQ(After(1s), Said{"opened disk_warning api"}) << "another one of that name";
}

TEST_F(Book, LinesThatAreLostAreCriticalUntilAMinuteHasPassedWithoutAny) {
  Disk(0.1, 5);
  EXPECT_EQ(After(1s), Said{}) << "lost before we looked";
  State(FactId::kLogWriteFailed, {{"file", "f"}, {"error", "No space left on device"}}, -1);
  Disk(0.1, 6);
  EXPECT_EQ(After(1s), Said{"opened disk_critical api"});
  EXPECT_THAT(last_.summary, HasSubstr("No space left"));
  time_ += 58s;
  Disk(0.1, 6);
  EXPECT_EQ(After(), Said{});
  time_ += 2s;
  Disk(0.1, 6);
  EXPECT_EQ(After(), Said{"resolved disk_critical api"});
}

TEST_F(Book, AnAppWithoutALimitHasNoShareOfIt) {
  book_.PutDisks({{"api", 1 << 30, 0, 0, false}}, now());
  EXPECT_EQ(After(1s), Said{});
}

TEST_F(Book, AnExporterIsBehindAndCatchesUp) {
  ExporterLag loki{"loki", 301s, 300s, 4711, "connect: refused"};
  book_.PutExporters({loki}, now());
  EXPECT_EQ(After(1s), Said{"opened exporter_behind tend"});
  EXPECT_EQ(last_.subject, "loki");
  EXPECT_THAT(last_.summary, HasSubstr("refused"));
  loki.lag.reset();
  book_.PutExporters({loki}, now());
  EXPECT_EQ(After(1s), Said{}) << "it is being replaced";
  loki.lag = 200s;
  book_.PutExporters({loki}, now());
  EXPECT_EQ(After(1s), Said{});
  loki.lag = 0s;
  book_.PutExporters({loki}, now());
  EXPECT_EQ(After(), Said{"resolved exporter_behind tend"});
}

TEST_F(Book, AnExporterThatIsConfiguredAwayIsNotBehind) {
  book_.PutExporters({{"loki", 301s, 300s, 1, ""}}, now());
  After(1s);
  book_.PutExporters({}, now());
  EXPECT_EQ(After(), Said{"resolved exporter_behind tend"});
}

TEST_F(Book, IdsAreUniqueWithinOneMoment) {
  State(FactId::kRestartAsked, {{"reason", "memory_limit"}, {"why", ""}});
  State(FactId::kRestartAsked, {{"reason", "memory_limit"}, {"why", ""}});
  const auto told = book_.Take(now());
  ASSERT_EQ(told.size(), 2U);
  EXPECT_NE(told[0].id, told[1].id);
}

}  // namespace
}  // namespace tend::exporter
