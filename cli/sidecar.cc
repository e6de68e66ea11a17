#include "cli/sidecar.h"

#include <algorithm>
#include <thread>

#include "cli/http_client.h"

namespace tend::cli {
namespace {

constexpr std::chrono::milliseconds kRetry{20};

const WorkerStatus* FindSame(const std::vector<AppStatus>& apps,
                             const std::string& app,
                             const WorkerStatus& worker) {
  const auto found =
      std::find_if(apps.begin(), apps.end(), [&](const AppStatus& a) { return a.name == app; });
  if (found == apps.end()) return nullptr;
  for (const WorkerStatus& candidate : found->workers) {
    if (candidate.slot == worker.slot && candidate.incarnation == worker.incarnation) {
      return &candidate;
    }
  }
  return nullptr;
}

}  // namespace

void AddNumbers(const Context& context, std::vector<AppStatus>& apps) {
  const auto reply = HttpGet(context.paths.http_socket, "/api/v1/apps", kNumbersLimit);
  if (!reply || reply->status != 200) return;
  const auto measured = AppsFromListJson(reply->body);
  if (!measured) return;
  for (AppStatus& app : apps) {
    const auto known = std::find_if(measured->begin(), measured->end(),
                                    [&](const AppStatus& other) { return other.name == app.name; });
    if (known != measured->end()) {
      app.log_bytes = known->log_bytes;
      app.log_limit_bytes = known->log_limit_bytes;
    }
    for (WorkerStatus& worker : app.workers) {
      const WorkerStatus* same = FindSame(*measured, app.name, worker);
      if (same == nullptr) continue;
      worker.cpu_ratio = same->cpu_ratio;
      worker.rss_bytes = same->rss_bytes;
      worker.eventloop_lag_p99_seconds = same->eventloop_lag_p99_seconds;
    }
  }
}

std::vector<std::string> LastStderr(const Context& context,
                                    const std::string& app,
                                    int slot,
                                    std::uint64_t incarnation,
                                    std::chrono::milliseconds limit) {
  const std::string target = "/api/v1/stderr?app=" + PercentEncode(app) +
                             "&slot=" + std::to_string(slot) +
                             "&incarnation=" + std::to_string(incarnation);
  // A sidecar that comes up at this moment has the lines, too.
  const auto deadline = std::chrono::steady_clock::now() + limit;
  for (;;) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
        deadline - std::chrono::steady_clock::now());
    const auto reply = HttpGet(context.paths.http_socket, target, left);
    if (reply)
      return reply->status == 200 ? LinesFromJson(reply->body) : std::vector<std::string>();
    if (left <= kRetry || reply.error().code() != Errc::kUnreachable) return {};
    std::this_thread::sleep_for(kRetry);
  }
}

}  // namespace tend::cli
