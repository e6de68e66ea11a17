#include "exporter/self_metrics.h"

#include <map>
#include <string>

#include <gtest/gtest.h>

namespace tend::exporter {
namespace {

std::string PageOf(const SelfMetrics& self) {
  std::string text;
  PageWriter writer(Dialect::kOpenMetrics, text);
  self.Write(writer, MetricLevel::kFull);
  return text;
}

TEST(SelfMetrics, CountsScrapesByFormat) {
  SelfMetrics self;
  self.CountScrape(Dialect::kClassic);
  self.CountScrape(Dialect::kClassic);
  self.CountScrape(Dialect::kOpenMetrics);
  EXPECT_NE(PageOf(self).find("tend_scrapes_total{format=\"openmetrics\"} 1\n"
                              "tend_scrapes_total{format=\"text\"} 2\n"),
            std::string::npos)
      << PageOf(self);
}

TEST(SelfMetrics, ErrorsOfEveryCollectorAreThereFromTheBeginning) {
  SelfMetrics self;
  self.CountError("link");
  EXPECT_NE(PageOf(self).find("tend_collector_errors_total{collector=\"link\"} 1\n"
                              "tend_collector_errors_total{collector=\"proc\"} 0\n"
                              "tend_collector_errors_total{collector=\"telemetry\"} 0\n"),
            std::string::npos)
      << PageOf(self);
}

TEST(SelfMetrics, AHistogramAppearsWithItsFirstValue) {
  SelfMetrics self;
  EXPECT_EQ(PageOf(self).find("tend_loop_lag"), std::string::npos);
  EXPECT_EQ(PageOf(self).find("tend_collect_duration"), std::string::npos);
  self.ObserveLoopLag(0.003);
  self.ObserveLoopLag(20);
  self.ObserveCollect("proc", 0.0004);
  const std::string page = PageOf(self);
  for (const char* line : {
           "tend_loop_lag_seconds_bucket{le=\"0.0025\"} 0\n",
           "tend_loop_lag_seconds_bucket{le=\"0.005\"} 1\n",
           "tend_loop_lag_seconds_bucket{le=\"10.0\"} 1\n",
           "tend_loop_lag_seconds_bucket{le=\"+Inf\"} 2\n",
           "tend_loop_lag_seconds_count 2\n",
           "tend_loop_lag_seconds_sum 20.003\n",
           "tend_collect_duration_seconds_bucket{collector=\"proc\",le=\"0.0001\"} 0\n",
           "tend_collect_duration_seconds_bucket{collector=\"proc\",le=\"0.0005\"} 1\n",
           "tend_collect_duration_seconds_count{collector=\"proc\"} 1\n",
       }) {
    EXPECT_NE(page.find(line), std::string::npos) << line << page;
  }
}

TEST(SelfMetrics, GoesOnWhereAnotherProcessStopped) {
  std::map<std::string, double> kept;
  std::string page;
  {
    SelfMetrics self;
    self.CountScrape(Dialect::kClassic);
    self.CountError("link");
    self.CountRender(7);
    self.ObserveCollect("proc", 0.0004);
    self.ObserveCollect("proc", 5);
    self.ObserveLoopLag(0.003);
    self.Counters([&](const std::string& name, double number) { kept[name] = number; });
    page = PageOf(self);
  }
  SelfMetrics next;
  next.Resume([&](const std::string& name) { return kept[name]; });
  EXPECT_EQ(PageOf(next), page);
  next.CountRender(1);
  EXPECT_NE(PageOf(next).find("tend_metrics_series_limited_total 8\n"), std::string::npos);
}

}  // namespace
}  // namespace tend::exporter
