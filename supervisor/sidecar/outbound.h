// All that leaves tend by itself, as it is configured: exporters of lines and samples. Put together
// here, so that the sidecar knows one thing.
//
// Owner: the sidecar. Thread: the loop's, but for Handle(), which is the HTTP thread's.
#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/files.h"
#include "base/loop.h"
#include "config/observe.h"
#include "exporter/http_server.h"
#include "exporter/ship/export_stats.h"
#include "supervisor/sidecar/export_routes.h"
#include "supervisor/sidecar/observe_file.h"
#include "supervisor/sidecar/outlets.h"

namespace tend::supervisor {

class Outbound {
 public:
  struct Options {
    std::string state;  // folder of what is kept over restarts; "": nothing is
    std::string logs;   // folder of all logs
    // The page as it is now, as classic text. Called from any thread.
    std::function<std::string()> page;
    std::function<void(const config::MetricsConfig&)> on_metrics;
  };
  Outbound(Loop& loop, Files& files, Options options);

  // Begins with what was configured before.
  void Start();
  // Takes the place of what is configured, and is kept. What cannot be kept is not taken either.
  Result<ObserveChange> Configure(config::ObserveRequest request);
  std::vector<exporter::ExportStats> Stats() const { return outlets_.Stats(); }
  std::optional<exporter::HttpResponse> Handle(const exporter::HttpRequest& request) const {
    return routes_.Handle(request);
  }
  // Gives exporters that long to send what they can; nothing leaves afterwards.
  void Stop(std::chrono::nanoseconds time_max) { outlets_.Stop(time_max); }

 private:
  ExportRoutes::State RouteState();
  std::unique_ptr<Outlet> Make(const config::ExporterConfig& config);
  void Apply();

  Files& files_;
  const Options options_;
  ObserveFile file_;
  config::ObserveRequest now_;
  Outlets outlets_;
  ExportRoutes routes_;
};

}  // namespace tend::supervisor
