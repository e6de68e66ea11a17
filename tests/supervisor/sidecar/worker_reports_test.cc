#include "supervisor/sidecar/worker_reports.h"

#include <cstdint>
#include <span>
#include <vector>

#include <gtest/gtest.h>

#include "../../support/fake_loop.h"

namespace tend::supervisor {
namespace {

TEST(WorkerReports, KeepsSlotsApartAndForgets) {
  FakeLoop loop;
  std::vector<std::uint64_t> memory(CounterTable::Bytes() / 8 + 1);
  CounterTable table(std::as_writable_bytes(std::span(memory)));
  WorkerReports reports(loop, table);
  TelemetryReport report;
  report.lag_counts[0] = 1;
  report.heap_used_bytes = 5;
  reports.Report({"api", 0, 7}, report);
  reports.Custom({"api", 1, 8}, {{CustomValue::Kind::kLevel, "x", 2, 1, ""}}, 1);

  WorkerStatus worker;
  worker.slot = 0;
  worker.pid = 100;
  worker.incarnation = 7;
  loop.Advance(std::chrono::seconds(3));
  EXPECT_EQ(reports.RuntimeOf("api", worker)->heap_used_bytes, 5u);
  EXPECT_EQ(reports.RuntimeOf("api", worker)->heartbeat_age_seconds, 3);
  EXPECT_FALSE(reports.CustomOf("api", worker));
  worker.pid = 0;
  EXPECT_FALSE(reports.RuntimeOf("api", worker)->heap_used_bytes) << "it does not run";

  worker.slot = 1;
  worker.pid = 101;
  worker.incarnation = 8;
  EXPECT_EQ(reports.CustomOf("api", worker)->levels.at(0).value, 2);
  EXPECT_EQ(reports.CustomOf("api", worker)->refused, 1u);
  EXPECT_FALSE(reports.RuntimeOf("api", worker));
  reports.Forget("api", 1);
  EXPECT_FALSE(reports.CustomOf("api", worker));
  reports.Forget("api");
  worker.slot = 0;
  EXPECT_FALSE(reports.RuntimeOf("api", worker));
}

TEST(WorkerReports, GoOnWhereAnotherSidecarStopped) {
  FakeLoop loop;
  std::vector<std::uint64_t> memory(CounterTable::Bytes() / 8 + 1);
  CounterTable table(std::as_writable_bytes(std::span(memory)));
  FleetView view;
  config::AppConfig app;
  app.name = "api";
  view.PutApp(app, {});
  view.PutWorker("api", {});
  TelemetryReport report;
  report.lag_counts[0] = 3;
  report.lag_sum_seconds = 0.5;
  {
    WorkerReports reports(loop, table);
    reports.Report({"api", 0, 7}, report);
    reports.Report({"gone", 0, 8}, report);
    reports.Report({"api", 1, 9}, report);
    reports.Custom({"api", 0, 7},
                   {{CustomValue::Kind::kCount, "jobs", 2, 1, ""},
                    {CustomValue::Kind::kTiming, std::string(kCustomNameMax, 'n'), 0.5, 3, ""}},
                   0);
    reports.Store(view);
  }
  WorkerReports reports(loop, table);
  WorkerStatus worker;
  reports.Expect("api", 0);
  ASSERT_TRUE(reports.RuntimeOf("api", worker));
  EXPECT_EQ(reports.RuntimeOf("api", worker)->lag->cumulative.back(), 3u);
  reports.Report({"api", 0, 7}, report);
  EXPECT_EQ(reports.RuntimeOf("api", worker)->lag->cumulative.back(), 6u);
  EXPECT_EQ(reports.RuntimeOf("api", worker)->lag->sum_seconds, 1);
  ASSERT_TRUE(reports.CustomOf("api", worker));
  EXPECT_EQ(reports.CustomOf("api", worker)->counts.at(0).second, 2);
  EXPECT_EQ(reports.CustomOf("api", worker)->timings.at(0).sum, 1.5);
  EXPECT_EQ(reports.CustomOf("api", worker)->timings.at(0).count, 3);
  reports.Expect("gone", 0);
  EXPECT_FALSE(reports.RuntimeOf("gone", worker)) << "there is no such app";
  worker.slot = 1;
  reports.Expect("api", 1);
  EXPECT_FALSE(reports.RuntimeOf("api", worker)) << "it was dropped before it said that";
}

}  // namespace
}  // namespace tend::supervisor
