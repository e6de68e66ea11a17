#include "exporter/page.h"

#include <sys/resource.h>
#include <zlib.h>

#include <algorithm>
#include <set>
#include <sstream>

#include <gtest/gtest.h>

#include "exporter/golden.h"
#include "exporter/sample_snapshot.h"

namespace tend::exporter {
namespace {

config::MetricsConfig Full() {
  config::MetricsConfig config;
  config.level = config::MetricsLevel::kFull;
  return config;
}

std::string OpenMetrics(const Snapshot& snapshot) {
  return Render(snapshot, nullptr, Dialect::kOpenMetrics, Full());
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
  self.CountRender(0);
}

TEST(Page, OfTheSampleSnapshotIsTheCommittedOne) {
  SelfMetrics self;
  Count(self);
  ExpectGolden("tests/golden/metrics.om",
               Render(SampleSnapshot(), &self, Dialect::kOpenMetrics, Full()));
  ExpectGolden("tests/golden/metrics.txt",
               Render(SampleSnapshot(), &self, Dialect::kClassic, Full()));
}

TEST(Page, HasEveryMetricOfTheTable) {
  SelfMetrics self;
  Count(self);
  const std::string page = Render(SampleSnapshot(), &self, Dialect::kOpenMetrics, Full());
  for (const MetricRow& row : kMetrics) {
    EXPECT_NE(page.find("# TYPE " + std::string(row.name) + ' '), std::string::npos) << row.name;
  }
}

TEST(Page, UsesTheLabelsThatTheTableNames) {
  SelfMetrics self;
  Count(self);
  std::istringstream page(Render(SampleSnapshot(), &self, Dialect::kOpenMetrics, Full()));
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
  std::istringstream page(Render(SampleSnapshot(), &self, Dialect::kClassic, Full()));
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
  snapshot.apps[0].workers[0].process.cpu_user_seconds = 2.5;
  snapshot.apps[0].workers[0].process.cpu_system_seconds = 0;
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

TEST(Page, HasOnlyWhatTheLevelAsksFor) {
  config::MetricsConfig config;
  for (const auto level : {config::MetricsLevel::kBasic, config::MetricsLevel::kStandard}) {
    config.level = level;
    SelfMetrics self;
    Count(self);
    const std::string page = Render(SampleSnapshot(), &self, Dialect::kOpenMetrics, config);
    for (const MetricRow& row : kMetrics) {
      const bool is_there = page.find("# TYPE " + std::string(row.name) + ' ') != std::string::npos;
      EXPECT_EQ(is_there, row.level <= level) << row.name;
    }
  }
}

TEST(Page, HasNamesOfOthersOnlyIfAskedFor) {
  config::MetricsConfig config;
  for (const bool asked : {false, true}) {
    config.compat_pm2 = config.compat_prom_client = asked;
    const std::string page = Render(SampleSnapshot(), nullptr, Dialect::kOpenMetrics, config);
    for (const CompatRow& compat : kCompatMetrics) {
      const std::string type = "# TYPE " + std::string(compat.row.name) + ' ';
      EXPECT_EQ(page.find(type) != std::string::npos, asked) << type;
      EXPECT_EQ(page.find(type), page.rfind(type)) << type;
    }
    EXPECT_EQ(Has(page, "process_open_fds{app=\"api\",worker=\"0\"} 23"), asked);
    EXPECT_TRUE(Has(page, "process_open_fds 31"));
  }
  config.compat_prom_client = false;
  EXPECT_TRUE(Has(Render(SampleSnapshot(), nullptr, Dialect::kClassic, config),
                  "pm2_uptime{id=\"0\",name=\"api\",instance=\"0\",version=\"1.4.2\","
                  "interpreter=\"\",node_version=\"v20.20.2\"} 32.75"));
}

TEST(Page, WithNamesOfOthersIsTheCommittedOne) {
  config::MetricsConfig config = Full();
  config.compat_pm2 = config.compat_prom_client = true;
  ExpectGolden("tests/golden/metrics_compat.om",
               Render(SampleSnapshot(), nullptr, Dialect::kOpenMetrics, config));
  ExpectGolden("tests/golden/metrics_compat.txt",
               Render(SampleSnapshot(), nullptr, Dialect::kClassic, config));
}

// Of each of 30 workers, `basic` series are left in any case.
Snapshot ManyWorkers() {
  Snapshot snapshot;
  AppSnapshot& app = snapshot.apps.emplace_back();
  app.status.name = "api";
  for (int slot = 0; slot < 30; ++slot) {
    auto [status, numbers] = BusyWorker(slot);
    app.status.workers.push_back(std::move(status));
    app.workers.push_back(std::move(numbers));
  }
  return snapshot;
}

TEST(Page, WithTooManySeriesTheLastWorkersFallBackToBasic) {
  const Snapshot snapshot = ManyWorkers();
  PageRequest request;
  PageStats all;
  request.config.max_series = 0;
  RenderChunks(snapshot, nullptr, request, &all);
  EXPECT_EQ(all.workers_limited, 0u);
  request.config.max_series = static_cast<std::uint32_t>(all.series - 100);
  PageStats some;
  std::string page;
  for (const std::string& chunk : RenderChunks(snapshot, nullptr, request, &some))
    page += chunk;
  EXPECT_LE(some.series, request.config.max_series);
  EXPECT_EQ(some.series + some.series_left_out, all.series);
  EXPECT_EQ(some.workers_limited, 2u);
  EXPECT_TRUE(Has(page, "tend_worker_threads{app=\"api\",worker=\"27\"} 11"));
  EXPECT_FALSE(Has(page, "tend_worker_threads{app=\"api\",worker=\"28\"} 11"));
  EXPECT_TRUE(Has(page, "tend_worker_open_fds{app=\"api\",worker=\"29\"} 23"));
  EXPECT_TRUE(Has(page, "tend_metrics_series " + std::to_string(some.series)));
}

std::string Gunzip(std::string packed) {
  z_stream stream{};
  if (inflateInit2(&stream, 15 + 16) != Z_OK) return {};
  std::string text(std::size_t{16} << 20, '\0');
  stream.next_in = reinterpret_cast<Bytef*>(packed.data());
  stream.avail_in = static_cast<uInt>(packed.size());
  stream.next_out = reinterpret_cast<Bytef*>(text.data());
  stream.avail_out = static_cast<uInt>(text.size());
  const int result = inflate(&stream, Z_FINISH);
  text.resize(result == Z_STREAM_END ? stream.total_out : 0);
  inflateEnd(&stream);
  return text;
}

TEST(Page, InPiecesOrPackedIsTheSame) {
  Snapshot snapshot = ManyWorkers();
  for (int i = 0; i < 4; ++i) {
    snapshot.apps.push_back(snapshot.apps.front());
    snapshot.apps.back().status.name += std::to_string(i);
  }
  PageRequest request;
  const Chunks chunks = RenderChunks(snapshot, nullptr, request);
  EXPECT_GT(chunks.size(), 5u);
  const std::string page = Render(snapshot, nullptr, Dialect::kClassic);
  EXPECT_EQ(SizeOf(chunks), page.size());
  request.gzip = true;
  std::string packed;
  for (const std::string& chunk : RenderChunks(snapshot, nullptr, request))
    packed += chunk;
  EXPECT_LT(packed.size(), page.size() / 5);
  EXPECT_EQ(Gunzip(packed), page);
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
