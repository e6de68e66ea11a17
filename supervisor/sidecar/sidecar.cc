#include "supervisor/sidecar/sidecar.h"

#include <malloc.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include "base/files.h"
#include "base/log.h"
#include "rotate/write_journal.h"
#include "rotate/zone.h"
#include "supervisor/sidecar/log_files.h"
#include "supervisor/sidecar/saved_patterns.h"

namespace tend::supervisor {
namespace {

constexpr auto kSampleEvery = std::chrono::seconds(5);
constexpr auto kSampleAgeMax = std::chrono::seconds(1);
// For lines that are written by then to leave.
constexpr auto kFlushMax = std::chrono::seconds(5);
constexpr const char* kSpoolFolder = "/spool";

StoreKind KindOf(collector::PipeKind kind) {
  switch (kind) {
    case collector::PipeKind::kStdout:
      return StoreKind::kStdout;
    case collector::PipeKind::kStderr:
      return StoreKind::kStderr;
    case collector::PipeKind::kTelemetry:
      return StoreKind::kTelemetry;
  }
  return StoreKind::kNone;
}

template <std::size_t N, typename NameOf>
exporter::NamedCounts Named(const std::array<std::uint64_t, N>& counts, NameOf name_of) {
  exporter::NamedCounts named;
  for (std::size_t i = 0; i < N; ++i)
    named.emplace_back(name_of(i), counts[i]);
  return named;
}

// Of an app that core does not know any more, or not yet: nothing is removed or changed for limits
// that nobody gave. What holds for the disk as a whole holds.
config::LogConfig LimitsOfUnknown() {
  config::LogConfig limits;
  limits.max_age = {};
  limits.max_files = 0;
  limits.max_total = 0;
  limits.compress = false;
  return limits;
}

}  // namespace

Sidecar::Sidecar(Loop& loop, Options options)
    : loop_(loop),
      options_(std::move(options)),
      measurements_(self_),
      spools_(OpenSpools()),
      store_(loop, FilesLinux(), StoreOptions()),
      redacting_(store_),
      limited_(loop, redacting_, NoteLimited()),
      joining_(loop, limited_),
      triggers_(loop, TriggerOptions()),
      tap_(triggers_, joining_, measurements_),
      collector_(loop, tap_, tap_, CollectorCallbacks(), CollectorOptions()),
      routes_(loop, RouteState(), self_, events_, runs_),
      outbound_(loop, FilesLinux(), OutboundOptions()) {
  SampleLater();
  outbound_.Start();
}

Sidecar::~Sidecar() {
  // They and their folder hold each other.
  if (spools_) (void)spools_->TakeLeft();
}

SpoolTable::Hooks Sidecar::SpoolHooks() {
  const auto kind = [](const SpoolId& id) {
    return id.stream == static_cast<std::uint32_t>(collector::PipeKind::kStdout)
               ? StoreKind::kSpoolOut
               : StoreKind::kSpoolErr;
  };
  SpoolTable::Hooks hooks;
  hooks.keep = [this, kind](const SpoolId& id, int hold) -> Result<> {
    if (!keeper_) return Error(Errc::kUnreachable, "there is no keeper");
    return keeper_->Put(kind(id), id.incarnation, hold);
  };
  hooks.is_kept = [this] { return keeper_->queued() == 0; };
  hooks.drop = [this, kind](const SpoolId& id) {
    loop_.Post([this, kind = kind(id), incarnation = id.incarnation] {
      if (auto dropped = keeper_->Drop(kind, incarnation); !dropped) {
        LogError(dropped.error().message());
      }
    });
  };
  hooks.on_room = [this](const SpoolId& id) {
    loop_.Post([this, incarnation = id.incarnation] { collector_.SpoolHasRoom(incarnation); });
  };
  return hooks;
}

void Sidecar::AdoptSpool(StoreKind kind, std::uint64_t incarnation, Fd hold) {
  const auto stream =
      kind == StoreKind::kSpoolOut ? collector::PipeKind::kStdout : collector::PipeKind::kStderr;
  const bool is_known =
      spools_ && spools_->Adopt(incarnation, static_cast<std::uint32_t>(stream), std::move(hold));
  if (is_known) return;
  if (auto dropped = keeper_->Drop(kind, incarnation); !dropped)
    LogError(dropped.error().message());
}

std::shared_ptr<SpoolTable> Sidecar::OpenSpools() {
  if (options_.run.empty()) return nullptr;
  auto spools = SpoolTable::Open(options_.run + kSpoolFolder, SpoolHooks());
  if (!spools) {
    LogWarning("lines on their way are lost if the sidecar crashes: " + spools.error().message());
    return nullptr;
  }
  // What was announced will be written, whatever becomes of us: it is not taken again.
  rotate::WriteJournal::ConsumeMarks(FilesLinux(), (*spools)->folder(), **spools);
  return *std::move(spools);
}

collector::Collector::Options Sidecar::CollectorOptions() const {
  collector::Collector::Options options;
  options.spools = spools_;
  return options;
}

void Sidecar::PublishLeft() {
  if (!replayed_ || !synced_) return;
  for (const std::string& app : collector_.AppsWithLeft()) {
    if (!open_logs_.contains(app)) OpenLog(app);
  }
  collector_.PublishLeft();
}

collector::Collector::Callbacks Sidecar::CollectorCallbacks() {
  return {[this](std::uint64_t incarnation, collector::PipeKind kind) {
            OnPipeClosed(incarnation, kind);
          },
          nullptr};
}

LimitedSink::NoteLost Sidecar::NoteLimited() {
  return [this](const std::string& app, std::uint64_t lines, std::uint64_t bytes,
                const std::string& why) {
    store_.NoteLost(
        app,
        {.lines = lines, .bytes = bytes, .reason = rotate::DropReason::kRateLimit, .why = why});
  };
}

rotate::LogStore::Options Sidecar::StoreOptions() {
  rotate::LogStore::Options options;
  options.folder = options_.logs;
  if (spools_) options.journals = spools_->folder();
  options.on_fact = [this](Fact fact) { OnFact(std::move(fact)); };
  options.on_room = [this](const std::string& app) { collector_.Resume(app); };
  return options;
}

Triggers::Options Sidecar::TriggerOptions() {
  Triggers::Options options;
  options.own_files = options_.own_files;
  options.tell_core = [this](std::string packet) {
    if (link_) link_->Send(std::move(packet));
  };
  options.state = [this](Fact fact) { OnFact(std::move(fact)); };
  options.resident_bytes = [this](int pid) { return measurements_.ResidentBytes(pid); };
  options.zone = [] {
    auto zone = rotate::FindZone("");
    return zone ? *std::move(zone) : ZoneOffsets([](Wall) { return OffsetSpan{}; });
  };
  return options;
}

Result<> Sidecar::Serve() {
  http_ = std::make_unique<exporter::HttpServer>(
      [this](const exporter::HttpRequest& request) { return routes_.Handle(request); });
  Result<> tcp;
  if (options_.listen != "off") tcp = http_->ListenTcp(options_.listen);
  if (!options_.http_socket.empty()) {
    if (auto listening = http_->ListenUnix(options_.http_socket); !listening) return listening;
  }
  if (!options_.listen_file.empty()) {
    const std::string address = tcp ? http_->bound_address() : std::string();
    const auto written = WriteFileAtomically(FilesLinux(), options_.listen_file,
                                             (address.empty() ? "off" : address) + "\n", 0644);
    if (!written) LogError(written.error().message());
  }
  http_->Start();
  return tcp;
}

void Sidecar::FollowKeeper() {
  if (!options_.run.empty()) {
    if (auto journal = ExitJournalReader::Open(options_.run + '/' + kJournalFile)) {
      journal_ = *std::move(journal);
    }
  }
  KeeperClient::Callbacks callbacks;
  callbacks.on_put = [this](StoreKind kind, std::uint64_t id, Fd fd) {
    OnPut(kind, id, std::move(fd));
  };
  callbacks.on_replay_end = [this] {
    replayed_ = true;
    if (spools_) spools_->AdoptedAll();
    // Before this, nobody's output is read: all spools of before must be there.
    if (core_link_.valid()) OpenLink(std::exchange(core_link_, Fd()));
    PublishLeft();
    if (auto ready = keeper_->Ready(); !ready) LogError(ready.error().message());
  };
  callbacks.on_closed = [this] {
    LogWarning("the keeper is gone");
    loop_.Stop();
  };
  keeper_ = std::make_unique<KeeperClient>(loop_, std::move(callbacks));
}

void Sidecar::OnPut(StoreKind kind, std::uint64_t id, Fd fd) {
  switch (kind) {
    case StoreKind::kStdout:
      return collector_.Attach(id, collector::PipeKind::kStdout, std::move(fd));
    case StoreKind::kStderr:
      return collector_.Attach(id, collector::PipeKind::kStderr, std::move(fd));
    case StoreKind::kTelemetry:
      return collector_.Attach(id, collector::PipeKind::kTelemetry, std::move(fd));
    case StoreKind::kSpoolOut:
    case StoreKind::kSpoolErr:
      return AdoptSpool(kind, id, std::move(fd));
    case StoreKind::kProbe:
      // Used once, by whoever asked.
      if (auto dropped = keeper_->Drop(kind, id); !dropped) LogError(dropped.error().message());
      return triggers_.TakeConnection(id, std::move(fd));
    case StoreKind::kLinkSidecar:
      if (replayed_) return OpenLink(std::move(fd));
      core_link_ = std::move(fd);
      return;
    default:
      return;
  }
}

void Sidecar::OpenLink(Fd socket) {
  PacketChannel::Callbacks callbacks;
  callbacks.on_packet = [this](std::string_view packet) {
    measurements_.SetNow(loop_.Now());
    if (!ReadLinkPacket(packet, *this)) self_.CountError("link");
  };
  callbacks.on_closed = [] { LogError("the link to core is closed"); };
  // Core told everything before; it does so again when it is asked.
  callbacks.on_overflow = [this] { link_->Send(SidecarHello(::getpid())); };
  link_ = std::make_unique<PacketChannel>(loop_, std::move(socket), std::move(callbacks));
  link_->Send(SidecarHello(::getpid()));
}

void Sidecar::OnPipeClosed(std::uint64_t incarnation, collector::PipeKind kind) {
  if (keeper_) {
    const auto dropped = keeper_->Drop(KindOf(kind), incarnation);
    if (!dropped) LogError(dropped.error().message());
  }
  if (kind == collector::PipeKind::kTelemetry) {
    triggers_.ReportsEnded(incarnation);
  } else {
    const bool is_out = kind == collector::PipeKind::kStdout;
    joining_.Ended(incarnation, is_out ? Stream::kStdout : Stream::kStderr);
  }
  // An app that was deleted while its pipes were still open may be waiting for this.
  loop_.Post([this] {
    const std::set<std::string> open = open_logs_;
    for (const std::string& app : open)
      CloseLogIfUnused(app);
  });
}

void Sidecar::OnCoreHello() {
  view_.BeginSync();
  triggers_.BeginSync();
}

void Sidecar::OnSynced() {
  // The end of what core told the process before us: we do not know all apps yet.
  if (!view_.is_syncing()) return;
  for (const std::string& app : view_.EndSync())
    OnAppGone(app);
  triggers_.EndSync();
  // Output of apps that core does not know any more: kept all the same.
  for (const WorkerRef& worker : std::exchange(waiting_, {})) {
    OpenLog(worker.app);
    collector_.Announce(worker);
  }
  synced_ = true;
  outbound_.alerting().Synced();
  PublishLeft();
}

void Sidecar::OpenLog(const std::string& app) {
  const FleetView::App* known = view_.Find(app);
  const config::LogConfig limits = known != nullptr ? known->config.logs : LimitsOfUnknown();
  // Its secrets are secrets still.
  if (known == nullptr && spools_) SetPatterns(app, LoadPatterns(spools_->folder(), app));
  std::vector<rotate::ExtraFile> extras;
  if (known != nullptr) extras = ExtraFilesOf(known->config, known->status);
  const bool is_new = open_logs_.insert(app).second;
  const auto opened = is_new ? store_.OpenApp(app, limits, std::move(extras))
                             : store_.Reconfigure(app, limits, std::move(extras));
  if (opened) return;
  LogError("the log of " + app + ": " + opened.error().message());
  if (is_new) open_logs_.erase(app);
}

void Sidecar::SetFilters(const std::string& app, const config::LogConfig& logs) {
  limited_.SetLimit(app, {logs.rate_limit, logs.rate_burst});
  const bool joins = logs.format == config::LineFormat::kJson;
  joining_.SetRule(app, joins ? logs.multiline_start : std::vector<std::string>(),
                   logs.multiline_flush);
  SetPatterns(app, logs.redact);
  if (!spools_) return;
  if (auto saved = SavePatterns(spools_->folder(), app, logs.redact); !saved) {
    LogWarning("what " + app + " redacts is not known to the next sidecar if it is deleted: " +
               saved.error().message());
  }
}

void Sidecar::SetPatterns(const std::string& app, const std::vector<std::string>& patterns) {
  std::shared_ptr<const collector::Redactor> redactor;
  if (!patterns.empty()) redactor = std::make_shared<const collector::Redactor>(patterns);
  collector_.SetRedactor(app, redactor);
  redacting_.SetRedactor(app, std::move(redactor));
}

void Sidecar::CloseLogIfUnused(const std::string& app) {
  if (view_.Find(app) != nullptr || collector_.HasPipes(app)) return;
  const bool is_awaited = std::any_of(waiting_.begin(), waiting_.end(),
                                      [&](const WorkerRef& worker) { return worker.app == app; });
  if (is_awaited || open_logs_.erase(app) == 0) return;
  joining_.Forget(app);
  limited_.Forget(app);
  redacting_.SetRedactor(app, nullptr);
  if (spools_) (void)SavePatterns(spools_->folder(), app, {});
  store_.CloseApp(app);
  collector_.Forget(app);
  measurements_.Forget(app);
}

void Sidecar::OnApp(config::AppConfig app, AppStatus status) {
  const std::string name = app.name;
  SetFilters(name, app.logs);
  for (const WorkerStatus& worker : status.workers)
    runs_.Update(name, worker);
  triggers_.PutApp(app);
  outbound_.alerting().PutApp(app, status);
  view_.PutApp(std::move(app), std::move(status));
  OpenLog(name);
  SetLogsTotal();
  std::erase_if(waiting_, [&](const WorkerRef& worker) {
    if (worker.app != name) return false;
    collector_.Announce(worker);
    return true;
  });
}

void Sidecar::OnAppGone(const std::string& app) {
  view_.DropApp(app);
  triggers_.DropApp(app);
  outbound_.alerting().DropApp(app);
  runs_.Forget(app);
  CloseLogIfUnused(app);
  SetLogsTotal();
}

void Sidecar::SetLogsTotal() {
  std::optional<std::uint64_t> least;
  for (const auto& [name, app] : view_.apps())
    least = std::min(least.value_or(app.config.logs.total), app.config.logs.total);
  const std::uint64_t total = least.value_or(config::LogConfig().total);
  if (std::exchange(logs_total_, total) != total) store_.SetLogsTotal(total);
}

void Sidecar::OnWorker(const std::string& app, WorkerStatus worker) {
  const FleetView::App* known = view_.Find(app);
  const std::size_t before = known == nullptr ? 0 : known->status.workers.size();
  if (known != nullptr) runs_.Update(app, worker);
  triggers_.PutWorker(app, worker);
  outbound_.alerting().PutWorker(app, worker);
  if (!view_.PutWorker(app, std::move(worker))) return;
  known = view_.Find(app);
  const bool has_numbers =
      !known->config.merge_logs || known->config.log_type == config::LogType::kJson;
  if (has_numbers && known->status.workers.size() != before) OpenLog(app);
}

void Sidecar::OnWorkerGone(const std::string& app, int slot) {
  view_.DropWorker(app, slot);
  triggers_.DropWorker(app, slot);
  outbound_.alerting().DropWorker(app, slot);
  collector_.Forget(app, slot);
  measurements_.Forget(app, slot);
}

void Sidecar::OnIncarnation(
    const std::string& app, int slot, std::uint64_t incarnation, int pid, std::uint16_t port) {
  const WorkerRef worker{app, slot, incarnation};
  triggers_.PutIncarnation(worker, pid, port);
  if (open_logs_.contains(app)) return collector_.Announce(worker);
  waiting_.push_back(worker);
}

void Sidecar::OnEnded(std::uint64_t incarnation) {
  triggers_.Ended(incarnation);
  collector_.Ended(incarnation);
}

void Sidecar::OnFact(Fact fact) {
  // Core's own are in core's log already; this one has what the sidecar saw.
  events_.Add(fact);
  outbound_.alerting().OnFact(fact);
  const bool is_ours = fact.id >= FactId::kLinesDropped && fact.id <= FactId::kWatchIncomplete;
  const Level level = RowOf(fact.id).level;
  if (is_ours && level > Level::kInfo) Log(level, Describe(fact));
}

void Sidecar::OnLogsRequest(LogsOp op, const std::string& app, std::uint64_t request) {
  auto done = [this, request](const Result<>& result) {
    if (link_) link_->Send(LogsDone(request, result ? std::string() : result.error().message()));
  };
  switch (op) {
    case LogsOp::kFlush:
      return store_.Flush(app, std::move(done));
    case LogsOp::kReopen:
      return store_.Reopen(app, std::move(done));
    case LogsOp::kRotate:
      return store_.Rotate(app, std::move(done));
  }
}

void Sidecar::ReopenLogs() {
  for (const std::string& app : open_logs_) {
    store_.Reopen(app, [app](const Result<>& result) {
      if (!result) LogError("the log of " + app + ": " + result.error().message());
    });
  }
}

void Sidecar::SampleLater() {
  sample_ = loop_.After(kSampleEvery, [this] {
    if (!view_.apps().empty()) measurements_.Sample(view_, loop_.Now(), kSampleAgeMax);
    outbound_.Measured(store_.Stats());
    ::malloc_trim(0);
    SampleLater();
  });
}

std::vector<AppStatus> Sidecar::MeasuredApps() {
  measurements_.Sample(view_, loop_.Now(), kSampleAgeMax);
  const rotate::LogStoreStats stats = store_.Stats();
  std::vector<AppStatus> apps;
  for (const auto& entry : view_.apps()) {
    apps.push_back(entry.second.status);
    if (const auto log = stats.apps.find(entry.first); log != stats.apps.end()) {
      apps.back().log_bytes =
          log->second.active.bytes + log->second.rotated.bytes + log->second.compressed.bytes;
      apps.back().log_limit_bytes = log->second.limit_bytes;
    }
    for (WorkerStatus& worker : apps.back().workers) {
      const exporter::WorkerNumbers numbers = measurements_.Numbers(entry.first, worker);
      worker.cpu_ratio = numbers.cpu_ratio;
      if (numbers.process) worker.rss_bytes = numbers.process->resident_bytes;
      if (numbers.lag && worker.pid != 0) {
        worker.eventloop_lag_p99_seconds = numbers.lag->p99_seconds;
      }
    }
  }
  return apps;
}

exporter::AppLogNumbers Sidecar::LogNumbers(const rotate::AppLogStats& stats) const {
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

exporter::Snapshot Sidecar::Measure() {
  measurements_.Sample(view_, loop_.Now(), kSampleAgeMax);
  const rotate::LogStoreStats stats = store_.Stats();
  exporter::Snapshot snapshot;
  for (const auto& entry : view_.apps()) {
    exporter::AppSnapshot& app = snapshot.apps.emplace_back();
    app.status = entry.second.status;
    for (const WorkerStatus& worker : app.status.workers) {
      exporter::WorkerNumbers numbers = measurements_.NumbersWithFds(entry.first, worker);
      const collector::WorkerCounters lines = collector_.Counters(entry.first, worker.slot);
      numbers.out = {lines.out.lines, lines.out.bytes, lines.out.split_lines};
      numbers.err = {lines.err.lines, lines.err.bytes, lines.err.split_lines};
      app.workers.push_back(std::move(numbers));
    }
    if (const auto log = stats.apps.find(entry.first); log != stats.apps.end()) {
      app.logs = LogNumbers(log->second);
    }
  }
  snapshot.self = measurements_.Self();
  snapshot.self.version = TEND_VERSION;
  snapshot.self.compiler = __VERSION__;
  snapshot.self.compression_queue_files = stats.compress_queue_files;
  snapshot.self.filesystem_free_bytes = stats.file_system_free_bytes;
  snapshot.self.filesystem_size_bytes = stats.file_system_size_bytes;
  snapshot.self.filesystem_floor_bytes = stats.file_system_floor_bytes;
  snapshot.self.log_limit_bytes = stats.limit_bytes;
  if (journal_) {
    const ExitJournal& header = journal_->header();
    snapshot.self.role_starts = {{"keeper", header.keeper_starts.load()},
                                 {"core", header.core_starts.load()},
                                 {"sidecar", header.sidecar_starts.load()}};
  }
  return snapshot;
}

SidecarState Sidecar::RouteState() {
  SidecarState state;
  state.snapshot = [this] { return Measure(); };
  state.apps = [this] { return MeasuredApps(); };
  state.log_folder = [this](const std::string& app) -> std::optional<std::string> {
    if (!open_logs_.contains(app)) return std::nullopt;
    return store_.FolderOf(app);
  };
  state.app_names = [this] {
    return std::vector<std::string>(open_logs_.begin(), open_logs_.end());
  };
  state.is_drained = [this](const std::string& app, int slot, std::uint64_t incarnation) {
    return view_.HasEnded(app, slot, incarnation) && collector_.IsDrained(incarnation);
  };
  state.last_stderr = [this](const std::string& app, int slot, std::uint64_t incarnation) {
    return collector_.LastStderr(app, slot, incarnation);
  };
  state.ready = [this] { return view_.synced(); };
  state.other = [this](const exporter::HttpRequest& request) { return outbound_.Handle(request); };
  return state;
}

Outbound::Options Sidecar::OutboundOptions() {
  Outbound::Options options;
  options.state = options_.state;
  options.logs = options_.logs;
  options.page = [this] { return routes_.Page(); };
  options.last_stderr = [this](const std::string& app, int slot, std::uint64_t incarnation) {
    return collector_.LastStderr(app, slot, incarnation);
  };
  return options;
}

bool Sidecar::Finish(std::chrono::nanoseconds time_max) {
  // Nobody asks the loop any more once it does not run.
  routes_.LoopEnded();
  http_.reset();
  for (const std::string& path : {options_.http_socket, options_.listen_file}) {
    // Gone is as good as removed.
    if (!path.empty()) (void)FilesLinux().Unlink(path).has_value();
  }
  if (replayed_) {
    synced_ = true;  // More than is known now will not come.
    PublishLeft();
  }
  collector_.DrainAll();
  joining_.Finish();
  limited_.Finish();
  const bool written = store_.Shutdown(time_max);
  outbound_.Stop(kFlushMax);
  return written;
}

}  // namespace tend::supervisor
