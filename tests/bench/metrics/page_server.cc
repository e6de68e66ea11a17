// page_server WORKERS: a page about so many busy Node workers over HTTP, as the sidecar serves it:
// a copy of all numbers, rendered, kept for a second. Prints its address, serves until it is ended.
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>

#include "exporter/http_server.h"
#include "exporter/page.h"
#include "exporter/page_cache.h"
#include "exporter/sample_snapshot.h"

namespace {

using namespace tend::exporter;

constexpr int kWorkersPerApp = 50;

Snapshot Fleet(int workers) {
  Snapshot snapshot = SampleSnapshot();
  const auto durations = snapshot.apps.back().durations;
  const auto logs = snapshot.apps.back().logs;
  snapshot.apps.clear();
  for (int i = 0; i < workers; ++i) {
    if (i % kWorkersPerApp == 0) {
      AppSnapshot& app = snapshot.apps.emplace_back();
      app.status.name = "service-" + std::to_string(i / kWorkersPerApp);
      app.durations = durations;
      app.logs = logs;
    }
    auto [status, numbers] = BusyWorker(i % kWorkersPerApp);
    *numbers.process.resident_bytes += static_cast<std::uint64_t>(i) * 4096;
    *numbers.process.cpu_user_seconds += i * 0.37;
    snapshot.apps.back().status.workers.push_back(std::move(status));
    snapshot.apps.back().workers.push_back(std::move(numbers));
  }
  return snapshot;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  const Snapshot fleet = Fleet(std::atoi(argv[1]));
  const SelfMetrics self;
  PageCache cache;
  HttpServer server([&](const HttpRequest& request) {
    PageRequest page;
    page.dialect = ChooseDialect(request.accept);
    page.gzip = AcceptsGzip(request.accept_encoding);
    page.config.max_series = 0;
    HttpResponse response;
    response.content_type = ContentType(page.dialect);
    response.shared_is_gzip = page.gzip;
    const auto now = std::chrono::steady_clock::now();
    response.shared = cache.Get(page.dialect, page.gzip, now, [&] {
      const Snapshot copy = fleet;
      return std::make_shared<const Chunks>(RenderChunks(copy, &self, page));
    });
    return response;
  });
  if (!server.ListenTcp("127.0.0.1:0")) return 1;
  server.Start();
  std::printf("%s\n", server.bound_address().c_str());
  std::fflush(stdout);
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigprocmask(SIG_BLOCK, &signals, nullptr);
  int signal = 0;
  sigwait(&signals, &signal);
  return 0;
}
