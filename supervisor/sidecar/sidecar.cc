#include "supervisor/sidecar/sidecar.h"

#include <malloc.h>
#include <unistd.h>

#include <algorithm>
#include <memory>
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

// For lines that are written by then to leave.
constexpr auto kFlushMax = std::chrono::seconds(5);
constexpr auto kLeastFlush = std::chrono::milliseconds(500);
constexpr const char* kSpoolFolder = "/spool";
constexpr auto kCopyMax = std::chrono::seconds(1);

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

}  // namespace

Sidecar::Sidecar(Loop& loop, Options options)
    : loop_(loop),
      options_(std::move(options)),
      measurements_(loop, view_, self_, MeasureOptions()),
      statsd_(loop, measurements_.reports(), [this] { self_.CountError("statsd"); }),
      spools_(OpenSpools()),
      store_(loop, FilesLinux(), StoreOptions()),
      redacting_(store_),
      limited_(loop, redacting_, NoteLimited()),
      joining_(loop, limited_),
      triggers_(loop, TriggerOptions()),
      tap_(triggers_, joining_, measurements_.reports()),
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
  rotate::WriteJournal::ConsumeMarks(
      FilesLinux(), (*spools)->folder(),
      [&](const SpoolId& id, std::uint64_t offset) { (*spools)->Consumed(id, offset); });
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
  options.locks = !options_.has_lock;
  options.journals = spools_ ? spools_->folder() : options_.journals;
  options.on_fact = [this](Fact fact) { OnFact(std::move(fact)); };
  options.on_room = [this](const std::string& app) {
    collector_.Resume(app);
    if (options_.on_room) options_.on_room(app);
  };
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
  if (auto opened = statsd_.Open(options_.statsd_socket); !opened) {
    LogWarning("no numbers by statsd: " + opened.error().message());
  }
  return tcp;
}

void Sidecar::FollowKeeper() {
  if (!options_.run.empty()) {
    if (auto journal = ExitJournalReader::Open(options_.run + '/' + kJournalFile)) {
      journal_ = *std::move(journal);
      measurements_.SetJournal(&*journal_);
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
  measurements_.PutApp(name);
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
  measurements_.Forget(app);
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
  measurements_.PutWorker(app, worker);
  statsd_.Put({app, worker.slot, worker.incarnation}, worker.pid);
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
  measurements_.Began(worker, pid);
  statsd_.Put(worker, pid);
  if (open_logs_.contains(app)) return collector_.Announce(worker);
  waiting_.push_back(worker);
}

void Sidecar::OnEnded(std::uint64_t incarnation) {
  triggers_.Ended(incarnation);
  statsd_.Ended(incarnation);
  collector_.Ended(incarnation);
}

void Sidecar::OnFact(Fact fact) {
  // Core's own are in core's log already; this one has what the sidecar saw.
  events_.Add(fact);
  outbound_.alerting().OnFact(fact);
  measurements_.State(fact);
  if (fact.id == FactId::kFileEmptied || fact.id == FactId::kFileLost) self_.CountError("follow");
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
  sample_ = loop_.After(
      Measurements::kSampleEvery, [this, due = loop_.Now() + Measurements::kSampleEvery] {
        self_.ObserveLoopLag(std::chrono::duration<double>(loop_.Now() - due).count());
        measurements_.Tick();
        outbound_.Measured(store_.Stats(), open_logs_);
        routes_.Trim(loop_.Now());
        ::malloc_trim(0);
        SampleLater();
      });
}

Measurements::Options Sidecar::MeasureOptions() {
  Measurements::Options options;
  options.run = options_.run;
  options.state = options_.state;
  options.logs = [this] { return store_.Stats(); };
  options.lines = [this](const std::string& app, int slot) {
    return collector_.Counters(app, slot);
  };
  options.exporters = [this] {
    std::vector<exporter::ExportNumbers> exporters;
    for (const exporter::ExportStats& stats : outbound_.Stats())
      exporters.push_back(exporter::NumbersOf(stats));
    return exporters;
  };
  return options;
}

SidecarState Sidecar::RouteState() {
  SidecarState state;
  state.snapshot = [this] { return measurements_.Measure(); };
  state.metrics = [this] { return measurements_.metrics(); };
  state.apps = [this] { return measurements_.Apps(); };
  state.log_folder = [this](const std::string& app) -> std::optional<std::string> {
    if (!open_logs_.contains(app)) return std::nullopt;
    return store_.FolderOf(app);
  };
  state.app_names = [this] {
    return std::vector<std::string>(open_logs_.begin(), open_logs_.end());
  };
  state.when_written = [this](const std::vector<std::string>& apps, std::function<void()> done) {
    // Whoever lets go of it last has called.
    const std::shared_ptr<void> last(nullptr, [done = std::move(done)](void*) { done(); });
    for (const std::string& app : apps)
      store_.Barrier(app, [last] {});
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
  options.on_loaded = [this](bool ok) { measurements_.SetConfigLoaded(ok); };
  options.on_metrics = [this](const config::MetricsConfig& metrics) {
    measurements_.SetMetrics(metrics);
  };
  return options;
}

bool Sidecar::Finish(std::chrono::nanoseconds time_max) {
  // Nobody asks the loop any more once it does not run.
  routes_.LoopEnded();
  http_.reset();
  for (const std::string& path :
       {options_.http_socket, options_.listen_file, options_.statsd_socket}) {
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
  const Mono deadline = std::chrono::steady_clock::now() + time_max;
  const bool is_written = store_.Shutdown(time_max);
  const bool is_copied = measurements_.Finish(kCopyMax);
  // A disk that hangs would hold exporters, too; they go on from where they were.
  if (!is_written) return false;
  const auto left = deadline - std::chrono::steady_clock::now();
  outbound_.Stop(std::clamp<std::chrono::nanoseconds>(left, kLeastFlush, kFlushMax));
  return is_copied;
}

}  // namespace tend::supervisor
