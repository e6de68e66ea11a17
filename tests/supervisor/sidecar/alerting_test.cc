#include "supervisor/sidecar/alerting.h"

#include <stdlib.h>
#include <unistd.h>

#include <condition_variable>
#include <filesystem>
#include <mutex>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/fake_loop.h"

namespace tend::supervisor {
namespace {

using namespace std::chrono_literals;
using exporter::Channel;
using exporter::Delivery;
using exporter::Incident;
using testing::ElementsAre;
using testing::HasSubstr;

constexpr auto kPatience = 20s;

// Takes what it is told.
class Service {
 public:
  void Take(const Incident& incident) {
    const std::lock_guard lock(mutex_);
    told_.push_back(incident);
    changed_.notify_all();
  }
  std::vector<Incident> Told(std::size_t count) {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, kPatience, [&] { return told_.size() >= count; });
    return told_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<Incident> told_;
};

class FakeChannel final : public Channel {
 public:
  explicit FakeChannel(Service& service) : service_(service) {}
  Delivery Tell(const Incident& incident) override {
    service_.Take(incident);
    return {Delivery::Then::kDone, {}, {}};
  }
  Delivery Test() override { return {Delivery::Then::kGiveUp, {}, "answered 404"}; }
  void Abort() override {}

 private:
  Service& service_;
};

class AlertingTest : public testing::Test {
 protected:
  AlertingTest() {
    std::string pattern = testing::TempDir() + "alerting.XXXXXX";
    folder_ = ::mkdtemp(pattern.data());
    Begin();
  }
  ~AlertingTest() override {
    alerting_.reset();
    std::filesystem::remove_all(folder_);
  }

  // As a new sidecar does.
  void Begin() {
    alerting_.reset();
    Alerting::Options options;
    options.state_file = folder_ + "/alerts.json";
    options.host = "vm";
    options.last_stderr = [](const std::string& app, int slot, std::uint64_t incarnation) {
      if (incarnation != 7) return std::vector<std::string>();
      return std::vector<std::string>{app + ':' + std::to_string(slot) + " said"};
    };
    options.make_channel = [this](const config::ReceiverConfig&, const std::string&) {
      return std::make_unique<FakeChannel>(service_);
    };
    alerting_ = std::make_unique<Alerting>(loop_, std::move(options));
    config::ReceiverConfig receiver;
    receiver.name = "hook";
    alerting_->Configure({receiver});
    config::AppConfig app;
    app.name = "api";
    alerting_->PutApp(app, {});
  }

  void Put(WorkerState state, std::uint32_t failures, std::uint64_t incarnation) {
    WorkerStatus worker;
    worker.state = state;
    worker.consecutive_failures = failures;
    worker.incarnation = incarnation;
    alerting_->PutWorker("api", worker);
  }

  FakeLoop loop_;
  Service service_;
  std::string folder_;
  std::unique_ptr<Alerting> alerting_;
};

TEST_F(AlertingTest, GivesTheLastWordsOfTheLifeThatEnded) {
  Put(WorkerState::kStarting, 3, 7);
  Put(WorkerState::kStarting, 4, 8);
  loop_.Advance(1s);
  const auto told = service_.Told(1);
  ASSERT_EQ(told.size(), 1U);
  EXPECT_EQ(told[0].kind, exporter::IncidentKind::kCrashLoop);
  EXPECT_THAT(told[0].last_stderr, ElementsAre("api:0 said"));
}

TEST_F(AlertingTest, ANewSidecarTellsOnlyTheEnd) {
  Put(WorkerState::kErrored, 16, 7);
  loop_.Advance(1s);
  ASSERT_EQ(service_.Told(1).size(), 1U);
  alerting_->Finish(kPatience);
  Begin();
  Put(WorkerState::kErrored, 16, 7);
  alerting_->Synced();
  loop_.Advance(5s);
  Put(WorkerState::kStopped, 0, 7);
  const auto told = service_.Told(2);
  ASSERT_EQ(told.size(), 2U);
  EXPECT_EQ(told[1].phase(), exporter::Phase::kResolved);
  EXPECT_EQ(told[1].id, told[0].id);
}

TEST_F(AlertingTest, AnotherConfigurationKeepsWhatWasToldAndTellsNewReceivers) {
  Put(WorkerState::kErrored, 16, 7);
  loop_.Advance(1s);
  ASSERT_EQ(service_.Told(1).size(), 1U);
  config::ReceiverConfig hook;
  hook.name = "hook";
  config::ReceiverConfig pager;
  pager.name = "pager";
  alerting_->Configure({hook, pager});
  EXPECT_EQ(service_.Told(2).size(), 2U) << "the new one";
  alerting_->Configure({hook, pager});
  alerting_->DropApp("api");
  alerting_->Finish(kPatience);
  EXPECT_EQ(service_.Told(4).size(), 4U) << "the end, to both";
}

TEST_F(AlertingTest, LogsThatAreLostAreCritical) {
  rotate::LogStoreStats stats;
  stats.apps["api"].limit_bytes = 1000;
  alerting_->Measured(stats, {});
  stats.apps["api"].Dropped(rotate::DropReason::kDiskFull) = 1;
  alerting_->Measured(stats, {});
  loop_.Advance(1s);
  const auto told = service_.Told(1);
  ASSERT_EQ(told.size(), 1U);
  EXPECT_EQ(told[0].kind, exporter::IncidentKind::kDiskCritical);
}

TEST_F(AlertingTest, AllLogsTogetherHaveALimit) {
  rotate::LogStoreStats stats;
  stats.limit_bytes = 1000;
  stats.apps["api"].active.bytes = 500;
  stats.apps["web"].compressed.bytes = 330;
  alerting_->Measured(stats, {});
  loop_.Advance(1s);
  const auto told = service_.Told(1);
  ASSERT_EQ(told.size(), 1U);
  EXPECT_EQ(told[0].kind, exporter::IncidentKind::kDiskWarning);
  EXPECT_EQ(told[0].app, "");
}

TEST_F(AlertingTest, ADamagedStateIsNoReasonNotToStart) {
  alerting_->Finish(kPatience);
  ASSERT_EQ(::truncate((folder_ + "/alerts.json").c_str(), 10), 0);
  Begin();
  Put(WorkerState::kErrored, 16, 7);
  loop_.Advance(1s);
  EXPECT_EQ(service_.Told(1).size(), 1U);
}

TEST_F(AlertingTest, AnswersWhoIsTold) {
  exporter::HttpRequest request;
  request.path = "/api/v1/apps";
  EXPECT_FALSE(alerting_->Handle(request).has_value());
  request.path = "/api/v1/notify";
  const auto list = alerting_->Handle(request);
  ASSERT_TRUE(list.has_value());
  EXPECT_EQ(list->status, 200U);
  EXPECT_THAT(list->body, HasSubstr("\"schema\":\"tend.notify/1\""));
  EXPECT_THAT(list->body, HasSubstr("\"name\":\"hook\""));
  request.is_read = false;
  EXPECT_EQ(alerting_->Handle(request)->status, 400U);
  request.query.emplace("name", "pager");
  EXPECT_EQ(alerting_->Handle(request)->status, 404U);
}

TEST_F(AlertingTest, AnswersWhatBecameOfATest) {
  exporter::HttpRequest request;
  request.path = "/api/v1/notify";
  request.is_read = false;
  request.query.emplace("name", "hook");
  const auto answer = alerting_->Handle(request);
  ASSERT_TRUE(answer.has_value());
  ASSERT_NE(answer->stream, nullptr);
  std::string body;
  const auto deadline = std::chrono::steady_clock::now() + kPatience;
  while (!answer->stream->done() && std::chrono::steady_clock::now() < deadline)
    body += answer->stream->Next();
  EXPECT_THAT(body, HasSubstr("\"delivered\":false"));
  EXPECT_THAT(body, HasSubstr("answered 404"));
}

}  // namespace
}  // namespace tend::supervisor
