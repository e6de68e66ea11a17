// What the sidecar answers over HTTP, and where the numbers for it come from.
//
// Handle() runs on the HTTP thread; whatever belongs to the loop is fetched from there through Ask,
// with a deadline.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/loop.h"
#include "exporter/http_server.h"
#include "exporter/page.h"
#include "exporter/page_cache.h"
#include "exporter/self_metrics.h"
#include "exporter/snapshot.h"
#include "supervisor/sidecar/event_ring.h"
#include "supervisor/sidecar/log_routes.h"
#include "supervisor/sidecar/run_book.h"

namespace tend::supervisor {

// What the routes need of the loop's state. Called on the loop's thread.
struct SidecarState {
  std::function<exporter::Snapshot()> snapshot;
  std::function<config::MetricsConfig()> metrics;
  std::function<std::vector<AppStatus>()> apps;
  // Where the app's log lies; nullopt: there is no such app.
  std::function<std::optional<std::string>(const std::string& app)> log_folder;
  std::function<std::vector<std::string>()> app_names;
  // Calls `done` on the loop's thread when all that was captured of these apps so far is in files.
  std::function<void(const std::vector<std::string>& apps, std::function<void()> done)>
      when_written;
  // The worker has ended and all that it wrote was taken.
  std::function<bool(const std::string& app, int slot, std::uint64_t incarnation)> is_drained;
  std::function<std::vector<std::string>(
      const std::string& app, int slot, std::uint64_t incarnation)>
      last_stderr;
  std::function<bool()> ready;
  // Requests that are not about apps and logs (export_routes.h); nothing: it is none of them. The
  // only ones that may change something. On the HTTP thread.
  std::function<std::optional<exporter::HttpResponse>(const exporter::HttpRequest&)> other = {};
};

class SidecarRoutes {
 public:
  SidecarRoutes(Loop& loop,
                SidecarState state,
                exporter::SelfMetrics& self,
                const EventRing& events,
                const RunBook& runs)
      : loop_(loop), state_(std::move(state)), self_(self), events_(events), runs_(runs) {}

  exporter::HttpResponse Handle(const exporter::HttpRequest& request);
  // All of /metrics as classic text. Errc::kBusy: the loop does not answer. Any thread but the
  // loop's.
  Result<std::string> Page();
  // The loop answers no more: followers need not wait for it.
  void LoopEnded() { loop_ended_ = true; }
  // Gives memory back that nobody needs any more.
  void Trim(Mono now) { pages_.Trim(now); }

 private:
  exporter::HttpResponse Metrics(const exporter::HttpRequest& request);
  exporter::HttpResponse Apps(const exporter::HttpRequest& request);
  exporter::HttpResponse Logs(const exporter::HttpRequest& request);
  exporter::HttpResponse LogStats(const exporter::HttpRequest& request);
  exporter::HttpResponse Stderr(const exporter::HttpRequest& request);
  exporter::HttpResponse Events(const exporter::HttpRequest& request);
  exporter::HttpResponse Discovery(const exporter::HttpRequest& request);
  exporter::HttpResponse Health(const exporter::HttpRequest& request);
  exporter::HttpResponse Ready(const exporter::HttpRequest& request);
  exporter::HttpResponse Index(const exporter::HttpRequest& request);
  exporter::SharedChunks RenderPage(exporter::PageRequest page);
  std::function<void(const std::function<bool()>&)> SettleOf(const LogBody::Apps& apps);
  RunEventSource RestartsOf(const LogSelection& selection) const;
  LogBody::Apps FindLogs(const LogSelection& selection) const;  // on the loop's thread

  Loop& loop_;
  const SidecarState state_;
  exporter::SelfMetrics& self_;
  const EventRing& events_;
  const RunBook& runs_;
  std::atomic<bool> loop_ended_ = false;
  exporter::PageCache pages_;
  bool said_limited_ = false;
};

}  // namespace tend::supervisor
