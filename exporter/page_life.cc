#include <algorithm>
#include <array>
#include <chrono>

#include "exporter/page_rows.h"

namespace tend::exporter {
namespace {

using Row = PageRows::Worker;

double UnixSeconds(Wall time) {
  return std::chrono::duration<double>(time.time_since_epoch()).count();
}

void WriteInfo(PageRows& rows) {
  rows.EachWorker(Metric::kWorker, [&](const Row& w) {
    const std::string_view runtime =
        w.numbers.runtime ? std::string_view(w.numbers.runtime->name) : std::string_view();
    const auto blank = std::min(runtime.find(' '), runtime.size());
    const std::string_view version = runtime.substr(std::min(blank + 1, runtime.size()));
    const std::string more = RenderLabels({{"namespace", w.app.namespace_},
                                           {"exec_mode", w.app.exec_mode},
                                           {"runtime", runtime.substr(0, blank)},
                                           {"runtime_version", version},
                                           {"app_version", w.numbers.app_version}});
    rows.out().Sample({w.labels, more}, std::uint64_t{1});
  });
}

void WriteState(PageRows& rows) {
  std::array<std::string_view, kWorkerStates> states;
  for (std::size_t i = 0; i < states.size(); ++i)
    states[i] = Name(static_cast<WorkerState>(i));
  rows.EachWorker(Metric::kWorkerState, [&](const Row& w) {
    rows.out().StateSet({w.labels}, states, Name(w.status.state));
  });
  rows.Always(Metric::kWorkerUp, [](const Row& w) {
    return std::uint64_t{w.status.state == WorkerState::kOnline ? 1u : 0u};
  });
  rows.Optional(Metric::kWorkerStartTime, StartOf);
}

void WriteStarts(PageRows& rows) {
  rows.Always(Metric::kWorkerStarts, [](const Row& w) { return w.status.starts; });
  std::array<std::string, kRestartReasons> reasons;
  for (std::size_t i = 0; i < reasons.size(); ++i)
    reasons[i] = RenderLabels({{"reason", Name(static_cast<RestartReason>(i))}});
  rows.EachWorker(Metric::kWorkerRestarts, [&](const Row& w) {
    for (std::size_t i = 0; i < reasons.size(); ++i)
      rows.out().Sample({w.labels, reasons[i]}, w.status.restarts_by_reason[i]);
  });
}

void WriteExits(PageRows& rows) {
  rows.Optional(Metric::kWorkerLastExitCode, [](const Row& w) -> std::optional<double> {
    if (!w.status.last_exit || !w.status.last_exit->known) return std::nullopt;
    if (w.status.last_exit->signal) return 128 + *w.status.last_exit->signal;
    return w.status.last_exit->code;
  });
  rows.Optional(Metric::kWorkerLastExitSignal, [](const Row& w) -> std::optional<double> {
    if (!w.status.last_exit || !w.status.last_exit->known) return std::nullopt;
    return w.status.last_exit->signal.value_or(0);
  });
  rows.Optional(Metric::kWorkerLastExitTime, [](const Row& w) -> std::optional<double> {
    if (!w.status.last_exit || w.status.last_exit->time == Wall{}) return std::nullopt;
    return UnixSeconds(w.status.last_exit->time);
  });
  rows.Always(Metric::kWorkerConsecutiveFailures,
              [](const Row& w) { return std::uint64_t{w.status.consecutive_failures}; });
  rows.Always(Metric::kWorkerBackoff, [](const Row& w) { return w.status.backoff_seconds; });
  rows.Optional(Metric::kWorkerReadyDuration, [](const Row& w) { return w.numbers.ready_seconds; });
  rows.Always(Metric::kWorkerForcedKills, [](const Row& w) { return w.status.forced_kills; });
}

void WriteInstances(PageRows& rows) {
  rows.EachApp(Metric::kAppInstances, [&](const PageRows::App& app) {
    const AppStatus& status = app.snapshot.status;
    const auto count = [&](WorkerState state) {
      return static_cast<std::uint64_t>(
          std::count_if(status.workers.begin(), status.workers.end(),
                        [&](const WorkerStatus& w) { return w.state == state; }));
    };
    rows.out().Sample({app.label, R"(condition="desired")"},
                      static_cast<std::uint64_t>(std::max(0, status.instances)));
    rows.out().Sample({app.label, R"(condition="online")"}, count(WorkerState::kOnline));
    rows.out().Sample({app.label, R"(condition="failed")"}, count(WorkerState::kErrored));
  });
}

void WriteDurations(PageRows& rows) {
  const auto write = [&](Rendered labels, const HistogramView& histogram) {
    if (histogram.cumulative.empty()) return;
    rows.out().Histogram(labels, histogram.bounds, histogram.cumulative, histogram.sum);
  };
  rows.EachApp(Metric::kAppReadyDuration, [&](const PageRows::App& app) {
    if (app.snapshot.durations) write({app.label}, app.snapshot.durations->ready);
  });
  rows.EachApp(Metric::kAppReloadDuration, [&](const PageRows::App& app) {
    if (!app.snapshot.durations) return;
    write({app.label, R"(result="success")"}, app.snapshot.durations->reloaded);
    write({app.label, R"(result="failure")"}, app.snapshot.durations->reload_failed);
  });
}

}  // namespace

std::optional<double> StartOf(const PageRows::Worker& worker) {
  if (worker.status.pid == 0 || worker.status.started == Wall{}) return std::nullopt;
  return UnixSeconds(worker.status.started);
}

void WriteLife(PageRows& rows) {
  WriteInfo(rows);
  WriteState(rows);
  WriteStarts(rows);
  WriteExits(rows);
  WriteInstances(rows);
  WriteDurations(rows);
  rows.EachApp(Metric::kAppListenBacklog, [&](const PageRows::App& app) {
    for (const auto& [port, waiting] : app.snapshot.listen_backlog)
      rows.out().Sample({app.label, RenderLabels({{"port", std::to_string(port)}})}, waiting);
  });
}

}  // namespace tend::exporter
