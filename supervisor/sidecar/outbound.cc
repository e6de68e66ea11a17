#include "supervisor/sidecar/outbound.h"

#include <algorithm>
#include <memory>
#include <thread>
#include <utility>

#include "base/log.h"
#include "exporter/ship/make_sink.h"
#include "exporter/ship/remote_write.h"
#include "exporter/ship/shipper.h"
#include "supervisor/sidecar/segment_source.h"

namespace tend::supervisor {
namespace {

constexpr const char* kObserveFile = "/observe.json";
constexpr const char* kIncidentFile = "/alerts.json";
constexpr const char* kExportFolder = "/export";  // how far each exporter is, in a file each
constexpr std::string_view kPositions = ".positions";
constexpr std::string_view kPositionsBefore = ".json";  // what earlier versions call the same
constexpr const char* kUnfinished = ".tmp";             // of WriteFileAtomically

std::string In(const std::string& folder, const char* name) {
  return folder.empty() ? std::string() : folder + name;
}

// Shipper and RemoteWriter, as Outlets want them.
template <typename Exporter>
class OutletOf final : public Outlet {
 public:
  template <typename... Arguments>
  explicit OutletOf(Arguments&&... arguments) : exporter_(std::forward<Arguments>(arguments)...) {
    exporter_.Start();
  }
  exporter::ExportStats Stats() const override { return exporter_.Stats(); }
  void Stop(std::chrono::nanoseconds time_max) override { exporter_.Stop(time_max); }

 private:
  Exporter exporter_;
};

}  // namespace

Outbound::Outbound(Loop& loop, Files& files, Options options)
    : files_(files),
      options_(std::move(options)),
      file_(files_, In(options_.state, kObserveFile)),
      host_(HostName()),
      outlets_(loop, [this](const config::ExporterConfig& config) { return Make(config); }),
      alerting_(loop, files_, AlertingOptions()),
      routes_(loop, RouteState()) {
  now_.given = false;
}

ExportRoutes::State Outbound::RouteState() {
  ExportRoutes::State state;
  state.exporters = [this] { return outlets_.Stats(); };
  state.observe = [this] { return now_; };
  state.configure = [this](config::ObserveRequest request) {
    return Configure(std::move(request));
  };
  return state;
}

Alerting::Options Outbound::AlertingOptions() const {
  Alerting::Options options;
  options.state_file = In(options_.state, kIncidentFile);
  options.host = host_;
  options.last_stderr = options_.last_stderr;
  return options;
}

// An exporter without positions would send all that is stored once more.
void Outbound::TakeOverPositions() {
  const std::string folder = In(options_.state, kExportFolder);
  const auto names = folder.empty() ? std::vector<std::string>() : files_.List(folder);
  if (!names) return;
  for (const std::string& name : *names) {
    const std::string path = folder + '/' + name;
    if (name.ends_with(kUnfinished)) {
      // A write that was cut off; what cannot be removed is overwritten by the next.
      (void)files_.Unlink(path);
    } else if (name.ends_with(kPositionsBefore)) {
      const std::string kept = path.substr(0, path.size() - kPositionsBefore.size());
      const auto moved = files_.RenameNoReplace(path, kept + std::string(kPositions));
      if (moved || moved.error().code() == Errc::kExists) continue;
      LogError("what is stored may be sent again: " + moved.error().message());
    }
  }
}

void Outbound::Start() {
  TakeOverPositions();
  auto kept = file_.Load();
  if (kept) {
    now_ = *std::move(kept);
    if (now_.given) Loaded(true);
  } else {
    Loaded(false);
    LogError("what was configured to leave tend is not known any more: " + kept.error().message());
  }
  Apply();
}

Result<ObserveChange> Outbound::Configure(config::ObserveRequest request) {
  ObserveChange change = Change(now_, std::move(request));
  const Result<> saved = change.changed ? file_.Save(change.next) : Result<>();
  Loaded(saved.has_value());
  if (!saved) return saved.error();
  if (!change.changed) return change;
  now_ = change.next;
  Apply();
  return change;
}

void Outbound::Loaded(bool ok) const {
  if (options_.on_loaded) options_.on_loaded(ok);
}

void Outbound::Apply() {
  if (options_.on_metrics) options_.on_metrics(now_.observe.metrics);
  outlets_.Apply(now_.observe.exporters);
  alerting_.Configure(now_.observe.receivers);
}

std::unique_ptr<Outlet> Outbound::Make(const config::ExporterConfig& config) {
  if (config.type == config::ExporterType::kRemoteWrite) {
    return std::make_unique<OutletOf<exporter::RemoteWriter>>(config, host_, options_.page);
  }
  exporter::Shipper::Options options;
  options.config = config;
  if (!options_.state.empty()) {
    const std::string folder = options_.state + kExportFolder;
    if (auto made = files_.MakeDirectories(folder, 0700); !made) LogError(made.error().message());
    options.state_file = folder + '/' + config.name + std::string(kPositions);
  }
  return std::make_unique<OutletOf<exporter::Shipper>>(
      files_, std::move(options), std::make_unique<SegmentSource>(files_, options_.logs),
      exporter::MakeSink(config, host_));
}

void Outbound::Measured(const rotate::LogStoreStats& logs, const std::set<std::string>& open_logs) {
  const std::vector<exporter::ExportStats> running = Stats();
  std::vector<exporter::ExporterLag> lags;
  for (const config::ExporterConfig& config : now_.observe.exporters) {
    exporter::ExporterLag& lag = lags.emplace_back();
    lag.name = config.name;
    lag.behind = config.behind;
    const auto stats = std::find_if(running.begin(), running.end(),
                                    [&](const auto& one) { return one.name == config.name; });
    if (stats == running.end()) continue;
    const std::chrono::duration<double> behind(stats->lag_seconds);
    lag.lag = std::chrono::duration_cast<std::chrono::nanoseconds>(behind);
    lag.queued = stats->queue_entries;
    lag.last_error = stats->last_error;
  }
  alerting_.Measured(logs, open_logs, lags);
}

std::optional<exporter::HttpResponse> Outbound::Handle(const exporter::HttpRequest& request) const {
  if (auto answer = routes_.Handle(request)) return answer;
  return alerting_.Handle(request);
}

void Outbound::Stop(std::chrono::nanoseconds time_max) {
  std::thread telling([this, time_max] { alerting_.Finish(time_max); });
  outlets_.Stop(time_max);
  telling.join();
}

}  // namespace tend::supervisor
