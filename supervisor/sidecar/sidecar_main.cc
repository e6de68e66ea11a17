// tend-sidecar: all observation. Under the keeper it collects what workers write and serves what it
// knows; with --pipe or --attach it keeps the log of one app from elsewhere, and needs nobody else.
#include <malloc.h>
#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>

#include "base/files.h"
#include "base/log.h"
#include "base/loop.h"
#include "base/paths.h"
#include "supervisor/sidecar/attach_mode.h"
#include "supervisor/sidecar/pipe_mode.h"
#include "supervisor/sidecar/sidecar.h"

namespace tend::supervisor {
namespace {

// With what comes after it less than the keeper waits.
constexpr auto kFinishMax = std::chrono::seconds(8);
constexpr const char* kDefaultListen = "127.0.0.1:9616";

std::string Variable(const char* name, const char* fallback) {
  const char* value = std::getenv(name);  // NOLINT(concurrency-mt-unsafe): before threads
  return value == nullptr || *value == '\0' ? fallback : value;
}

Result<int> RunUnderKeeper() {
  TRY(const Paths paths, PathsFromEnvironment());
  TRY_VOID(MakeFolders(paths));
  OpenLog("sidecar", paths.own_logs + "/sidecar.log", false);
  const std::unique_ptr<Loop> loop = MakeAsioLoop();
  Sidecar::Options options;
  options.logs = paths.logs;
  options.listen = Variable("TEND_LISTEN", kDefaultListen);
  options.listen_file = paths.listen_file;
  options.http_socket = paths.http_socket;
  options.statsd_socket = paths.statsd_socket;
  options.run = paths.run;
  options.state = paths.state;
  options.own_files = {paths.logs,           paths.state,        paths.run,
                       paths.own_logs,       paths.listen_file,  paths.http_socket,
                       paths.control_socket, paths.statsd_socket};
  Sidecar sidecar(*loop, std::move(options));
  if (const auto serving = sidecar.Serve(); !serving) {
    // Logs and the unix socket matter more than the port.
    LogError(serving.error().message());
    std::fprintf(stderr, "tend-sidecar: %s\n", serving.error().message().c_str());
  }
  sidecar.FollowKeeper();
  const auto stop = [&loop](int) { loop->Stop(); };
  const Loop::Watch terminate = loop->OnSignal(SIGTERM, stop);
  const Loop::Watch reopen = loop->OnSignal(SIGUSR2, [&](int) { sidecar.ReopenLogs(); });
  loop->Run();
  if (sidecar.Finish(kFinishMax)) return 0;
  // A disk that does not answer holds its thread; everything else has been said.
  LogError("the disk did not take the last lines in time");
  std::_Exit(1);
}

}  // namespace
}  // namespace tend::supervisor

int main(int argc, char** argv) {
  ::signal(SIGPIPE, SIG_IGN);
  // One arena: the threads here share few allocations, and memory counts more.
  ::mallopt(M_ARENA_MAX, 1);
  // Memory for what waits for the disk is used again and again, and each page that was given back
  // costs a fault. What is too much goes back with every sample (Sidecar).
  ::mallopt(M_TRIM_THRESHOLD, 16 << 20);
  ::mallopt(M_MMAP_THRESHOLD, 1 << 20);
  if (argc > 1 && std::strcmp(argv[1], "--pipe") == 0) {
    return tend::supervisor::PipeMain(argc - 2, argv + 2);
  }
  if (argc > 1 && std::strcmp(argv[1], "--attach") == 0) {
    return tend::supervisor::AttachMain(argc - 2, argv + 2);
  }
  ::signal(SIGINT, SIG_IGN);
  ::signal(SIGHUP, SIG_IGN);
  const auto code = tend::supervisor::RunUnderKeeper();
  if (code) return *code;
  std::fprintf(stderr, "tend-sidecar: %s\n", code.error().message().c_str());
  return 1;
}
