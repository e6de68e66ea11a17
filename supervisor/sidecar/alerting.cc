#include "supervisor/sidecar/alerting.h"

#include <unistd.h>

#include <algorithm>
#include <array>

#include "base/log.h"
#include "supervisor/sidecar/notify_routes.h"

namespace tend::supervisor {
namespace {

using exporter::DiskUse;
using exporter::Incident;
using exporter::Notifier;
using std::chrono::nanoseconds;

constexpr auto kSaveWithin = std::chrono::milliseconds(20);  // several acknowledgements at once
constexpr auto kDiskMax = std::chrono::seconds(2);           // at the end, for what is being saved
constexpr auto kReplaceMax = std::chrono::seconds(1);        // that a test waits for
constexpr std::size_t kLinesMax = 20, kLineMaxBytes = 500;

// Online for so long, a worker has been looked at as often as it takes to call it sick.
exporter::StableRule RuleOf(const config::AppConfig& app) {
  const config::HealthConfig& health = app.health;
  const bool has_checks = !health.http.empty() || !health.tcp.empty() || !health.exec.empty();
  const nanoseconds checks = has_checks ? health.every * health.failures : nanoseconds(0);
  exporter::StableRule rule;
  rule.crash = std::max<nanoseconds>(app.min_uptime, exporter::kStableFor);
  rule.health = std::max<nanoseconds>(
      rule.crash, health.grace + std::max({checks, health.event_loop, health.watchdog}));
  return rule;
}

DiskUse DiskUseOf(const std::string& app, const rotate::AppLogStats& stats) {
  using rotate::DropReason;
  DiskUse use;
  use.app = app;
  use.used_bytes = stats.active.bytes + stats.rotated.bytes + stats.compressed.bytes;
  use.limit_bytes = stats.limit_bytes;
  use.lost_lines = stats.Dropped(DropReason::kDiskFull) + stats.Dropped(DropReason::kWriteError);
  use.is_failing = stats.failing;
  // What went for the limit of all apps says nothing of the app's own.
  use.removed = stats.expired_files[static_cast<std::size_t>(rotate::ExpireReason::kBytes)] -
                stats.expired_at_total;
  return use;
}

// Of all apps. A limit that those of the apps keep already says nothing of its own: apps that stand
// at theirs would stand at it, too, for good.
DiskUse SumOf(const std::vector<DiskUse>& apps, const rotate::LogStoreStats& logs) {
  DiskUse all;
  all.removed = logs.expired_at_limit;
  std::uint64_t limits = 0;
  bool is_kept = true;
  for (const DiskUse& app : apps) {
    all.used_bytes += app.used_bytes;
    limits += app.limit_bytes;
    is_kept = is_kept && app.limit_bytes > 0;
  }
  if (!is_kept || limits > logs.limit_bytes) all.limit_bytes = logs.limit_bytes;
  return all;
}

}  // namespace

Alerting::Alerting(Loop& loop, Files& files, Options options)
    : loop_(loop), files_(files), options_(std::move(options)) {
  LoadState();
}

Alerting::~Alerting() {
  if (ending_.joinable()) ending_.join();
}

void Alerting::LoadState() {
  if (options_.state_file.empty()) return;
  const auto text = ReadFile(files_, options_.state_file, exporter::kAlertStateMaxBytes);
  if (!text) {
    if (text.error().code() != Errc::kNotFound)
      LogWarning("what was told to receivers is not known: " + text.error().message());
    return;
  }
  auto state = exporter::AlertStateFromJson(*text);
  if (!state) {
    LogWarning(options_.state_file + ": " + state.error().message());
    return;
  }
  book_.Load(std::move(state->book));
  states_ = std::move(state->receivers);
}

std::shared_ptr<Notifier> Alerting::notifier() const {
  const std::lock_guard lock(mutex_);
  return notifier_;
}

void Alerting::Configure(const std::vector<config::ReceiverConfig>& receivers) {
  if (receivers == receivers_) return;
  receivers_ = receivers;
  if (ending_.joinable()) return;  // goes on when it has ended
  if (notifier()) return EndNotifier();
  BeginNotifier();
}

// To come out of a request may take a thread seconds. What is to be told until then the old ones
// take, and leave to their successors.
void Alerting::EndNotifier() {
  {
    const std::lock_guard lock(mutex_);
    is_replacing_ = true;
  }
  ending_ =
      std::thread([this, &loop = loop_, old = notifier(), alive = std::weak_ptr<bool>(alive_)] {
        old->Stop(nanoseconds(0));
        loop.Post([this, alive] {
          if (alive.expired() || !ending_.joinable()) return;
          ending_.join();
          states_ = notifier()->Save();
          BeginNotifier();
        });
      });
}

void Alerting::BeginNotifier() {
  std::shared_ptr<Notifier> next;
  if (!receivers_->empty()) {
    // From the threads of receivers.
    auto on_changed = [this, &loop = loop_, alive = std::weak_ptr<bool>(alive_)] {
      loop.Post([this, alive] {
        if (!alive.expired()) SaveSoon();
      });
    };
    next = std::make_shared<Notifier>(*receivers_, options_.host, std::move(on_changed),
                                      options_.make_channel);
    std::vector<Incident> open;
    for (exporter::OpenIncident& one : book_.Save().open) {
      if (one.is_told) open.push_back(std::move(one.incident));
    }
    next->Start(std::exchange(states_, {}), open);
  }
  {
    const std::lock_guard lock(mutex_);
    notifier_ = std::move(next);
    is_replacing_ = false;
  }
  replaced_.notify_all();
  SaveSoon();
  TellDue();
}

void Alerting::PutApp(const config::AppConfig& app, const AppStatus& status) {
  book_.PutApp(app.name, RuleOf(app));
  for (const WorkerStatus& worker : status.workers)
    PutWorker(app.name, worker);
}

void Alerting::DropApp(const std::string& app) {
  book_.DropApp(app, Now());
  std::erase_if(incarnations_, [&](const auto& entry) { return entry.first.first == app; });
  TellDue();
}

void Alerting::PutWorker(const std::string& app, const WorkerStatus& worker) {
  auto& [last, before] = incarnations_[{app, worker.slot}];
  if (worker.incarnation != last) before = std::exchange(last, worker.incarnation);
  book_.PutWorker(app, worker, Now());
  TellDue();
}

void Alerting::DropWorker(const std::string& app, int slot) {
  book_.DropWorker(app, slot, Now());
  incarnations_.erase({app, slot});
  TellDue();
}

void Alerting::Synced() {
  is_synced_ = true;
  book_.Synced(Now());
  TellDue();
}

void Alerting::OnFact(const Fact& fact) {
  if (!receivers_) return;
  book_.OnFact(fact, Now());
  TellDue();
}

void Alerting::Measured(const rotate::LogStoreStats& logs,
                        const std::set<std::string>& open_logs,
                        const std::vector<exporter::ExporterLag>& exporters) {
  std::vector<DiskUse> disks;
  for (const auto& [app, stats] : logs.apps)
    disks.push_back(DiskUseOf(app, stats));
  // What all of them take is known when all of them are known and looked into.
  const bool is_whole =
      is_synced_ && std::all_of(open_logs.begin(), open_logs.end(),
                                [&](const auto& app) { return logs.apps.contains(app); });
  if (is_whole) disks.push_back(SumOf(disks, logs));
  book_.PutDisks(disks, Now());
  book_.PutExporters(exporters, Now());
  TellDue();
  // Logs may be held at their limit, or not any more, without a word about it.
  SaveSoon();
}

void Alerting::TellDue() {
  if (!receivers_) return;
  std::vector<Incident> due = book_.Take(Now());
  const auto receivers = notifier();
  for (Incident& incident : due) {
    if (!receivers) break;
    AddLastWords(incident);
    receivers->Tell(incident);
  }
  if (!due.empty()) Save();
  if (settle_ || !book_.is_settling()) return;
  settle_ = loop_.After(exporter::kSettle, [this] {
    settle_.reset();
    TellDue();
  });
}

void Alerting::AddLastWords(Incident& incident) const {
  const auto known = incarnations_.find({incident.app, incident.slot});
  if (known == incarnations_.end() || incident.phase() == exporter::Phase::kResolved) return;
  std::vector<std::string> lines;
  // The one that runs now may not have said anything yet.
  for (const std::uint64_t incarnation : {known->second.first, known->second.second}) {
    if (lines.empty() && incarnation != 0)
      lines = options_.last_stderr(incident.app, incident.slot, incarnation);
  }
  if (lines.size() > kLinesMax)
    lines.erase(lines.begin(), lines.end() - static_cast<std::ptrdiff_t>(kLinesMax));
  for (std::string& line : lines) {
    if (line.size() > kLineMaxBytes) line.resize(kLineMaxBytes);
  }
  incident.last_stderr = std::move(lines);
}

void Alerting::SaveSoon() {
  if (save_) return;
  save_ = loop_.After(kSaveWithin, [this] {
    save_.reset();
    Save();
  });
}

std::string Alerting::StateText() const {
  const auto receivers = notifier();
  return exporter::ToJson({book_.Save(), receivers ? receivers->Save() : states_}) + '\n';
}

// Not here: a disk that is busy would hold up the pipes. One after the other.
void Alerting::Save() {
  if (options_.state_file.empty()) return;
  if (writing_.valid()) {
    save_again_ = true;
    return;
  }
  std::string text = StateText();
  if (text == saved_) return;
  saved_ = text;
  const auto done = std::make_shared<std::promise<void>>();
  writing_ = done->get_future();
  disk_.Post([this, done, text = std::move(text), path = options_.state_file, &files = files_,
              &loop = loop_, alive = std::weak_ptr<bool>(alive_)] {
    const Result<> written = WriteFileAtomically(files, path, text, 0600);
    done->set_value();
    // Whoever waits for the thread to end owns the loop, too.
    if (alive.expired()) return;
    loop.Post([this, alive, written] {
      if (!alive.expired()) Saved(written);
    });
  });
}

void Alerting::Saved(const Result<>& written) {
  writing_ = {};
  if (!written) {
    saved_.clear();
    LogWarning("what was told to receivers: " + written.error().message());
  }
  if (std::exchange(save_again_, false)) Save();
}

std::vector<exporter::ReceiverStats> Alerting::Stats() const {
  const auto receivers = notifier();
  return receivers ? receivers->Stats() : std::vector<exporter::ReceiverStats>();
}

std::optional<exporter::HttpResponse> Alerting::Handle(const exporter::HttpRequest& request) const {
  if (request.path != kNotifyPath) return std::nullopt;
  if (!request.is_read) {
    // A test is of those that are configured.
    std::unique_lock lock(mutex_);
    replaced_.wait_for(lock, kReplaceMax, [this] { return !is_replacing_; });
  }
  return HandleNotify(request, notifier());
}

void Alerting::Finish(nanoseconds time_max) {
  if (ending_.joinable()) ending_.join();
  const auto receivers = notifier();
  if (receivers) receivers->Stop(time_max);
  if (options_.state_file.empty()) return;
  if (writing_.valid() && writing_.wait_for(kDiskMax) != std::future_status::ready)
    return LogWarning("what was told to receivers: the disk does not answer");
  const std::string text = StateText();
  if (!writing_.valid() && text == saved_) return;
  const auto written = WriteFileAtomically(files_, options_.state_file, text, 0600);
  if (!written) LogWarning("what was told to receivers: " + written.error().message());
}

std::string HostName() {
  std::array<char, 256> name{};
  if (::gethostname(name.data(), name.size() - 1) != 0) return "localhost";
  return name.data();
}

}  // namespace tend::supervisor
