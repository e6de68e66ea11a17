#include "supervisor/sidecar/kept_counters.h"

#include <chrono>
#include <optional>
#include <vector>

#include <gtest/gtest.h>

namespace tend::supervisor {
namespace {

class KeptCountersTest : public testing::Test {
 protected:
  KeptCountersTest() { Restart(); }

  // What a new sidecar finds.
  void Restart() {
    kept_.reset();
    table_.emplace(std::as_writable_bytes(std::span(memory_)));
    kept_.emplace(*table_);
  }

  // One worker, as it is counted now; returns it as it is on the page.
  exporter::AppSnapshot Page(std::uint64_t starts, int started, std::uint64_t lines) {
    exporter::Snapshot snapshot;
    exporter::AppSnapshot& app = snapshot.apps.emplace_back();
    app.status.name = "api";
    WorkerStatus& status = app.status.workers.emplace_back();
    status.starts = starts;
    status.started = started == 0 ? Wall{} : Wall(std::chrono::seconds(started));
    status.restarts_by_reason[0] = starts;
    app.workers.emplace_back().out.lines = lines;
    app.workers.back().log_blocked_seconds = static_cast<double>(lines) / 4;
    app.logs.emplace().dropped_lines = {{"disk_full", lines * 2}};
    kept_->Continue(snapshot);
    return snapshot.apps.front();
  }

  std::vector<std::uint64_t> memory_ = std::vector<std::uint64_t>(CounterTable::Bytes() / 8 + 1);
  std::optional<CounterTable> table_;
  std::optional<KeptCounters> kept_;
};

TEST_F(KeptCountersTest, WithoutAPastIsWhatIsCountedNow) {
  const auto app = Page(3, 100, 10);
  EXPECT_EQ(app.status.workers[0].starts, 3u);
  EXPECT_EQ(app.workers[0].out.lines, 10u);
  EXPECT_EQ(app.workers[0].log_blocked_seconds, 2.5);
  EXPECT_EQ(app.logs->dropped_lines[0].second, 20u);
}

TEST_F(KeptCountersTest, WhatTheSidecarCountsGoesOnInTheNextOne) {
  Page(3, 100, 10);
  Restart();
  const auto app = Page(3, 100, 1);
  EXPECT_EQ(app.workers[0].out.lines, 11u);
  EXPECT_EQ(app.workers[0].log_blocked_seconds, 2.75);
  EXPECT_EQ(app.logs->dropped_lines[0].second, 22u);
  Restart();
  EXPECT_EQ(Page(3, 100, 0).workers[0].out.lines, 11u);
}

TEST_F(KeptCountersTest, WhatCoreCountsIsNotCountedTwice) {
  Page(3, 100, 0);
  Restart();
  EXPECT_EQ(Page(3, 100, 0).status.workers[0].starts, 3u);
  EXPECT_EQ(Page(4, 200, 0).status.workers[0].starts, 4u);
}

TEST_F(KeptCountersTest, WhenCoreBeginsAnewItsCountersGoOn) {
  Page(3, 100, 0);
  EXPECT_EQ(Page(0, 0, 0).status.workers[0].starts, 3u);
  const auto app = Page(1, 200, 0);
  EXPECT_EQ(app.status.workers[0].starts, 4u);
  EXPECT_EQ(app.status.workers[0].restarts_by_reason[0], 4u);
}

TEST_F(KeptCountersTest, AnotherProcessThatIsTheFirstAgainIsSeen) {
  Page(1, 100, 0);
  Restart();
  EXPECT_EQ(Page(1, 200, 0).status.workers[0].starts, 2u);
  EXPECT_EQ(Page(1, 200, 0).status.workers[0].starts, 2u);
}

TEST_F(KeptCountersTest, ADeletedAppBeginsAtZero) {
  Page(3, 100, 10);
  kept_->Forget("api");
  const auto app = Page(1, 200, 1);
  EXPECT_EQ(app.status.workers[0].starts, 1u);
  EXPECT_EQ(app.workers[0].out.lines, 1u);
  EXPECT_EQ(app.logs->dropped_lines[0].second, 2u);
}

TEST_F(KeptCountersTest, RequestsGoOnWhicheverSideBeginsAnew) {
  const auto told = [&](std::uint64_t since, std::uint64_t ok, std::uint64_t error) {
    kept_->PutRequests(since, {{"list", ok, error}, {"other", 0, 0}});
    const auto all = kept_->Requests();
    EXPECT_EQ(all.size(), 2u);
    EXPECT_EQ(all.at(0).method, "list");
    EXPECT_EQ(all.at(1).ok + all.at(1).error, 0u);
    return std::pair(all.at(0).ok, all.at(0).error);
  };
  EXPECT_TRUE(kept_->Requests().empty());
  EXPECT_EQ(told(100, 3, 1), std::pair(3ul, 1ul));
  EXPECT_EQ(told(100, 4, 1), std::pair(4ul, 1ul));
  Restart();
  EXPECT_EQ(told(100, 4, 2), std::pair(4ul, 2ul)) << "the same core";
  EXPECT_EQ(told(200, 5, 0), std::pair(9ul, 2ul)) << "another that has counted more already";
  Restart();
  EXPECT_EQ(told(300, 1, 1), std::pair(10ul, 3ul)) << "both are others";
}

TEST_F(KeptCountersTest, RemembersWhatProcessesUsed) {
  exporter::ProcessTotals totals;
  exporter::ProcessTotals::Kept kept;
  kept.newest = 7;
  kept.ended[0] = 1.5;
  kept.living[0] = 2;
  kept.seen = 1;
  totals.Resume(kept);
  kept_->StoreProcess("api", 0, totals);
  Restart();
  const auto found = kept_->Process("api", 0);
  EXPECT_EQ(found.newest, 7u);
  EXPECT_EQ(found.ended[0], 1.5);
  EXPECT_EQ(found.living[0], 2);
  EXPECT_EQ(found.seen, 1u);
  EXPECT_EQ(kept_->Process("web", 0).newest, 0u);
}

}  // namespace
}  // namespace tend::supervisor
