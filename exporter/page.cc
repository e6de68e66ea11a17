#include "exporter/page.h"

#include <sys/resource.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <functional>

namespace tend::exporter {
namespace {

double UnixSeconds(Wall time) {
  return std::chrono::duration<double>(time.time_since_epoch()).count();
}

// One worker with the labels that all its samples have.
struct Worker {
  std::string_view app;
  std::string slot;
  const AppStatus& app_status;
  const WorkerStatus& status;
  const WorkerNumbers& numbers;
};

class Page {
 public:
  Page(const Snapshot& snapshot, PageWriter& out) : snapshot_(snapshot), out_(out) {
    for (const AppSnapshot& app : snapshot.apps)
      apps_.push_back(&app);
    std::sort(apps_.begin(), apps_.end(), [](const AppSnapshot* a, const AppSnapshot* b) {
      return a->status.name < b->status.name;
    });
    for (const AppSnapshot* app : apps_) {
      for (std::size_t i = 0; i < app->status.workers.size(); ++i) {
        const WorkerStatus& status = app->status.workers[i];
        const WorkerNumbers& numbers = i < app->workers.size() ? app->workers[i] : not_measured_;
        workers_.push_back(
            {app->status.name, std::to_string(status.slot), app->status, status, numbers});
      }
    }
  }

  void Write(const SelfMetrics* self) {
    WriteLife();
    WriteExits();
    WriteResources();
    WriteRuntime();
    WriteLines();
    WriteLogs();
    WriteSelf();
    if (self != nullptr) self->Write(out_);
    Known(Metric::kLogFollowers, snapshot_.self.log_followers);
    One(Metric::kSeries, std::uint64_t{out_.series() + 1});
    out_.End();
  }

 private:
  template <typename Fn>
  void EachWorker(Metric metric, Fn fn) {
    out_.Begin(RowOf(metric));
    for (const Worker& worker : workers_)
      fn(worker);
  }

  // A gauge or counter that is absent where `value` gives nothing.
  template <typename Fn>
  void Optional(Metric metric, Fn value) {
    EachWorker(metric, [&](const Worker& w) {
      if (const auto v = value(w)) out_.Sample({{"app", w.app}, {"worker", w.slot}}, *v);
    });
  }

  template <typename Fn>
  void Always(Metric metric, Fn value) {
    EachWorker(metric, [&](const Worker& w) {
      out_.Sample({{"app", w.app}, {"worker", w.slot}}, value(w));
    });
  }

  void WriteLife() {
    EachWorker(Metric::kWorker, [&](const Worker& w) {
      const std::string_view runtime = w.numbers.runtime;
      const auto blank = std::min(runtime.find(' '), runtime.size());
      const std::string_view version = runtime.substr(std::min(blank + 1, runtime.size()));
      out_.Sample({{"app", w.app},
                   {"worker", w.slot},
                   {"namespace", w.app_status.namespace_},
                   {"exec_mode", w.app_status.exec_mode},
                   {"runtime", runtime.substr(0, blank)},
                   {"runtime_version", version}},
                  std::uint64_t{1});
    });
    std::array<std::string_view, kWorkerStates> states;
    for (std::size_t i = 0; i < states.size(); ++i)
      states[i] = Name(static_cast<WorkerState>(i));
    EachWorker(Metric::kWorkerState, [&](const Worker& w) {
      out_.StateSet({{"app", w.app}, {"worker", w.slot}}, states, Name(w.status.state));
    });
    Always(Metric::kWorkerUp, [](const Worker& w) {
      return std::uint64_t{w.status.state == WorkerState::kOnline ? 1u : 0u};
    });
    Optional(Metric::kWorkerStartTime, [](const Worker& w) -> std::optional<double> {
      if (w.status.pid == 0 || w.status.started == Wall{}) return std::nullopt;
      return UnixSeconds(w.status.started);
    });
    out_.Begin(RowOf(Metric::kAppInstances));
    for (const AppSnapshot* app : apps_)
      WriteInstances(*app);
  }

  void WriteInstances(const AppSnapshot& app) {
    const auto count = [&](WorkerState state) {
      return static_cast<std::uint64_t>(
          std::count_if(app.status.workers.begin(), app.status.workers.end(),
                        [&](const WorkerStatus& w) { return w.state == state; }));
    };
    const std::string_view name = app.status.name;
    out_.Sample({{"app", name}, {"condition", "desired"}},
                static_cast<std::uint64_t>(std::max(0, app.status.instances)));
    out_.Sample({{"app", name}, {"condition", "online"}}, count(WorkerState::kOnline));
    out_.Sample({{"app", name}, {"condition", "failed"}}, count(WorkerState::kErrored));
  }

  void WriteExits() {
    Always(Metric::kWorkerStarts, [](const Worker& w) { return w.status.starts; });
    EachWorker(Metric::kWorkerRestarts, [&](const Worker& w) {
      for (std::size_t i = 0; i < kRestartReasons; ++i) {
        out_.Sample(
            {{"app", w.app}, {"worker", w.slot}, {"reason", Name(static_cast<RestartReason>(i))}},
            w.status.restarts_by_reason[i]);
      }
    });
    Optional(Metric::kWorkerLastExitCode, [](const Worker& w) -> std::optional<double> {
      if (!w.status.last_exit || !w.status.last_exit->known) return std::nullopt;
      if (w.status.last_exit->signal) return 128 + *w.status.last_exit->signal;
      return w.status.last_exit->code;
    });
    Always(Metric::kWorkerConsecutiveFailures,
           [](const Worker& w) { return std::uint64_t{w.status.consecutive_failures}; });
    Always(Metric::kWorkerBackoff, [](const Worker& w) { return w.status.backoff_seconds; });
    Always(Metric::kWorkerForcedKills, [](const Worker& w) { return w.status.forced_kills; });
  }

  void WriteResources() {
    EachWorker(Metric::kWorkerCpu, [&](const Worker& w) {
      if (!w.numbers.process && w.numbers.cpu_user_seconds + w.numbers.cpu_system_seconds == 0) {
        return;  // Never seen.
      }
      out_.Sample({{"app", w.app}, {"worker", w.slot}, {"mode", "user"}},
                  w.numbers.cpu_user_seconds);
      out_.Sample({{"app", w.app}, {"worker", w.slot}, {"mode", "system"}},
                  w.numbers.cpu_system_seconds);
    });
    const auto process = [](std::uint64_t ProcSample::*member) {
      return [member](const Worker& w) -> std::optional<std::uint64_t> {
        if (!w.numbers.process) return std::nullopt;
        return (*w.numbers.process).*member;
      };
    };
    Optional(Metric::kWorkerResident, process(&ProcSample::resident_bytes));
    Optional(Metric::kWorkerOpenFds, [](const Worker& w) { return w.numbers.open_fds; });
    Optional(Metric::kWorkerThreads, process(&ProcSample::threads));
  }

  void WriteRuntime() {
    EachWorker(Metric::kWorkerLag, [&](const Worker& w) {
      if (!w.numbers.lag) return;
      out_.Histogram({{"app", w.app}, {"worker", w.slot}}, kLagExportBounds,
                     w.numbers.lag->cumulative, w.numbers.lag->sum_seconds);
    });
    const auto lag = [](std::optional<double> LagView::*member) {
      return [member](const Worker& w) -> std::optional<double> {
        return w.numbers.lag ? (*w.numbers.lag).*member : std::nullopt;
      };
    };
    Optional(Metric::kWorkerLagP50, lag(&LagView::p50_seconds));
    Optional(Metric::kWorkerLagP99, lag(&LagView::p99_seconds));
    Optional(Metric::kWorkerLagMax, lag(&LagView::max_seconds));
    Optional(Metric::kWorkerHeartbeatAge,
             [](const Worker& w) { return w.numbers.heartbeat_age_seconds; });
    Optional(Metric::kWorkerLoopUtilization,
             [](const Worker& w) { return w.numbers.loop_utilization; });
    Optional(Metric::kWorkerHeapUsed, [](const Worker& w) { return w.numbers.heap_used_bytes; });
    Optional(Metric::kWorkerHeapTotal, [](const Worker& w) { return w.numbers.heap_total_bytes; });
    Optional(Metric::kWorkerHeapLimit, [](const Worker& w) { return w.numbers.heap_limit_bytes; });
  }

  void WriteLines() {
    const auto both = [&](Metric metric, std::uint64_t StreamNumbers::*member) {
      EachWorker(metric, [&](const Worker& w) {
        out_.Sample({{"app", w.app}, {"worker", w.slot}, {"stream", "stdout"}},
                    w.numbers.out.*member);
        out_.Sample({{"app", w.app}, {"worker", w.slot}, {"stream", "stderr"}},
                    w.numbers.err.*member);
      });
    };
    both(Metric::kWorkerLogLines, &StreamNumbers::lines);
    both(Metric::kWorkerLogBytes, &StreamNumbers::bytes);
    both(Metric::kWorkerLogSplitLines, &StreamNumbers::split_lines);
  }

  void WriteLogs() {
    const auto by = [&](Metric metric, std::string_view label, NamedCounts AppLogNumbers::*member) {
      out_.Begin(RowOf(metric));
      for (const AppSnapshot* app : apps_) {
        if (!app->logs) continue;
        for (const auto& count : (*app->logs).*member) {
          out_.Sample({{"app", app->status.name}, {label, count.first}}, count.second);
        }
      }
    };
    by(Metric::kAppLogDropped, "reason", &AppLogNumbers::dropped_lines);
    by(Metric::kAppLogRotations, "reason", &AppLogNumbers::rotations);
    by(Metric::kAppLogFiles, "kind", &AppLogNumbers::files);
    by(Metric::kAppLogDisk, "kind", &AppLogNumbers::disk_bytes);
    const auto total = [&](Metric metric, std::uint64_t AppLogNumbers::*member) {
      out_.Begin(RowOf(metric));
      for (const AppSnapshot* app : apps_) {
        if (app->logs) out_.Sample({{"app", app->status.name}}, (*app->logs).*member);
      }
    };
    total(Metric::kAppLogLimit, &AppLogNumbers::limit_bytes);
    total(Metric::kAppLogCompressionInput, &AppLogNumbers::compression_input_bytes);
    total(Metric::kAppLogCompressionOutput, &AppLogNumbers::compression_output_bytes);
    by(Metric::kAppLogExpired, "reason", &AppLogNumbers::expired_files);
  }

  template <typename T>
  void One(Metric metric, T value) {
    out_.Begin(RowOf(metric));
    out_.Sample({}, value);
  }

  template <typename T>
  void Known(Metric metric, const std::optional<T>& value) {
    if (value) One(metric, *value);
  }

  template <typename T>
  void UnlessZero(Metric metric, T value) {
    if (value != T{}) One(metric, value);
  }

  void WriteSelf() {
    const SelfSnapshot& self = snapshot_.self;
    One(Metric::kLogCompressionQueue, self.compression_queue_files);
    UnlessZero(Metric::kLogLimit, self.log_limit_bytes);
    if (self.filesystem_size_bytes != 0) {
      One(Metric::kLogFilesystemFloor, self.filesystem_floor_bytes);
      One(Metric::kLogFilesystemFree, self.filesystem_free_bytes);
      One(Metric::kLogFilesystemSize, self.filesystem_size_bytes);
    }
    One(Metric::kProcessCpu, self.cpu_seconds);
    UnlessZero(Metric::kProcessResident, self.resident_bytes);
    UnlessZero(Metric::kProcessVirtual, self.virtual_bytes);
    UnlessZero(Metric::kProcessStartTime, self.start_time_seconds);
    UnlessZero(Metric::kProcessOpenFds, self.open_fds);
    if (self.max_fds != RLIM_INFINITY) UnlessZero(Metric::kProcessMaxFds, self.max_fds);
    out_.Begin(RowOf(Metric::kBuild));
    out_.Sample({{"version", self.version}, {"compiler", self.compiler}}, std::uint64_t{1});
    out_.Begin(RowOf(Metric::kRoleStarts));
    for (const auto& role : self.role_starts)
      out_.Sample({{"role", role.first}}, role.second);
  }

  const Snapshot& snapshot_;
  PageWriter& out_;
  std::vector<const AppSnapshot*> apps_;  // by name
  std::vector<Worker> workers_;           // by app, then as they are
  const WorkerNumbers not_measured_;
};

}  // namespace

std::string Render(const Snapshot& snapshot, const SelfMetrics* self, Dialect dialect) {
  std::string text;
  PageWriter writer(dialect, text);
  Page(snapshot, writer).Write(self);
  return text;
}

}  // namespace tend::exporter
