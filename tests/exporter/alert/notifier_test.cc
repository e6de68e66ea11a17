#include "exporter/alert/notifier.h"

#include <condition_variable>
#include <mutex>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "exporter/alert/sample_incident.h"

namespace tend::exporter {
namespace {

using namespace std::chrono_literals;
using enum IncidentKind;
using testing::HasSubstr;
using Then = Delivery::Then;

constexpr auto kPatience = 20s;

// What all receivers of a test have been told; some of them may be held.
class Service {
 public:
  class FakeChannel final : public Channel {
   public:
    FakeChannel(Service& service, std::string name) : service_(service), name_(std::move(name)) {}
    Delivery Tell(const Incident& incident) override {
      return service_.Take(name_ + ' ' + std::string(Name(incident.kind)) + ' ' +
                               std::string(Name(incident.phase())),
                           name_);
    }
    Delivery Test() override { return service_.Take(name_ + " test", name_); }
    void Resume(std::vector<Incident> open) override {
      if (!open.empty()) service_.Note(name_ + " resumed " + std::to_string(open.size()));
    }
    void Abort() override { service_.Abort(); }

   private:
    Service& service_;
    const std::string name_;
  };

  Notifier::MakeChannelFn maker() {
    return [this](const config::ReceiverConfig& config, const std::string&) {
      return std::make_unique<FakeChannel>(*this, config.name);
    };
  }

  Delivery Take(const std::string& what, const std::string& name) {
    std::unique_lock lock(mutex_);
    if (name == held_) changed_.wait(lock, [&] { return aborted_ || held_ != name; });
    if (aborted_) return {Then::kRetry, {}, "aborted"};
    said_.push_back(what);
    changed_.notify_all();
    return answer_;
  }
  void Note(const std::string& what) {
    const std::lock_guard lock(mutex_);
    said_.push_back(what);
    changed_.notify_all();
  }
  void Abort() {
    const std::lock_guard lock(mutex_);
    aborted_ = true;
    changed_.notify_all();
  }
  void Hold(const std::string& name) {
    const std::lock_guard lock(mutex_);
    held_ = name;
    changed_.notify_all();
  }
  void Answer(Delivery answer) {
    const std::lock_guard lock(mutex_);
    answer_ = std::move(answer);
  }
  // All that was said, once there are so many.
  std::vector<std::string> Said(std::size_t count) {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, kPatience, [&] { return said_.size() >= count; });
    return said_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::string> said_;
  std::string held_;
  bool aborted_ = false;
  Delivery answer_{Then::kDone, {}, {}};
};

std::vector<config::ReceiverConfig> Named(std::initializer_list<const char*> names) {
  std::vector<config::ReceiverConfig> receivers;
  for (const char* name : names)
    receivers.emplace_back().name = name;
  return receivers;
}

using Texts = std::vector<std::string>;

TEST(Notifier, TellsEveryReceiverInOrder) {
  Service service;
  Notifier notifier(Named({"a"}), "vm", {}, service.maker());
  notifier.Start({}, {});
  notifier.Tell(SampleIncident(kErrored));
  notifier.Tell(SampleIncident(kReloadFailed));
  notifier.Tell(Resolved(SampleIncident(kErrored)));
  EXPECT_EQ(service.Said(3),
            (Texts{"a errored opened", "a reload_failed happened", "a errored resolved"}));
  notifier.Stop(kPatience);
  EXPECT_EQ(notifier.Stats()[0].sent, 3U);
}

TEST(Notifier, OneThatHangsHoldsUpNobodyElseAndIsEndedByStop) {
  Service service;
  service.Hold("slow");
  Notifier notifier(Named({"slow", "b"}), "vm", {}, service.maker());
  notifier.Start({}, {});
  notifier.Tell(SampleIncident());
  EXPECT_EQ(service.Said(1), Texts{"b errored opened"});
  notifier.Stop(0s);
  EXPECT_EQ(notifier.Save().at("slow").pending.size(), 1U) << "the next one sends it";
  EXPECT_EQ(notifier.Save().at("b").pending.size(), 0U);
}

TEST(Notifier, TheNextOneSendsWhatWasNotAcknowledged) {
  Service service;
  Notifier notifier(Named({"a"}), "vm", {}, service.maker());
  Notifier::States states;
  states["a"].pending = {Resolved(SampleIncident())};
  states["of before"].pending = {SampleIncident()};
  notifier.Start(states, {SampleIncident(kCrashLoop)});
  EXPECT_EQ(service.Said(2), (Texts{"a resumed 1", "a errored resolved"}));
}

TEST(Notifier, ANewReceiverIsToldWhatLasts) {
  Service service;
  Notifier notifier(Named({"a"}), "vm", {}, service.maker());
  notifier.Start({}, {SampleIncident(kCrashLoop)});
  EXPECT_EQ(service.Said(1), Texts{"a crash_loop opened"});
}

TEST(Notifier, ARefusalIsCountedAndSaid) {
  Service service;
  service.Answer({Then::kGiveUp, {}, "answered 404 Not Found"});
  std::mutex mutex;
  std::condition_variable changed;
  int changes = 0;
  Notifier notifier(
      Named({"a"}), "vm",
      [&] {
        const std::lock_guard lock(mutex);
        ++changes;
        changed.notify_all();
      },
      service.maker());
  notifier.Start({}, {});
  notifier.Tell(SampleIncident());
  {
    std::unique_lock lock(mutex);
    EXPECT_TRUE(changed.wait_for(lock, kPatience, [&] { return changes == 1; }));
  }
  const ReceiverStats stats = notifier.Stats()[0];
  EXPECT_EQ(stats.failed, 1U);
  EXPECT_EQ(stats.queued, 0U);
  EXPECT_EQ(stats.last_error, "answered 404 Not Found");
  EXPECT_NE(stats.last_error_time, Wall{});
}

TEST(Notifier, ATestSaysWhatBecameOfIt) {
  Service service;
  Notifier notifier(Named({"a"}), "vm", {}, service.maker());
  notifier.Start({}, {});
  auto test = notifier.Test("a");
  ASSERT_TRUE(test);
  ASSERT_EQ(test->wait_for(kPatience), std::future_status::ready);
  EXPECT_TRUE(test->get());
  service.Answer({Then::kRetry, {}, "answered 503"});
  test = notifier.Test("a");
  ASSERT_TRUE(test);
  ASSERT_EQ(test->wait_for(kPatience), std::future_status::ready);
  const Result<> result = test->get();
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().message(), "answered 503");
  const auto none = notifier.Test("b");
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().code(), Errc::kNotFound);
}

TEST(Notifier, ATestOfOneThatHangsIsAnsweredAtTheEnd) {
  Service service;
  service.Hold("a");
  std::future<Result<>> waiting;
  {
    Notifier notifier(Named({"a"}), "vm", {}, service.maker());
    notifier.Start({}, {});
    notifier.Tell(SampleIncident());
    auto test = notifier.Test("a");
    ASSERT_TRUE(test);
    waiting = *std::move(test);
  }
  ASSERT_EQ(waiting.wait_for(0s), std::future_status::ready);
  EXPECT_FALSE(waiting.get());
}

TEST(Notifier, ShowsNoSecretOfAUrl) {
  config::ReceiverConfig receiver;
  receiver.name = "a";
  receiver.peer.url = "https://user:pass@hooks.example:8443/x?token=abc";
  config::ReceiverConfig pager;
  pager.name = "p";
  pager.type = config::ReceiverType::kPagerDuty;
  config::ReceiverConfig slack;
  slack.name = "s";
  slack.type = config::ReceiverType::kSlack;
  slack.peer.url = "https://hooks.slack.example/services/T0/B0/secret";
  config::ReceiverConfig hidden = slack;
  hidden.name = "h";
  hidden.peer.url.clear();
  hidden.peer.url_file = "/run/secrets/hook";
  const Notifier notifier({receiver, pager, slack, hidden}, "vm");
  const auto stats = notifier.Stats();
  EXPECT_EQ(stats[0].target, "https://hooks.example:8443");
  EXPECT_THAT(stats[1].target, HasSubstr("events.pagerduty.com"));
  EXPECT_EQ(stats[1].type, "pagerduty");
  EXPECT_EQ(stats[2].target, "https://hooks.slack.example");
  EXPECT_EQ(stats[3].target, "URL in /run/secrets/hook");
}

}  // namespace
}  // namespace tend::exporter
