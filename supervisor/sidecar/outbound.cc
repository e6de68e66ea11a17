#include "supervisor/sidecar/outbound.h"

#include <utility>

#include "base/log.h"

namespace tend::supervisor {
namespace {

constexpr const char* kObserveFile = "/observe.json";

std::string In(const std::string& folder, const char* name) {
  return folder.empty() ? std::string() : folder + name;
}

}  // namespace

Outbound::Outbound(Loop& loop, Files& files, Options options)
    : files_(files),
      options_(std::move(options)),
      file_(files_, In(options_.state, kObserveFile)),
      outlets_(loop, [this](const config::ExporterConfig& config) { return Make(config); }),
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

void Outbound::Start() {
  if (auto kept = file_.Load()) {
    now_ = *std::move(kept);
  } else {
    LogError("what was configured to leave tend is not known any more: " + kept.error().message());
  }
  Apply();
}

Result<ObserveChange> Outbound::Configure(config::ObserveRequest request) {
  ObserveChange change = Change(now_, std::move(request));
  if (!change.changed) return change;
  TRY_VOID(file_.Save(change.next));
  now_ = change.next;
  Apply();
  return change;
}

void Outbound::Apply() {
  if (options_.on_metrics) options_.on_metrics(now_.observe.metrics);
  outlets_.Apply(now_.observe.exporters);
}

std::unique_ptr<Outlet> Outbound::Make(const config::ExporterConfig&) {
  return nullptr;
}

}  // namespace tend::supervisor
