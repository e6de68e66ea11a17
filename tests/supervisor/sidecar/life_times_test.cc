#include "supervisor/sidecar/life_times.h"

#include <chrono>

#include <gtest/gtest.h>

namespace tend::supervisor {
namespace {

using std::chrono::milliseconds;

Wall At(int ms) {
  return Wall(milliseconds(1'000'000'000'000 + ms));
}

Fact FactAt(FactId id, int ms, int slot = -1) {
  Fact fact;
  fact.id = id;
  fact.time = At(ms);
  fact.app = "api";
  fact.slot = slot;
  return fact;
}

std::uint64_t CountOf(const exporter::HistogramView& view) {
  return view.cumulative.back();
}

TEST(LifeTimes, AWorkerIsReadySoLongAfterItBegan) {
  LifeTimes times;
  times.Began({"api", 0, 7}, At(0), false);
  EXPECT_FALSE(times.ReadySeconds("api", 0, 7));
  times.State(FactAt(FactId::kWorkerOnline, 300, 0));
  EXPECT_EQ(times.ReadySeconds("api", 0, 7), 0.3);
  EXPECT_FALSE(times.ReadySeconds("api", 0, 8)) << "that is another process";
  const auto view = times.View("api").ready;
  EXPECT_EQ(CountOf(view), 1u);
  EXPECT_EQ(view.cumulative[3], 1u) << "at most 0.5 s";
  EXPECT_EQ(view.cumulative[2], 0u) << "not at most 0.25 s";
  EXPECT_EQ(view.sum, 0.3);
}

TEST(LifeTimes, AProcessIsReadyOnce) {
  LifeTimes times;
  times.Began({"api", 0, 7}, At(0), false);
  times.State(FactAt(FactId::kWorkerOnline, 300, 0));
  times.Began({"api", 0, 7}, At(0), false);
  times.State(FactAt(FactId::kWorkerOnline, 900, 0));
  EXPECT_EQ(CountOf(times.View("api").ready), 1u);
}

TEST(LifeTimes, WhoseBeginningNobodySawHasNone) {
  LifeTimes times;
  times.State(FactAt(FactId::kWorkerOnline, 300, 0));
  EXPECT_EQ(CountOf(times.View("api").ready), 0u);
  times.State(FactAt(FactId::kAppReloaded, 300));
  EXPECT_EQ(CountOf(times.View("api").reloaded), 0u);
}

TEST(LifeTimes, AReloadLastsFromTheFirstSuccessorToTheEnd) {
  LifeTimes times;
  times.Began({"api", 0, 7}, At(0), true);
  times.Began({"api", 1, 8}, At(1000), true);
  times.State(FactAt(FactId::kAppReloaded, 2000));
  EXPECT_EQ(times.View("api").reloaded.sum, 2);
  times.Began({"api", 0, 9}, At(5000), true);
  times.State(FactAt(FactId::kReloadFailed, 6500));
  EXPECT_EQ(times.View("api").reload_failed.sum, 1.5);
  EXPECT_EQ(CountOf(times.View("api").reloaded), 1u);
}

TEST(LifeTimes, ARestartLongBeforeIsNoPartOfAReload) {
  LifeTimes times;
  WorkerStatus worker;
  worker.state = WorkerState::kReloading;
  times.Changed("api", worker, At(0));
  times.Changed("api", worker, At(600'000));
  times.State(FactAt(FactId::kAppReloaded, 601'000));
  EXPECT_EQ(times.View("api").reloaded.sum, 1);
}

TEST(LifeTimes, ADeletedAppBeginsAnew) {
  LifeTimes times;
  times.Began({"api", 0, 7}, At(0), false);
  times.State(FactAt(FactId::kWorkerOnline, 300, 0));
  times.Forget("api");
  EXPECT_EQ(CountOf(times.View("api").ready), 0u);
  EXPECT_FALSE(times.ReadySeconds("api", 0, 7));
}

}  // namespace
}  // namespace tend::supervisor
