// All that leaves tend by itself, as it is configured: exporters of lines and samples, and what
// people are told. Put together here, so that the sidecar knows one thing.
//
// Owner: the sidecar. Thread: the loop's, but for Handle(), which is the HTTP thread's.
#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/files.h"
#include "base/loop.h"
#include "config/observe.h"
#include "exporter/http_server.h"
#include "exporter/ship/export_stats.h"
#include "rotate/log_stats.h"
#include "supervisor/sidecar/alerting.h"
#include "supervisor/sidecar/export_routes.h"
#include "supervisor/sidecar/observe_file.h"
#include "supervisor/sidecar/outlets.h"

namespace tend::supervisor {

class Outbound {
 public:
  struct Options {
    std::string state;  // folder of what is kept over restarts; "": nothing is
    std::string logs;   // folder of all logs
    // The page as it is now, as classic text. Called from any thread but the loop's.
    std::function<Result<std::string>()> page;
    std::function<void(const config::MetricsConfig&)> on_metrics;
    // A configuration was read, or could not be, or not be kept.
    std::function<void(bool ok)> on_loaded;
    std::function<std::vector<std::string>(
        const std::string& app, int slot, std::uint64_t incarnation)>
        last_stderr;
  };
  Outbound(Loop& loop, Files& files, Options options);

  // Begins with what was configured before.
  void Start();
  // Takes the place of what is configured, and is kept. What cannot be kept is not taken either.
  Result<ObserveChange> Configure(config::ObserveRequest request);
  std::vector<exporter::ExportStats> Stats() const { return outlets_.Stats(); }
  // What happens to apps and workers is to be said to it.
  Alerting& alerting() { return alerting_; }
  // Every few seconds; see Alerting.
  void Measured(const rotate::LogStoreStats& logs, const std::set<std::string>& open_logs);
  std::optional<exporter::HttpResponse> Handle(const exporter::HttpRequest& request) const;
  // Gives exporters and receivers that long, together; nothing leaves afterwards.
  void Stop(std::chrono::nanoseconds time_max);

 private:
  ExportRoutes::State RouteState();
  Alerting::Options AlertingOptions() const;
  std::unique_ptr<Outlet> Make(const config::ExporterConfig& config);
  void TakeOverPositions();
  void Apply();
  void Loaded(bool ok) const;

  Files& files_;
  const Options options_;
  ObserveFile file_;
  config::ObserveRequest now_;
  const std::string host_;
  Outlets outlets_;
  Alerting alerting_;
  ExportRoutes routes_;
};

}  // namespace tend::supervisor
