#include "supervisor/sidecar/fleet_view.h"

#include <gtest/gtest.h>

namespace tend::supervisor {
namespace {

config::AppConfig Config(const std::string& name) {
  config::AppConfig config;
  config.name = name;
  return config;
}

WorkerStatus Worker(int slot, int pid) {
  WorkerStatus worker;
  worker.slot = slot;
  worker.pid = pid;
  return worker;
}

TEST(FleetView, KeepsWorkersInTheOrderOfTheirSlots) {
  FleetView view;
  view.PutApp(Config("api"), {});
  for (const int slot : {2, 0, 1})
    EXPECT_TRUE(view.PutWorker("api", Worker(slot, 100 + slot)));
  EXPECT_TRUE(view.PutWorker("api", Worker(1, 777)));
  const auto& workers = view.Find("api")->status.workers;
  ASSERT_EQ(workers.size(), 3u);
  EXPECT_EQ(workers[0].pid, 100);
  EXPECT_EQ(workers[1].pid, 777);
  EXPECT_EQ(workers[2].pid, 102);
}

// The end of what core told the process before us may be the first that we hear.
TEST(FleetView, ASyncOfWhichTheBeginningWasMissedIsNone) {
  FleetView view;
  EXPECT_FALSE(view.is_syncing());
  view.BeginSync();
  EXPECT_TRUE(view.is_syncing());
  view.EndSync();
  EXPECT_FALSE(view.is_syncing());
  EXPECT_TRUE(view.synced());
}

TEST(FleetView, ForgetsAfterASyncWhatCoreDidNotNameAgain) {
  FleetView view;
  view.PutApp(Config("api"), {});
  view.PutApp(Config("web"), {});
  view.PutWorker("api", Worker(0, 1));
  view.PutWorker("api", Worker(1, 2));
  view.BeginSync();
  view.PutApp(Config("api"), {});
  view.PutWorker("api", Worker(0, 1));
  EXPECT_EQ(view.EndSync(), std::vector<std::string>{"web"});
  ASSERT_NE(view.Find("api"), nullptr);
  EXPECT_EQ(view.Find("api")->status.workers.size(), 1u);
  EXPECT_EQ(view.Find("web"), nullptr);
}

TEST(FleetView, KeepsTheWorkersOfAnAppWhoseConfigurationChanges) {
  FleetView view;
  view.PutApp(Config("api"), {});
  view.PutWorker("api", Worker(0, 1));
  view.PutApp(Config("api"), {});
  EXPECT_EQ(view.Find("api")->status.workers.size(), 1u);
}

TEST(FleetView, KnowsThatAWorkerHasEndedOnlyWhenCoreSaidSo) {
  FleetView view;
  EXPECT_FALSE(view.HasEnded("api", 0, 7)) << "the app may be about to come";
  view.PutApp(Config("api"), {});
  EXPECT_FALSE(view.HasEnded("api", 0, 7));
  WorkerStatus worker = Worker(0, 100);
  worker.incarnation = 6;
  view.PutWorker("api", worker);
  EXPECT_FALSE(view.HasEnded("api", 0, 7)) << "not heard of yet";
  worker.incarnation = 7;
  view.PutWorker("api", worker);
  EXPECT_FALSE(view.HasEnded("api", 0, 7)) << "it runs";
  worker.pid = 0;
  view.PutWorker("api", worker);
  EXPECT_TRUE(view.HasEnded("api", 0, 7));
  worker.incarnation = 8;
  worker.pid = 101;
  view.PutWorker("api", worker);
  EXPECT_TRUE(view.HasEnded("api", 0, 7)) << "another took its place";
}

TEST(FleetView, RefusesWorkersOfUnknownApps) {
  FleetView view;
  EXPECT_FALSE(view.PutWorker("api", Worker(0, 1)));
  view.DropWorker("api", 0);
  view.DropApp("api");
  EXPECT_EQ(view.Find("api"), nullptr);
}

}  // namespace
}  // namespace tend::supervisor
