// What can be asked and told over HTTP about what leaves tend:
//
//   GET /api/v1/exporters   schema tend.exporters/1: each exporter's state, lag, counters, last
//   error GET /api/v1/observe     what is configured (config::ObserveRequest) PUT /api/v1/observe
//   configures it: {"changed":true,"replaced":"/etc/tend/other.yaml"}
//
// Thread: Handle() runs on the HTTP thread and fetches what belongs to the loop from there.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/loop.h"
#include "base/result.h"
#include "config/observe.h"
#include "exporter/http_server.h"
#include "exporter/ship/export_stats.h"
#include "supervisor/sidecar/observe_file.h"

namespace tend::supervisor {

class ExportRoutes {
 public:
  // Called on the loop's thread.
  struct State {
    std::function<std::vector<exporter::ExportStats>()> exporters;
    std::function<config::ObserveRequest()> observe;
    std::function<Result<ObserveChange>(config::ObserveRequest)> configure;
  };
  ExportRoutes(Loop& loop, State state) : loop_(loop), state_(std::move(state)) {}

  // Nothing: it is none of these.
  std::optional<exporter::HttpResponse> Handle(const exporter::HttpRequest& request) const;

 private:
  exporter::HttpResponse Exporters() const;
  exporter::HttpResponse Observe() const;
  exporter::HttpResponse Configure(const std::string& body) const;

  Loop& loop_;
  const State state_;
};

// One JSON object, schema tend.exporters/1.
std::string ExportersJson(const std::vector<exporter::ExportStats>& exporters);

}  // namespace tend::supervisor
