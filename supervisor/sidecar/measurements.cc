#include "supervisor/sidecar/measurements.h"

#include <array>
#include <future>
#include <memory>
#include <numeric>
#include <utility>

#include "base/revision.h"
#include "supervisor/sidecar/log_body.h"

namespace tend::supervisor {
namespace {

constexpr auto kLookSoon = std::chrono::milliseconds(200);
constexpr auto kSampleAgeMax = std::chrono::seconds(1);
constexpr const char* kCounterTable = "/counters";  // in the run folder
constexpr const char* kCounterCopy = "/counters";   // in the state folder
constexpr int kTicksPerLook = 3;  // a closer one, which costs more than all else here
constexpr int kTicksPerCopy = 12;

template <std::size_t N, typename NameOf>
exporter::NamedCounts Named(const std::array<std::uint64_t, N>& counts, NameOf name_of) {
  exporter::NamedCounts named;
  for (std::size_t i = 0; i < N; ++i)
    named.emplace_back(name_of(i), counts[i]);
  return named;
}

exporter::HistogramView CompressionTimes(const rotate::CompressTimes& times) {
  exporter::HistogramView view{rotate::CompressTimes::kBounds,
                               {times.counts.begin(), times.counts.end()},
                               times.sum_seconds};
  std::partial_sum(view.cumulative.begin(), view.cumulative.end(), view.cumulative.begin());
  return view;
}

exporter::AppLogNumbers LogNumbers(const rotate::AppLogStats& stats) {
  exporter::AppLogNumbers numbers;
  numbers.dropped_lines = Named(stats.lines_dropped, [](std::size_t i) {
    return std::string(rotate::DropReasonName(static_cast<rotate::DropReason>(i)));
  });
  numbers.rotations = Named(stats.rotations, [](std::size_t i) {
    return std::string(rotate::RotateReasonName(static_cast<rotate::RotateReason>(i)));
  });
  numbers.expired_files = Named(stats.expired_files, [](std::size_t i) {
    return std::string(rotate::ExpireReasonName(static_cast<rotate::ExpireReason>(i)));
  });
  numbers.files = {{"active", stats.active.files},
                   {"rotated", stats.rotated.files},
                   {"compressed", stats.compressed.files}};
  numbers.disk_bytes = {{"active", stats.active.bytes},
                        {"rotated", stats.rotated.bytes},
                        {"compressed", stats.compressed.bytes}};
  numbers.limit_bytes = stats.limit_bytes;
  numbers.compression_input_bytes = stats.compress_in_bytes;
  numbers.compression_output_bytes = stats.compress_out_bytes;
  return numbers;
}

std::string PathIn(const std::string& folder, const char* file) {
  return folder.empty() ? std::string() : folder + file;
}

double UnixSeconds(Wall time) {
  return std::chrono::duration<double>(time.time_since_epoch()).count();
}

}  // namespace

Measurements::Measurements(Loop& loop,
                           const FleetView& view,
                           exporter::SelfMetrics& self,
                           Options options)
    : loop_(loop),
      view_(view),
      self_(self),
      options_(std::move(options)),
      helper_("tend-helper"),
      book_(PathIn(options_.run, kCounterTable), PathIn(options_.state, kCounterCopy)),
      kept_(book_.table()),
      processes_(loop, helper_, self),
      reports_(loop, book_.table()) {
  self_.Resume([this](const std::string& name) {
    double number = 0;
    book_.table().Read(RowKind::kSelf, {}, -1)(name, number);
    return number;
  });
  processes_.SetRemembered(
      [this](const std::string& app, int slot) { return kept_.Process(app, slot); });
}

void Measurements::SetMetrics(const config::MetricsConfig& metrics) {
  metrics_ = metrics;
  processes_.SetLevel(metrics.level);
}

void Measurements::SetConfigLoaded(bool ok) {
  config_loaded_ = ok;
  if (ok) config_loaded_time_ = loop_.WallNow();
}

void Measurements::SetJournal(const ExitJournalReader* journal) {
  journal_ = journal;
  processes_.SetJournal(journal);
}

void Measurements::PutApp(const std::string& app) {
  if (view_.Find(app) == nullptr) times_.Counters(app, book_.table().Read(RowKind::kApp, app, -1));
}

void Measurements::PutWorker(const std::string& app, const WorkerStatus& worker) {
  times_.Changed(app, worker, loop_.WallNow());
  reports_.Expect(app, worker.slot);
  const WorkerStatus* before = view_.FindWorker(app, worker.slot);
  const bool is_new =
      before == nullptr || before->incarnation != worker.incarnation || before->pid == 0;
  if (worker.pid != 0 && is_new) LookSoon();
}

void Measurements::Began(const WorkerRef& worker, int pid) {
  processes_.Begin(worker, pid);
  const WorkerStatus* serving = view_.FindWorker(worker.app, worker.slot);
  const bool is_known = serving != nullptr && serving->incarnation == worker.incarnation;
  const bool is_successor =
      serving != nullptr && !is_known && serving->state == WorkerState::kOnline;
  const bool has_start = is_known && serving->started != Wall{};
  times_.Began(worker, has_start ? serving->started : loop_.WallNow(), is_successor);
  LookSoon();
}

// A process that has just begun has not opened its files yet.
void Measurements::LookSoon() {
  look_ = loop_.After(kLookSoon, [this] {
    if (!processes_.LookCloser(view_, loop_.Now())) LookSoon();
  });
}

void Measurements::Forget(const std::string& app) {
  times_.Forget(app);
  processes_.Forget(app);
  reports_.Forget(app);
  kept_.Forget(app);
}

void Measurements::Forget(const std::string& app, int slot) {
  processes_.Forget(app, slot);
  reports_.Forget(app, slot);
  kept_.Forget(app, slot);
}

void Measurements::Sample() {
  processes_.Sample(view_, loop_.Now(), kSampleAgeMax);
}

std::vector<AppStatus> Measurements::Apps() {
  Sample();
  const rotate::LogStoreStats stats = options_.logs();
  std::vector<AppStatus> apps;
  for (const auto& entry : view_.apps()) {
    apps.push_back(entry.second.status);
    if (const auto log = stats.apps.find(entry.first); log != stats.apps.end()) {
      apps.back().log_bytes =
          log->second.active.bytes + log->second.rotated.bytes + log->second.compressed.bytes;
      apps.back().log_limit_bytes = log->second.limit_bytes;
    }
    for (WorkerStatus& worker : apps.back().workers) {
      const exporter::ProcessNumbers numbers = processes_.Numbers(entry.second, worker);
      worker.cpu_ratio = numbers.cpu_ratio;
      worker.rss_bytes = numbers.resident_bytes;
      if (worker.pid == 0) continue;
      const auto runtime = reports_.RuntimeOf(entry.first, worker);
      if (runtime && runtime->lag) {
        worker.eventloop_lag_p99_seconds = runtime->lag->p99_seconds;
      }
    }
  }
  return apps;
}

void Measurements::MeasureApp(const FleetView::App& app, exporter::AppSnapshot& snapshot) const {
  const std::string& name = app.config.name;
  snapshot.status = app.status;
  snapshot.durations = times_.View(name);
  snapshot.listen_backlog = processes_.Backlog(name);
  for (const WorkerStatus& worker : app.status.workers) {
    exporter::WorkerNumbers& numbers = snapshot.workers.emplace_back();
    numbers.process = processes_.Numbers(app, worker);
    numbers.app_version = processes_.AppVersion(name, worker);
    numbers.runtime = reports_.RuntimeOf(name, worker);
    numbers.custom = reports_.CustomOf(name, worker);
    numbers.ready_seconds = times_.ReadySeconds(name, worker.slot, worker.incarnation);
    const collector::WorkerCounters lines = options_.lines(name, worker.slot);
    numbers.out = {lines.out.lines, lines.out.bytes, lines.out.split_lines};
    numbers.err = {lines.err.lines, lines.err.bytes, lines.err.split_lines};
    numbers.log_blocked_seconds = lines.blocked_seconds;
  }
}

exporter::SelfSnapshot Measurements::Self(const rotate::LogStoreStats& logs) const {
  exporter::SelfSnapshot self = processes_.Self();
  self.version = TEND_VERSION;
  self.revision = Revision();
  self.compiler = __VERSION__;
  self.control_requests = kept_.Requests();
  self.compression_queue_files = logs.compress_queue_files;
  self.compression = CompressionTimes(logs.compress_times);
  self.log_followers = static_cast<std::uint64_t>(CountFollowers());
  self.filesystem_mount_point = logs.file_system_mount_point;
  self.filesystem_free_bytes = logs.file_system_free_bytes;
  self.filesystem_size_bytes = logs.file_system_size_bytes;
  self.filesystem_floor_bytes = logs.file_system_floor_bytes;
  self.log_limit_bytes = logs.limit_bytes;
  self.config_loaded = config_loaded_;
  if (config_loaded_time_) self.config_loaded_time = UnixSeconds(*config_loaded_time_);
  if (journal_ != nullptr) {
    const ExitJournal& header = journal_->header();
    self.role_starts = {{"keeper", header.keeper_starts.load()},
                        {"core", header.core_starts.load()},
                        {"sidecar", header.sidecar_starts.load()}};
  }
  return self;
}

exporter::Snapshot Measurements::Measure() {
  Sample();
  const auto begin = std::chrono::steady_clock::now();
  const rotate::LogStoreStats logs = options_.logs();
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
  self_.ObserveCollect("logs", took.count());
  exporter::Snapshot snapshot;
  snapshot.time = loop_.WallNow();
  for (const auto& [name, app] : view_.apps()) {
    exporter::AppSnapshot& of = snapshot.apps.emplace_back();
    MeasureApp(app, of);
    if (const auto log = logs.apps.find(name); log != logs.apps.end())
      of.logs = LogNumbers(log->second);
  }
  snapshot.self = Self(logs);
  snapshot.exporters = options_.exporters();
  kept_.Continue(snapshot);
  StoreCounters();
  return snapshot;
}

// What is not stored with the snapshot.
void Measurements::StoreCounters() {
  processes_.EachTotal(
      [this](const std::string& app, int slot, const exporter::ProcessTotals& totals) {
        if (view_.FindWorker(app, slot) != nullptr) kept_.StoreProcess(app, slot, totals);
      });
  reports_.Store(view_);
  auto own = book_.table().Write(RowKind::kSelf, {}, -1);
  self_.Counters([&](const std::string& name, double number) { own(name, number); });
  for (const auto& entry : view_.apps())
    times_.Counters(entry.first, book_.table().Write(RowKind::kApp, entry.first, -1));
}

void Measurements::Tick() {
  if (ticks_ % kTicksPerLook == 0) (void)processes_.LookCloser(view_, loop_.Now());
  (void)Measure();  // What was counted is stored with it.
  if (++ticks_ < kTicksPerCopy) return;
  ticks_ = 0;
  if (auto copy = book_.CopyJob()) (void)helper_.Post(std::move(copy));
}

bool Measurements::Finish(std::chrono::nanoseconds time_max) {
  (void)Measure();
  auto copy = book_.CopyJob();
  if (!copy) return true;
  auto done = std::make_shared<std::promise<void>>();
  std::future<void> copied = done->get_future();
  const bool posted = helper_.Post([copy = std::move(copy), done] {
    copy();
    done->set_value();
  });
  return posted && copied.wait_for(time_max) == std::future_status::ready;
}

}  // namespace tend::supervisor
