// All numbers that the sidecar gives out, put together: what it measured, what was counted, what
// core says, and what was counted before there was this process.
//
// Owner: the sidecar. Thread: the loop's.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/fact.h"
#include "base/loop.h"
#include "collector/collector.h"
#include "config/observe.h"
#include "exporter/self_metrics.h"
#include "exporter/snapshot.h"
#include "rotate/log_stats.h"
#include "supervisor/exit_journal.h"
#include "supervisor/sidecar/counter_book.h"
#include "supervisor/sidecar/fleet_view.h"
#include "supervisor/sidecar/helper_thread.h"
#include "supervisor/sidecar/kept_counters.h"
#include "supervisor/sidecar/life_times.h"
#include "supervisor/sidecar/process_watch.h"
#include "supervisor/sidecar/worker_reports.h"

namespace tend::supervisor {

class Measurements {
 public:
  struct Options {
    std::string run;    // folder of the table of counters; "": they are this process' own
    std::string state;  // folder of its copy on disk; "": none
    std::function<rotate::LogStoreStats()> logs;
    std::function<collector::WorkerCounters(const std::string& app, int slot)> lines;
    std::function<std::vector<exporter::ExportNumbers>()> exporters;
  };
  // `view` must outlive this.
  Measurements(Loop& loop, const FleetView& view, exporter::SelfMetrics& self, Options options);

  void SetMetrics(const config::MetricsConfig& metrics);
  const config::MetricsConfig& metrics() const { return metrics_; }
  // A configuration was read just now, or could not be.
  void SetConfigLoaded(bool ok);
  // The journal must outlive this.
  void SetJournal(const ExitJournalReader* journal);
  WorkerReports& reports() { return reports_; }
  std::optional<std::uint64_t> ResidentBytes(int pid) const {
    return processes_.ResidentBytes(pid);
  }

  // What core tells, before the view has it.
  void PutApp(const std::string& app);
  void PutWorker(const std::string& app, const WorkerStatus& worker);
  void Began(const WorkerRef& worker, int pid);
  void PutRequests(std::uint64_t since, const std::vector<exporter::ControlNumbers>& requests) {
    kept_.PutRequests(since, requests);
  }
  void State(const Fact& fact) { times_.State(fact); }
  // Counters of what is gone begin at 0 if it comes back.
  void Forget(const std::string& app);
  void Forget(const std::string& app, int slot);

  // As core tells, with what is measured; counters as core counts them.
  std::vector<AppStatus> Apps();
  exporter::Snapshot Measure();
  // Every kSampleEvery.
  static constexpr auto kSampleEvery = std::chrono::seconds(5);
  void Tick();
  // The last numbers are stored. False: their copy was not on disk in time.
  bool Finish(std::chrono::nanoseconds time_max);

 private:
  void Sample();
  void LookSoon();
  void MeasureApp(const FleetView::App& app, exporter::AppSnapshot& snapshot) const;
  exporter::SelfSnapshot Self(const rotate::LogStoreStats& logs) const;
  void StoreCounters();

  Loop& loop_;
  const FleetView& view_;
  exporter::SelfMetrics& self_;
  const Options options_;
  HelperThread helper_;
  CounterBook book_;
  KeptCounters kept_;
  LifeTimes times_;
  ProcessWatch processes_;
  WorkerReports reports_;
  config::MetricsConfig metrics_;
  std::optional<bool> config_loaded_;
  std::optional<Wall> config_loaded_time_;
  const ExitJournalReader* journal_ = nullptr;
  Loop::Watch look_;
  int ticks_ = 0;  // since counters were copied
};

}  // namespace tend::supervisor
