#include "base/status.h"

#include <csignal>

#include <gtest/gtest.h>

namespace tend {
namespace {

WorkerStatus Worker(WorkerState state) {
  WorkerStatus worker;
  worker.state = state;
  return worker;
}

TEST(SignalNames, GoBothWays) {
  EXPECT_EQ(SignalName(SIGKILL), "SIGKILL");
  EXPECT_EQ(SignalNumber("SIGUSR1"), SIGUSR1);
  EXPECT_EQ(SignalNumber("USR1"), SIGUSR1);
  EXPECT_EQ(SignalNumber("15"), SIGTERM);
  EXPECT_EQ(SignalNumber("BANANA"), 0);
  EXPECT_EQ(SignalNumber("-9"), 0);
  EXPECT_EQ(SignalNumber("4711"), 0);
}

TEST(AppState, SaysWhatConcernsAPersonMost) {
  AppStatus app;
  EXPECT_EQ(StateOf(app), "stopped");
  app.workers = {Worker(WorkerState::kOnline), Worker(WorkerState::kOnline)};
  EXPECT_EQ(StateOf(app), "online");
  app.workers[1] = Worker(WorkerState::kErrored);
  EXPECT_EQ(StateOf(app), "degraded");
  app.workers[0] = Worker(WorkerState::kStarting);
  EXPECT_EQ(StateOf(app), "errored");
}

TEST(StatusJson, RoundTripsEveryNumber) {
  const Wall now = Wall(std::chrono::seconds(1'700'000'100));
  AppStatus app;
  app.name = "api";
  app.namespace_ = "front";
  app.instances = 3;
  app.script = "/srv/a b.js";
  WorkerStatus worker = Worker(WorkerState::kBackoff);
  worker.id = 7;
  worker.slot = 2;
  worker.pid = 4242;
  worker.incarnation = std::uint64_t{1} << 60;
  worker.starts = 5;
  worker.restarts_by_reason[static_cast<std::size_t>(RestartReason::kCrash)] = 4;
  worker.consecutive_failures = 3;
  worker.backoff_seconds = 1.5;
  worker.started = Wall(std::chrono::seconds(1'700'000'000));
  worker.last_exit = ExitStatus{std::nullopt, SIGKILL, true, Wall(std::chrono::seconds(5))};
  worker.rss_bytes = 45'000'000;
  worker.note = "line\nbreak \"quoted\"";
  app.workers.push_back(worker);

  const auto back = AppStatusFromJson(ToJson(app, now));
  ASSERT_TRUE(back);
  ASSERT_EQ(back->workers.size(), 1u);
  const WorkerStatus& got = back->workers[0];
  EXPECT_EQ(back->name, "api");
  EXPECT_EQ(back->namespace_, "front");
  EXPECT_EQ(got.incarnation, worker.incarnation);
  EXPECT_EQ(got.state, WorkerState::kBackoff);
  EXPECT_EQ(got.restarts(), 4u);
  EXPECT_EQ(got.started, worker.started);
  ASSERT_TRUE(got.last_exit);
  EXPECT_EQ(got.last_exit->signal, SIGKILL);
  EXPECT_FALSE(got.last_exit->code);
  EXPECT_EQ(got.rss_bytes, worker.rss_bytes);
  EXPECT_FALSE(got.cpu_ratio);
  EXPECT_EQ(got.note, worker.note);
}

TEST(StatusJson, HasTheShapeThatScriptsRelyOn) {
  AppStatus app;
  app.name = "api";
  app.workers.push_back(Worker(WorkerState::kOnline));
  const std::string json = ListJson({app}, Wall{});
  EXPECT_EQ(json.find("{\"schema\":\"tend.list/1\",\"apps\":[{\"name\":\"api\""), 0u);
  EXPECT_NE(json.find("\"restarts_by_reason\":{\"crash\":0,"), std::string::npos);
  EXPECT_NE(json.find("\"eventloop_lag_p99_seconds\":null"), std::string::npos);
}

TEST(StatusJson, RefusesWhatIsNoObject) {
  EXPECT_FALSE(AppStatusFromJson(""));
  EXPECT_FALSE(AppStatusFromJson("[]"));
  EXPECT_FALSE(WorkerStatusFromJson("{\"id\":"));
  // Members of a wrong type are as good as missing.
  EXPECT_TRUE(WorkerStatusFromJson("{\"id\":\"x\",\"state\":7,\"last_exit\":[]}"));
}

}  // namespace
}  // namespace tend
