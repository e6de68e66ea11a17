#include "exporter/page.h"

#include <sys/resource.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <utility>

#include "exporter/gzip.h"
#include "exporter/page_rows.h"

namespace tend::exporter {
namespace {

const WorkerNumbers kNotMeasured;

template <typename T>
std::optional<T> UnlessZero(T value) {
  return value == T{} ? std::nullopt : std::optional(value);
}

// process_*: the sidecar's, without labels; and, for dashboards of prom-client, the workers' too.
template <typename T, typename Fn>
void Process(PageRows& rows, bool has_workers, Metric metric, std::optional<T> own, Fn of_worker) {
  if (own) rows.One(metric, *own);
  if (!has_workers || !rows.Begin(metric)) return;
  rows.AlsoEachWorker(of_worker);
}

void WriteProcesses(const SelfSnapshot& self, bool has_workers, PageRows& rows) {
  const auto of = [](std::optional<std::uint64_t> ProcessNumbers::*member) {
    return [member](const PageRows::Worker& w) { return w.numbers.process.*member; };
  };
  Process(rows, has_workers, Metric::kProcessCpu, std::optional(self.cpu_seconds),
          [](const PageRows::Worker& w) -> std::optional<double> {
            const ProcessNumbers& process = w.numbers.process;
            if (!process.cpu_user_seconds || !process.cpu_system_seconds) return std::nullopt;
            return *process.cpu_user_seconds + *process.cpu_system_seconds;
          });
  Process(rows, has_workers, Metric::kProcessResident, UnlessZero(self.resident_bytes),
          of(&ProcessNumbers::resident_bytes));
  Process(rows, has_workers, Metric::kProcessVirtual, UnlessZero(self.virtual_bytes),
          of(&ProcessNumbers::virtual_bytes));
  Process(rows, has_workers, Metric::kProcessStartTime, UnlessZero(self.start_time_seconds),
          StartOf);
  Process(rows, has_workers, Metric::kProcessOpenFds, UnlessZero(self.open_fds),
          of(&ProcessNumbers::open_fds));
  Process(rows, has_workers, Metric::kProcessMaxFds,
          self.max_fds == RLIM_INFINITY ? std::nullopt : UnlessZero(self.max_fds),
          of(&ProcessNumbers::max_fds));
}

void WriteSelf(const Snapshot& snapshot, PageRows& rows) {
  const SelfSnapshot& self = snapshot.self;
  if (rows.Begin(Metric::kBuild)) {
    rows.out().Sample(
        {{"version", self.version}, {"revision", self.revision}, {"compiler", self.compiler}},
        std::uint64_t{1});
  }
  if (self.config_loaded)
    rows.One(Metric::kConfigReloadSuccess, std::uint64_t{*self.config_loaded ? 1u : 0u});
  if (self.config_loaded_time) rows.One(Metric::kConfigReloadTime, *self.config_loaded_time);
  if (rows.Begin(Metric::kRoleStarts)) {
    for (const auto& [role, starts] : self.role_starts)
      rows.out().Sample({{"role", role}}, starts);
  }
  if (self.control_requests.empty() || !rows.Begin(Metric::kControlRequests)) return;
  for (const ControlNumbers& requests : self.control_requests) {
    rows.out().Sample({{"method", requests.method}, {"result", "ok"}}, requests.ok);
    rows.out().Sample({{"method", requests.method}, {"result", "error"}}, requests.error);
  }
}

void WriteAll(const Snapshot& snapshot,
              const SelfMetrics* self,
              const config::MetricsConfig& config,
              PageRows& rows) {
  WriteLife(rows);
  WriteProcess(rows);
  WriteRuntime(rows);
  WriteCustom(rows);
  WriteLogs(snapshot, rows);
  WriteExports(snapshot, rows);
  WriteCompat(snapshot, config, rows);
  WriteProcesses(snapshot.self, config.compat_prom_client, rows);
  WriteSelf(snapshot, rows);
  if (self != nullptr) self->Write(rows.out(), rows.level());
  if (snapshot.self.log_followers) rows.One(Metric::kLogFollowers, *snapshot.self.log_followers);
  // Last: it counts itself.
  rows.One(Metric::kSeries, std::uint64_t{rows.out().series() + 1});
  rows.out().End();
}

// Workers fall back to basic, the last of the page first, until `too_many` series less are left.
std::size_t FallBack(std::vector<PageRows::Worker>& workers, std::size_t too_many) {
  std::size_t fallen = 0;
  for (auto worker = workers.rbegin(); worker != workers.rend() && too_many > 0; ++worker) {
    worker->level = MetricLevel::kBasic;
    too_many -= std::min(too_many, worker->series_above);
    ++fallen;
  }
  return fallen;
}

// Where a page goes to: text, handed on in pieces, packed or not.
class Out {
 public:
  explicit Out(bool gzip) {
    if (gzip) gzip_.emplace();
  }

  std::string text;

  PageWriter::Full Full() {
    return [this](std::string& full) { Take(full); };
  }

  Chunks Finish() {
    Take(text);
    if (gzip_) gzip_->Finish(packed_);
    if (!packed_.empty()) chunks_.push_back(std::move(packed_));
    return std::move(chunks_);
  }

 private:
  void Take(std::string& full) {
    if (full.empty()) return;
    if (gzip_) {
      gzip_->Add(full, packed_);
      full.clear();
      if (packed_.size() >= kChunkBytes) chunks_.push_back(std::exchange(packed_, {}));
      return;
    }
    chunks_.push_back(std::move(full));
    full = std::string();
    full.reserve(kChunkBytes + kLineRoom);
  }

  // A chunk ends with the line that filled it.
  static constexpr std::size_t kLineRoom = 1024;

  std::optional<GzipStream> gzip_;
  std::string packed_;
  Chunks chunks_;
};

}  // namespace

PageRows::PageRows(const Snapshot& snapshot, MetricLevel level, PageWriter& out)
    : out_(out), level_(level) {
  std::vector<const AppSnapshot*> apps;
  for (const AppSnapshot& app : snapshot.apps)
    apps.push_back(&app);
  std::sort(apps.begin(), apps.end(), [](const AppSnapshot* a, const AppSnapshot* b) {
    return a->status.name < b->status.name;
  });
  for (const AppSnapshot* app : apps) {
    apps_.push_back({RenderLabels({{"app", app->status.name}}), *app});
    for (std::size_t i = 0; i < app->status.workers.size(); ++i) {
      const WorkerStatus& status = app->status.workers[i];
      const WorkerNumbers& numbers = i < app->workers.size() ? app->workers[i] : kNotMeasured;
      std::string labels =
          RenderLabels({{"app", app->status.name}, {"worker", std::to_string(status.slot)}});
      workers_.push_back({std::move(labels), app->status, status, numbers, level});
    }
  }
}

bool PageRows::Begin(Metric metric) {
  const MetricRow& row = RowOf(metric);
  if (row.level > level_) return false;
  out_.Begin(row);
  return true;
}

Chunks RenderChunks(const Snapshot& snapshot,
                    const SelfMetrics* self,
                    const PageRequest& request,
                    PageStats* stats) {
  const std::uint32_t series_max = request.config.max_series;
  PageStats done;
  auto out = std::make_unique<Out>(request.gzip);
  PageWriter writer(request.dialect, out->text, out->Full());
  PageRows rows(snapshot, request.config.level, writer);
  WriteAll(snapshot, self, request.config, rows);
  done.series = writer.series();
  if (series_max != 0 && done.series > series_max) {
    done.workers_limited = FallBack(rows.workers(), done.series - series_max);
    out = std::make_unique<Out>(request.gzip);
    PageWriter again(request.dialect, out->text, out->Full());
    PageRows fewer(snapshot, request.config.level, again);
    for (std::size_t i = 0; i < rows.workers().size(); ++i)
      fewer.workers()[i].level = rows.workers()[i].level;
    WriteAll(snapshot, self, request.config, fewer);
    done.series_left_out = done.series - again.series();
    done.series = again.series();
  }
  if (stats != nullptr) *stats = done;
  return out->Finish();
}

std::string Render(const Snapshot& snapshot,
                   const SelfMetrics* self,
                   Dialect dialect,
                   const config::MetricsConfig& config) {
  std::string text;
  for (const std::string& chunk : RenderChunks(snapshot, self, {dialect, false, config}))
    text += chunk;
  return text;
}

}  // namespace tend::exporter
