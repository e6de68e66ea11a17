#include "supervisor/sidecar/alerting.h"

#include <stdlib.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <condition_variable>
#include <filesystem>
#include <functional>
#include <mutex>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/fake_loop.h"
#include "support/faulty_files.h"

namespace tend::supervisor {
namespace {

using namespace std::chrono_literals;
using exporter::Channel;
using exporter::Delivery;
using exporter::Incident;
using testing::ElementsAre;
using testing::HasSubstr;

constexpr auto kAlertPatience = 20s;

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
    changed_.wait_for(lock, kAlertPatience, [&] { return told_.size() >= count; });
    return told_;
  }
  // Who tells does not come back, not even when it is aborted, until it is let go.
  void Hold() { Set(true); }
  void LetGo() { Set(false); }
  void WaitUntilFree() {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, kAlertPatience, [&] { return !held_; });
  }
  void NoteAbort() {
    const std::lock_guard lock(mutex_);
    aborted_ = true;
    changed_.notify_all();
  }
  void WaitForAbort() {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, kAlertPatience, [&] { return aborted_; });
  }

 private:
  void Set(bool held) {
    const std::lock_guard lock(mutex_);
    held_ = held;
    changed_.notify_all();
  }
  std::mutex mutex_;
  std::condition_variable changed_;
  bool held_ = false, aborted_ = false;
  std::vector<Incident> told_;
};

class FakeChannel final : public Channel {
 public:
  explicit FakeChannel(Service& service) : service_(service) {}
  Delivery Tell(const Incident& incident) override {
    service_.Take(incident);
    service_.WaitUntilFree();
    return {Delivery::Then::kDone, {}, {}};
  }
  Delivery Test() override { return {Delivery::Then::kGiveUp, {}, "answered 404"}; }
  void Abort() override { service_.NoteAbort(); }

 private:
  Service& service_;
};

// A disk that does not answer while it is held.
class SlowFiles final : public FaultyFiles {
 public:
  SlowFiles() : FaultyFiles(FilesLinux()) {}
  Result<> Sync(int fd) override {
    {
      std::unique_lock lock(mutex_);
      changed_.wait_for(lock, kAlertPatience, [&] { return !held_; });
    }
    return FaultyFiles::Sync(fd);
  }
  void Hold() { Set(true); }
  void LetGo() { Set(false); }

 private:
  void Set(bool held) {
    const std::lock_guard lock(mutex_);
    held_ = held;
    changed_.notify_all();
  }
  std::mutex mutex_;
  std::condition_variable changed_;
  bool held_ = false;
};

class AlertingTest : public testing::Test {
 protected:
  AlertingTest() {
    // Not on a disk if it can be helped: what a slow one has not taken within 2 s is not saved.
    const bool has_shm = ::access("/dev/shm", W_OK | X_OK) == 0;
    std::string pattern =
        (has_shm ? "/dev/shm/" : testing::TempDir()) + std::string("alerting.XXXXXX");
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
    alerting_ = std::make_unique<Alerting>(loop_, files_, std::move(options));
    alerting_->Configure({Receiver("hook")});
    config::AppConfig app;
    app.name = "api";
    alerting_->PutApp(app, {});
  }

  static config::ReceiverConfig Receiver(const std::string& name) {
    config::ReceiverConfig receiver;
    receiver.name = name;
    return receiver;
  }
  // What other threads post comes in its time.
  bool RunUntil(const std::function<bool()>& is_so) {
    const auto deadline = std::chrono::steady_clock::now() + kAlertPatience;
    while (!is_so() && std::chrono::steady_clock::now() < deadline) {
      loop_.Advance(1ms);
      std::this_thread::yield();
    }
    return is_so();
  }
  std::string Kept() const {
    const auto text = ReadFile(FilesLinux(), folder_ + "/alerts.json", 1 << 20);
    return text ? *text : std::string();
  }

  void Put(WorkerState state, std::uint32_t failures, std::uint64_t incarnation) {
    WorkerStatus worker;
    worker.state = state;
    worker.consecutive_failures = failures;
    worker.incarnation = incarnation;
    alerting_->PutWorker("api", worker);
  }

  // With the log of api being open, or about to be.
  void Measured(const rotate::LogStoreStats& stats) { alerting_->Measured(stats, {"api"}, {}); }

  std::uint64_t Told() const {
    const exporter::ReceiverStats stats = alerting_->Stats().front();
    return stats.sent + stats.queued;
  }

  FakeLoop loop_;
  SlowFiles files_;
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
  alerting_->Finish(kAlertPatience);
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
  const std::vector both = {Receiver("hook"), Receiver("pager")};
  alerting_->Configure(both);
  EXPECT_TRUE(RunUntil([&] { return alerting_->Stats().size() == 2; }));
  EXPECT_EQ(service_.Told(2).size(), 2U) << "the new one";
  alerting_->Configure(both);
  alerting_->DropApp("api");
  alerting_->Finish(kAlertPatience);
  EXPECT_EQ(service_.Told(4).size(), 4U) << "the end, to both";
}

TEST_F(AlertingTest, AnotherConfigurationDoesNotWaitForAReceiver) {
  service_.Hold();
  Put(WorkerState::kErrored, 16, 7);
  loop_.Advance(1s);
  ASSERT_EQ(service_.Told(1).size(), 1U);
  alerting_->Configure({Receiver("hook"), Receiver("pager")});
  // Of three configurations in a row the last one holds.
  alerting_->Configure({Receiver("hook"), Receiver("mail")});
  alerting_->DropApp("api");
  loop_.Advance(1s);
  ASSERT_EQ(alerting_->Stats().size(), 1U);
  EXPECT_EQ(alerting_->Stats()[0].queued, 2U) << "that it began, and that it is over";
  service_.LetGo();
  EXPECT_TRUE(RunUntil([&] { return alerting_->Stats().size() == 2; }));
  EXPECT_EQ(alerting_->Stats()[1].name, "mail");
  const auto told = service_.Told(2);
  ASSERT_EQ(told.size(), 2U);
  EXPECT_EQ(told[1].phase(), exporter::Phase::kResolved);
}

TEST_F(AlertingTest, AnEndDoesNotForgetReceiversThatAreBeingReplaced) {
  service_.Hold();
  Put(WorkerState::kErrored, 16, 7);
  loop_.Advance(1s);
  ASSERT_EQ(service_.Told(1).size(), 1U);
  alerting_->Configure({Receiver("hook"), Receiver("pager")});
  service_.WaitForAbort();
  alerting_->DropApp("api");
  service_.LetGo();
  alerting_->Finish(0s);
  loop_.RunPosted();
  EXPECT_EQ(alerting_->Stats().size(), 1U);
  EXPECT_THAT(Kept(), HasSubstr("api was deleted"));
}

TEST_F(AlertingTest, ADiskThatDoesNotAnswerHoldsUpNothing) {
  files_.Hold();
  for (int round = 0; round < 20; ++round) {
    Put(round % 2 == 0 ? WorkerState::kErrored : WorkerState::kStopped, 16, 7);
    loop_.Advance(1s);
  }
  EXPECT_EQ(Kept(), "");
  EXPECT_EQ(service_.Told(2).size(), 2U) << "the others are too many in a short time";
  files_.LetGo();
  EXPECT_TRUE(RunUntil([&] { return Kept().find("errored") != std::string::npos; }))
      << "what came in the meantime is saved, too";
}

TEST_F(AlertingTest, WhatCouldNotBeSavedIsSavedWithTheNext) {
  files_.FailAll({"Sync"}, EIO);
  Put(WorkerState::kErrored, 16, 7);
  loop_.Advance(1s);
  const auto tried = [&] {
    const auto calls = files_.calls();
    return std::count_if(calls.begin(), calls.end(),
                         [](const std::string& call) { return call.starts_with("Sync"); }) > 0;
  };
  EXPECT_TRUE(RunUntil(tried));
  EXPECT_EQ(Kept(), "");
  files_.Heal();
  Put(WorkerState::kStopped, 0, 7);
  EXPECT_TRUE(RunUntil([&] { return !Kept().empty(); }));
}

TEST_F(AlertingTest, LogsThatAreLostAreCritical) {
  rotate::LogStoreStats stats;
  stats.apps["api"].limit_bytes = 1000;
  Measured(stats);
  stats.apps["api"].Dropped(rotate::DropReason::kDiskFull) = 1;
  Measured(stats);
  loop_.Advance(1s);
  const auto told = service_.Told(1);
  ASSERT_EQ(told.size(), 1U);
  EXPECT_EQ(told[0].kind, exporter::IncidentKind::kDiskCritical);
}

TEST_F(AlertingTest, AllLogsTogetherHaveALimit) {
  rotate::LogStoreStats stats;
  stats.limit_bytes = 1000;
  stats.apps["web"].compressed.bytes = 830;
  Measured(stats);
  alerting_->Synced();
  Measured(stats);
  loop_.Advance(1s);
  EXPECT_EQ(Told(), 0U) << "the log of one is not open yet";
  stats.apps["api"].active.bytes = 1;
  Measured(stats);
  loop_.Advance(1s);
  const auto told = service_.Told(1);
  ASSERT_EQ(told.size(), 1U);
  EXPECT_EQ(told[0].kind, exporter::IncidentKind::kDiskWarning);
  EXPECT_EQ(told[0].app, "");
}

TEST_F(AlertingTest, ALogThatCannotBeOpenedDoesNotHideWhatAllOthersTake) {
  config::AppConfig other;
  other.name = "api 2";
  alerting_->PutApp(other, {});
  alerting_->Synced();
  rotate::LogStoreStats stats;
  stats.limit_bytes = 1000;
  stats.apps["api"].active.bytes = 830;
  Measured(stats);
  loop_.Advance(1s);
  ASSERT_EQ(service_.Told(1).size(), 1U);
  stats.apps["api"].active.bytes = 600;
  Measured(stats);
  const auto told = service_.Told(2);
  ASSERT_EQ(told.size(), 2U);
  EXPECT_EQ(told[1].phase(), exporter::Phase::kResolved);
}

TEST_F(AlertingTest, LogsThatAreHeldAtALimitAreOver) {
  rotate::LogStoreStats stats;
  stats.limit_bytes = 1900;
  for (const char* app : {"api", "web"}) {
    stats.apps[app].limit_bytes = 1000;
    stats.apps[app].active.bytes = 800;
  }
  config::AppConfig web;
  web.name = "web";
  alerting_->PutApp(web, {});
  alerting_->Synced();
  Measured(stats);
  loop_.Advance(1s);
  ASSERT_EQ(service_.Told(3).size(), 3U) << "of each, and of all";
  const auto bytes = static_cast<std::size_t>(rotate::ExpireReason::kBytes);
  ++stats.apps["api"].expired_files[bytes];
  Measured(stats);
  auto told = service_.Told(4);
  ASSERT_EQ(told.size(), 4U);
  EXPECT_EQ(told[3].app, "api");
  EXPECT_THAT(told[3].summary, HasSubstr("retention holds the logs of api"));
  ++stats.expired_at_limit;
  Measured(stats);
  told = service_.Told(5);
  ASSERT_EQ(told.size(), 5U);
  EXPECT_EQ(told[4].app, "");
  EXPECT_THAT(told[4].summary, HasSubstr("retention holds the logs of all apps"));
  const std::string held =
      R"("held":[{"app":"","limit_bytes":1900},{"app":"api","limit_bytes":1000}])";
  EXPECT_TRUE(RunUntil([&] { return Kept().find(held) != std::string::npos; }));
  alerting_->Finish(kAlertPatience);
  Begin();
  alerting_->PutApp(web, {});
  alerting_->Synced();
  Measured(stats);
  loop_.Advance(5s);
  EXPECT_EQ(Told(), 0U) << "by the next sidecar";
}

TEST_F(AlertingTest, WhatGoesForTheLimitOfAllAppsDoesNotHoldThoseOfOne) {
  rotate::LogStoreStats stats;
  stats.apps["api"].limit_bytes = 1000;
  stats.apps["api"].active.bytes = 820;
  Measured(stats);
  loop_.Advance(1s);
  ASSERT_EQ(service_.Told(1).size(), 1U);
  const auto bytes = static_cast<std::size_t>(rotate::ExpireReason::kBytes);
  ++stats.apps["api"].expired_files[bytes];
  ++stats.apps["api"].expired_at_total;
  Measured(stats);
  loop_.Advance(1s);
  EXPECT_EQ(Told(), 1U) << "it is no nearer to room";
  stats.apps["api"].active.bytes = 960;
  Measured(stats);
  loop_.Advance(1s);
  const auto told = service_.Told(2);
  ASSERT_EQ(told.size(), 2U);
  EXPECT_EQ(told[1].kind, exporter::IncidentKind::kDiskCritical);
}

TEST_F(AlertingTest, WhatIsHeldOutlivesASidecarThatIsKilled) {
  EXPECT_TRUE(RunUntil([&] { return !Kept().empty(); }));
  rotate::LogStoreStats stats;
  stats.apps["api"].limit_bytes = 1000;
  stats.apps["api"].active.bytes = 960;
  Measured(stats);
  EXPECT_TRUE(RunUntil([&] { return Kept().find("\"held\":[]") == std::string::npos; }))
      << "though nothing was told";
  Begin();
  stats.apps["api"].active.bytes = 900;
  Measured(stats);
  loop_.Advance(1s);
  EXPECT_EQ(Told(), 0U);
}

TEST_F(AlertingTest, ALimitOfAllThatThoseOfTheAppsKeepIsNeverToldOf) {
  rotate::LogStoreStats stats;
  stats.limit_bytes = 1000;
  stats.apps["api"].limit_bytes = stats.apps["api"].active.bytes = 1000;
  alerting_->Synced();
  Measured(stats);
  loop_.Advance(1s);
  EXPECT_EQ(Told(), 0U);
}

TEST_F(AlertingTest, ADamagedStateIsNoReasonNotToStart) {
  alerting_->Finish(kAlertPatience);
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
  const auto deadline = std::chrono::steady_clock::now() + kAlertPatience;
  while (!answer->stream->done() && std::chrono::steady_clock::now() < deadline)
    body += answer->stream->Next();
  EXPECT_THAT(body, HasSubstr("\"delivered\":false"));
  EXPECT_THAT(body, HasSubstr("answered 404"));
}

}  // namespace
}  // namespace tend::supervisor
