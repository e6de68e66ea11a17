#include "exporter/page.h"

#include <sys/resource.h>

#include <algorithm>
#include <set>
#include <sstream>

#include <gtest/gtest.h>

#include "exporter/golden.h"
#include "exporter/sample_snapshot.h"

namespace tend::exporter {
namespace {

std::string OpenMetrics(const Snapshot& snapshot) {
  return Render(snapshot, nullptr, Dialect::kOpenMetrics);
}

bool Has(const std::string& page, const std::string& line) {
  return page.find('\n' + line + '\n') != std::string::npos;
}

Snapshot OneWorker() {
  Snapshot snapshot;
  AppSnapshot& app = snapshot.apps.emplace_back();
  app.status.name = "api";
  app.status.workers.emplace_back();
  app.workers.emplace_back();
  return snapshot;
}

// What tend counted about itself: always the same.
void Count(SelfMetrics& self) {
  self.CountScrape(Dialect::kOpenMetrics);
  self.CountScrape(Dialect::kOpenMetrics);
  self.CountError("proc");
  self.ObserveCollect("proc", 0.0004);
  self.ObserveLoopLag(0.003);
}

TEST(Page, OfTheSampleSnapshotIsTheCommittedOne) {
  SelfMetrics self;
  Count(self);
  ExpectGolden("tests/golden/metrics.om", Render(SampleSnapshot(), &self, Dialect::kOpenMetrics));
  ExpectGolden("tests/golden/metrics.txt", Render(SampleSnapshot(), &self, Dialect::kClassic));
}

TEST(Page, HasEveryMetricOfTheTable) {
  SelfMetrics self;
  Count(self);
  const std::string page = Render(SampleSnapshot(), &self, Dialect::kOpenMetrics);
  for (const MetricRow& row : kMetrics) {
    EXPECT_NE(page.find("# TYPE " + std::string(row.name) + ' '), std::string::npos) << row.name;
  }
}

TEST(Page, UsesTheLabelsThatTheTableNames) {
  SelfMetrics self;
  Count(self);
  std::istringstream page(Render(SampleSnapshot(), &self, Dialect::kOpenMetrics));
  std::string line;
  std::string allowed;
  while (std::getline(page, line)) {
    if (line.starts_with("# TYPE ")) {
      const std::string name = line.substr(7, line.find(' ', 7) - 7);
      const auto row = std::find_if(kMetrics.begin(), kMetrics.end(),
                                    [&](const MetricRow& r) { return r.name == name; });
      ASSERT_NE(row, kMetrics.end()) << name;
      allowed = ',' + std::string(row->labels) + ",le,";
    }
    if (line.starts_with('#')) continue;
    for (std::size_t at = line.find("=\""); at != std::string::npos;
         at = line.find("=\"", at + 1)) {
      const std::size_t begin = line.find_last_of("{,", at) + 1;
      EXPECT_NE(allowed.find(',' + line.substr(begin, at - begin) + ','), std::string::npos)
          << line << "\nallowed: " << allowed;
    }
  }
}

TEST(Page, NoFamilyAndNoSeriesIsTwice) {
  SelfMetrics self;
  Count(self);
  std::istringstream page(Render(SampleSnapshot(), &self, Dialect::kClassic));
  std::set<std::string> seen;
  for (std::string line; std::getline(page, line);) {
    if (line.starts_with("# HELP")) continue;
    const std::string key = line.substr(0, line.rfind(' '));
    EXPECT_TRUE(seen.insert(key).second) << line;
  }
}

TEST(Page, IsTheSameInWhateverOrderTheAppsCome) {
  Snapshot snapshot = SampleSnapshot();
  const std::string before = OpenMetrics(snapshot);
  std::reverse(snapshot.apps.begin(), snapshot.apps.end());
  EXPECT_EQ(OpenMetrics(snapshot), before);
}

TEST(Page, OfAnEmptySnapshotIsValid) {
  const std::string page = OpenMetrics(Snapshot());
  EXPECT_TRUE(page.ends_with("# EOF\n"));
  EXPECT_EQ(page.find("tend_worker"), std::string::npos);
}

TEST(Page, RestartsByEveryReasonAreThereFromTheBeginning) {
  const std::string page = OpenMetrics(OneWorker());
  for (std::size_t i = 0; i < kRestartReasons; ++i) {
    const std::string reason(Name(static_cast<RestartReason>(i)));
    EXPECT_TRUE(Has(
        page, "tend_worker_restarts_total{app=\"api\",worker=\"0\",reason=\"" + reason + "\"} 0"))
        << reason;
  }
}

TEST(Page, WhatIsUnknownIsAbsentAndNeverZero) {
  const std::string page = OpenMetrics(OneWorker());
  for (const char* name :
       {"tend_worker_start_time", "tend_worker_last_exit_code", "tend_worker_cpu",
        "tend_worker_resident", "tend_worker_open_fds", "tend_worker_threads",
        "tend_worker_eventloop", "tend_worker_heartbeat", "tend_worker_heap", "tend_app_log",
        "tend_log_filesystem", "process_resident", "process_open_fds", "process_max_fds",
        "process_start_time", "tend_log_followers", "tend_role_starts"}) {
    EXPECT_EQ(page.find(name), std::string::npos) << name;
  }
}

TEST(Page, AnExitThatNobodySawHasNoCode) {
  Snapshot snapshot = OneWorker();
  ExitStatus& exit = snapshot.apps[0].status.workers[0].last_exit.emplace();
  exit.known = false;
  EXPECT_EQ(OpenMetrics(snapshot).find("last_exit_code"), std::string::npos);
  exit.known = true;
  EXPECT_EQ(OpenMetrics(snapshot).find("last_exit_code"), std::string::npos);
  exit.code = 0;
  EXPECT_TRUE(Has(OpenMetrics(snapshot), "tend_worker_last_exit_code{app=\"api\",worker=\"0\"} 0"));
  exit.code.reset();
  exit.signal = 9;
  EXPECT_TRUE(
      Has(OpenMetrics(snapshot), "tend_worker_last_exit_code{app=\"api\",worker=\"0\"} 137"));
}

TEST(Page, CpuOfAWorkerThatEndedIsKept) {
  Snapshot snapshot = OneWorker();
  snapshot.apps[0].workers[0].cpu_user_seconds = 2.5;
  EXPECT_TRUE(Has(OpenMetrics(snapshot),
                  "tend_worker_cpu_seconds_total{app=\"api\",worker=\"0\",mode=\"user\"} 2.5"));
}

TEST(Page, AWorkerWithoutNumbersStillHasAState) {
  Snapshot snapshot = OneWorker();
  snapshot.apps[0].workers.clear();
  EXPECT_TRUE(Has(OpenMetrics(snapshot), "tend_worker_up{app=\"api\",worker=\"0\"} 0"));
}

TEST(Page, UnlimitedDescriptorsAreNoNumber) {
  Snapshot snapshot;
  snapshot.self.max_fds = RLIM_INFINITY;
  EXPECT_EQ(OpenMetrics(snapshot).find("process_max_fds"), std::string::npos);
}

TEST(Page, CountsItsOwnSeries) {
  const std::string page = OpenMetrics(SampleSnapshot());
  std::istringstream lines(page);
  std::size_t series = 0;
  for (std::string line; std::getline(lines, line);)
    series += line.starts_with('#') ? 0 : 1;
  EXPECT_TRUE(Has(page, "tend_metrics_series " + std::to_string(series))) << series;
}

}  // namespace
}  // namespace tend::exporter
