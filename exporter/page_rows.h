// The workers and apps of a page in its order, and what the parts of the page (page_*.cc) write
// them with. A part writes families of its own, each once.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "exporter/page_writer.h"
#include "exporter/snapshot.h"

namespace tend::exporter {

class PageRows {
 public:
  struct Worker {
    std::string labels;  // app and worker, rendered
    const AppStatus& app;
    const WorkerStatus& status;
    const WorkerNumbers& numbers;
    MetricLevel level;             // what is above it is left out
    std::size_t series_above = 0;  // of what was written: above basic
  };
  struct App {
    std::string label;  // app, rendered
    const AppSnapshot& snapshot;
  };

  // By name of the app, then as the app's workers are. Both must outlive this.
  PageRows(const Snapshot& snapshot, MetricLevel level, PageWriter& out);

  // Calls `fn` for every worker that has this metric at its level.
  template <typename Fn>
  void EachWorker(Metric metric, Fn fn) {
    EachWorker(RowOf(metric), fn);
  }
  template <typename Fn>
  void EachWorker(const MetricRow& row, Fn fn) {
    if (row.level > level_) return;
    out_.Begin(row);
    for (Worker& worker : workers_) {
      if (row.level > worker.level) continue;
      const std::size_t before = out_.series();
      fn(static_cast<const Worker&>(worker));
      if (row.level > MetricLevel::kBasic) worker.series_above += out_.series() - before;
    }
  }

  // More samples of the family that was begun last: `value` of every worker, if it gives any.
  template <typename Fn>
  void AlsoEachWorker(Fn value) {
    for (const Worker& worker : workers_) {
      if (const auto v = value(worker)) out_.Sample(Rendered{worker.labels}, *v);
    }
  }

  // One sample a worker; none where `value` gives nothing.
  template <typename Fn>
  void Optional(Metric metric, Fn value) {
    EachWorker(metric, [&](const Worker& w) {
      if (const auto v = value(w)) out_.Sample(Rendered{w.labels}, *v);
    });
  }

  template <typename Fn>
  void Always(Metric metric, Fn value) {
    EachWorker(metric, [&](const Worker& w) { out_.Sample(Rendered{w.labels}, value(w)); });
  }

  template <typename Fn>
  void EachApp(Metric metric, Fn fn) {
    if (!Begin(metric)) return;
    for (const App& app : apps_)
      fn(app);
  }

  // A metric without labels.
  template <typename T>
  void One(Metric metric, T value) {
    if (Begin(metric)) out_.Sample(Rendered{}, value);
  }

  // False: the metric is above the page's level.
  bool Begin(Metric metric);
  PageWriter& out() { return out_; }
  MetricLevel level() const { return level_; }
  // For who decides how much of which worker is on the page.
  std::vector<Worker>& workers() { return workers_; }

 private:
  PageWriter& out_;
  const MetricLevel level_;
  std::vector<App> apps_;
  std::vector<Worker> workers_;
};

// Seconds since the epoch at which the process of a worker started.
std::optional<double> StartOf(const PageRows::Worker& worker);

void WriteLife(PageRows& rows);
void WriteProcess(PageRows& rows);
void WriteRuntime(PageRows& rows);
void WriteCustom(PageRows& rows);
void WriteLogs(const Snapshot& snapshot, PageRows& rows);
void WriteExports(const Snapshot& snapshot, PageRows& rows);
void WriteCompat(const Snapshot& snapshot, const config::MetricsConfig& config, PageRows& rows);

}  // namespace tend::exporter
