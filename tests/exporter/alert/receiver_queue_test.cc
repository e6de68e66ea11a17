#include "exporter/alert/receiver_queue.h"

#include <gtest/gtest.h>

#include "exporter/alert/sample_incident.h"

namespace tend::exporter {
namespace {

using namespace std::chrono_literals;
using enum IncidentKind;
using Then = Delivery::Then;

class Queue : public testing::Test {
 protected:
  Queue() { Configure({}); }

  void Configure(config::ReceiverConfig config) {
    queue_.emplace(config, [] { return 1.0; });
  }
  Instant now() const { return {Mono{} + 1h + time_, Wall{} + 1000h + time_}; }
  void Add(const Incident& incident) { queue_->Add(incident, now().wall); }

  // Takes all that is due, "kind phase suppressed".
  std::vector<std::string> Due() {
    std::vector<std::string> due;
    while (const Incident* next = queue_->Next(now())) {
      due.push_back(std::string(Name(next->kind)) + ' ' + std::string(Name(next->phase())) + ' ' +
                    std::to_string(next->suppressed));
      queue_->Done({Then::kDone, {}, {}}, now());
    }
    return due;
  }
  Incident Sample(IncidentKind kind, const std::string& id) {
    Incident incident = SampleIncident(kind);
    incident.id = id;
    return incident;
  }

  using Texts = std::vector<std::string>;
  std::optional<ReceiverQueue> queue_;
  std::chrono::nanoseconds time_{0};
};

TEST_F(Queue, TellsTheBeginningAndTheEnd) {
  Add(SampleIncident());
  Add(Resolved(SampleIncident()));
  EXPECT_EQ(Due(), (Texts{"errored opened 0", "errored resolved 0"}));
}

TEST_F(Queue, TellsOnlyTheEventsAndAppsThatAreAskedFor) {
  config::ReceiverConfig config;
  config.events = {"errored", "daemon_restarted"};
  config.apps = {"web*", "a?i"};
  Configure(config);
  Add(SampleIncident(kErrored));
  Add(SampleIncident(kCrashLoop));
  Incident other = SampleIncident(kErrored);
  other.app = "apis";
  Add(other);
  Incident own = SampleIncident(kDaemonRestarted);
  own.app = "";
  Add(own);
  EXPECT_EQ(Due(), Texts{"errored opened 0"});
}

TEST_F(Queue, WhoWasToldOfALoopIsToldOfItsEndWhateverItHasBecome) {
  config::ReceiverConfig config;
  config.events = {"crash_loop"};
  Configure(config);
  Add(SampleIncident(kCrashLoop));
  Incident errored = SampleIncident(kErrored);
  errored.before = kCrashLoop;
  Add(errored);
  Add(Resolved(errored));
  EXPECT_EQ(Due(), (Texts{"crash_loop opened 0", "errored resolved 0"}));
}

TEST_F(Queue, SaysNothingOfTheEndIfThatIsNotWanted) {
  config::ReceiverConfig config;
  config.resolved = false;
  Configure(config);
  Add(SampleIncident());
  Add(Resolved(SampleIncident()));
  EXPECT_EQ(Due(), Texts{"errored opened 0"});
}

TEST_F(Queue, WhatFlapsIsToldOnceAndCounted) {
  Add(Sample(kErrored, "1"));
  Add(Resolved(Sample(kErrored, "1")));
  Due();
  for (const char* id : {"2", "3"}) {
    time_ += 10s;
    Add(Sample(kErrored, id));
    Add(Resolved(Sample(kErrored, id)));
  }
  EXPECT_EQ(Due(), Texts{});
  time_ += 5min;
  EXPECT_EQ(Due(), Texts{}) << "it is over";
  Add(Sample(kErrored, "4"));
  EXPECT_EQ(Due(), Texts{"errored opened 2"});
  EXPECT_EQ(queue_->suppressed(), 2U);
}

TEST_F(Queue, WhatLastsLongerThanTheCoolDownIsTold) {
  Add(Sample(kErrored, "1"));
  Add(Resolved(Sample(kErrored, "1")));
  Due();
  time_ += 10s;
  Add(Sample(kErrored, "2"));
  EXPECT_EQ(Due(), Texts{});
  EXPECT_EQ(queue_->pause(now()), 290s);
  time_ += 290s;
  EXPECT_EQ(Due(), Texts{"errored opened 0"});
  Add(Resolved(Sample(kErrored, "2")));
  EXPECT_EQ(Due(), Texts{"errored resolved 0"}) << "its beginning was told";
}

TEST_F(Queue, WhatIsHeldBackIsNotToldOnceItHasGrownWorse) {
  Add(Sample(kCrashLoop, "1"));
  Add(Resolved(Sample(kCrashLoop, "1")));
  Due();
  Add(Sample(kCrashLoop, "2"));
  Incident errored = Sample(kErrored, "2");
  errored.before = kCrashLoop;
  Add(errored);
  EXPECT_EQ(Due(), Texts{"errored opened 0"});
  time_ += 5min;
  EXPECT_EQ(Due(), Texts{});
  Add(Resolved(errored));
  EXPECT_EQ(Due(), Texts{"errored resolved 0"});
}

TEST_F(Queue, OfWhatHappensAgainAndAgainTheLastIsToldWithTheNumberOfOthers) {
  for (int i = 0; i < 10; ++i) {
    Add(SampleIncident(kMemoryRestart));
    time_ += 10s;
  }
  EXPECT_EQ(Due(), Texts{"memory_restart happened 0"});
  time_ += 200s;
  EXPECT_EQ(Due(), Texts{"memory_restart happened 8"});
}

TEST_F(Queue, DifferentThingsHaveCoolDownsOfTheirOwn) {
  Add(SampleIncident(kCrashLoop));
  Add(SampleIncident(kErrored));
  Incident other = SampleIncident(kErrored);
  other.slot = 2;
  Add(other);
  EXPECT_EQ(Due().size(), 3U);
}

TEST_F(Queue, AClockThatWasSetBackHoldsNothingUp) {
  Add(SampleIncident());
  Due();
  time_ -= 24h;
  Add(SampleIncident());
  EXPECT_EQ(Due(), Texts{"errored opened 0"});
}

TEST_F(Queue, TriesAgainInOrderWithAGrowingPause) {
  Add(Sample(kErrored, "1"));
  Add(Sample(kCrashLoop, "2"));
  for (const auto pause : {1s, 2s, 4s, 8s, 16s, 32s, 60s, 60s}) {
    ASSERT_NE(queue_->Next(now()), nullptr);
    EXPECT_EQ(queue_->Next(now())->id, "1");
    EXPECT_FALSE(queue_->Done({Then::kRetry, {}, "503"}, now()));
    EXPECT_EQ(queue_->pause(now()), pause);
    time_ += pause - 1ns;
    EXPECT_EQ(queue_->Next(now()), nullptr);
    time_ += 1ns;
  }
  EXPECT_EQ(Due(), (Texts{"errored opened 0", "crash_loop opened 0"}));
}

TEST_F(Queue, WaitsAsLongAsTheReceiverSaysWithinReason) {
  Add(SampleIncident());
  queue_->Next(now());
  queue_->Done({Then::kRetry, 90s, "429"}, now());
  EXPECT_EQ(queue_->pause(now()), 90s);
  time_ += 90s;
  queue_->Next(now());
  queue_->Done({Then::kRetry, 24h, "429"}, now());
  EXPECT_EQ(queue_->pause(now()), kRetryAfterMax);
}

TEST_F(Queue, GivesUpAfterAnHourAndAtARefusal) {
  Add(Sample(kErrored, "1"));
  Add(Sample(kCrashLoop, "2"));
  queue_->Next(now());
  EXPECT_FALSE(queue_->Done({Then::kRetry, {}, "refused"}, now()));
  time_ += kTryFor;
  queue_->Next(now());
  EXPECT_TRUE(queue_->Done({Then::kRetry, {}, "refused"}, now()));
  ASSERT_NE(queue_->Next(now()), nullptr) << "the next has an hour of its own, from now on";
  EXPECT_EQ(queue_->Next(now())->id, "2");
  EXPECT_TRUE(queue_->Done({Then::kGiveUp, {}, "400"}, now()));
  EXPECT_EQ(queue_->size(), 0U);
}

TEST_F(Queue, DropsAndCountsWhatDoesNotFit) {
  for (std::size_t i = 0; i < kQueueMax + 7; ++i) {
    Incident incident = SampleIncident();
    incident.slot = static_cast<int>(i);
    Add(incident);
  }
  EXPECT_EQ(queue_->size(), kQueueMax);
  EXPECT_EQ(queue_->dropped(), 7U);
}

TEST_F(Queue, KeepsItsWordOverARestart) {
  Add(Sample(kErrored, "1"));
  Add(Resolved(Sample(kErrored, "1")));
  Due();
  time_ += 10s;
  Add(Sample(kErrored, "2"));
  Add(Sample(kCrashLoop, "3"));
  const ReceiverState state = queue_->Save();
  Configure({});
  queue_->Load(state);
  EXPECT_EQ(Due(), Texts{"crash_loop opened 0"}) << "not acknowledged";
  time_ += 5min;
  EXPECT_EQ(Due(), Texts{"errored opened 0"}) << "held back";
}

}  // namespace
}  // namespace tend::exporter
