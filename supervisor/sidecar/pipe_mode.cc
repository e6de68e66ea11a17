#include "supervisor/sidecar/pipe_mode.h"

#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <numeric>
#include <string>
#include <string_view>
#include <thread>

#include "base/exit_code.h"
#include "base/files.h"
#include "base/log.h"
#include "base/loop.h"
#include "base/paths.h"
#include "supervisor/sidecar/sidecar.h"

namespace tend::supervisor {
namespace {

constexpr std::uint64_t kIncarnation = 1;
constexpr auto kFinishMax = std::chrono::seconds(10);

struct PipeOptions {
  config::AppConfig app;
  std::string log_folder;
  bool tee = false;
};

Result<> SetFormat(std::string_view name, config::LineFormat& format) {
  if (name == "tend") {
    format = config::LineFormat::kTend;
  } else if (name == "cri") {
    format = config::LineFormat::kCri;
  } else if (name == "json") {
    format = config::LineFormat::kJson;
  } else if (name == "raw") {
    format = config::LineFormat::kRaw;
  } else {
    return Error(Errc::kInvalid, "--format: not one of tend, cri, json, raw");
  }
  return {};
}

Result<> SetOption(std::string_view name, const std::string& value, PipeOptions& options) {
  config::LogConfig& logs = options.app.logs;
  if (name == "--log-dir") {
    options.log_folder = value;
  } else if (name == "--max-size") {
    TRY(logs.max_size, ParseSize(value));
  } else if (name == "--max-total") {
    TRY(logs.max_total, ParseSize(value));
  } else if (name == "--max-age") {
    TRY(logs.max_age, ParseDuration(value));
  } else if (name == "--max-files") {
    const auto [stop, ec] =
        std::from_chars(value.data(), value.data() + value.size(), logs.max_files);
    if (ec != std::errc{} || stop != value.data() + value.size()) {
      return Error(Errc::kInvalid, "--max-files: not a number: " + value);
    }
  } else if (name == "--format") {
    return SetFormat(value, logs.format);
  } else {
    return Error(Errc::kInvalid, "unknown option " + std::string(name));
  }
  return {};
}

Result<PipeOptions> ReadOptions(int argc, char** argv) {
  PipeOptions options;
  if (argc < 1 || *argv[0] == '\0') return Error(Errc::kInvalid, "whose log is it?");
  options.app.name = argv[0];
  for (int i = 1; i < argc; ++i) {
    const std::string_view name = argv[i];
    if (name == "--tee") {
      options.tee = true;
      continue;
    }
    if (i + 1 >= argc) return Error(Errc::kInvalid, std::string(name) + " needs a value");
    TRY_VOID(SetOption(name, argv[++i], options));
  }
  return options;
}

bool WriteOut(int fd, std::string_view data) {
  while (!data.empty()) {
    const ssize_t n = ::write(fd, data.data(), data.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return false;
    data.remove_prefix(static_cast<std::size_t>(n));
  }
  return true;
}

// Copies standard input into a pipe of our own, and to standard output. The input may be a file,
// for which there is no readiness, or be shared with others, whose descriptor must stay blocking.
void Feed(int to, bool tee) {
  std::string buffer(64 * 1024, '\0');
  for (;;) {
    const ssize_t n = ::read(STDIN_FILENO, buffer.data(), buffer.size());
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) break;
    const std::string_view data(buffer.data(), static_cast<std::size_t>(n));
    // Whoever read our output may have left; the log goes on.
    if (tee && !WriteOut(STDOUT_FILENO, data)) tee = false;
    if (!WriteOut(to, data)) break;
  }
  ::close(to);
}

Result<int> Run(PipeOptions options) {
  if (options.log_folder.empty()) {
    TRY(const Paths paths, PathsFromEnvironment());
    options.log_folder = paths.logs;
  }
  TRY_VOID(FilesLinux().MakeDirectories(options.log_folder, 0750));
  OpenLog("pipe", "", true);
  const std::unique_ptr<Loop> loop = MakeAsioLoop();
  Sidecar::Options sidecar_options;
  sidecar_options.logs = options.log_folder;
  const char* listen = std::getenv("TEND_LISTEN");  // NOLINT(concurrency-mt-unsafe)
  sidecar_options.listen = listen == nullptr ? "off" : listen;
  Sidecar sidecar(*loop, std::move(sidecar_options));
  if (listen != nullptr) {
    TRY_VOID(sidecar.Serve());
    const std::string address = sidecar.bound_address();
    if (!address.empty()) {
      std::fprintf(stderr, "metrics are at http://%s/metrics\n", address.c_str());
    }
  }

  TRY(Pipe pipe, MakePipe());
  LinkListener& core = sidecar.listener();
  AppStatus status;
  status.name = options.app.name;
  const std::string name = options.app.name;
  core.OnApp(options.app, status);
  WorkerStatus worker;
  worker.pid = 0;
  worker.incarnation = kIncarnation;
  worker.state = WorkerState::kOnline;
  core.OnWorker(name, worker);
  core.OnIncarnation(name, 0, kIncarnation, 0, 0);
  core.OnSynced();
  sidecar.collector().Attach(kIncarnation, collector::PipeKind::kStdout, std::move(pipe.read));

  // Blocked in read(2) until the end of the input; a signal ends the process around it.
  std::thread feeder([fd = pipe.write.Release(), tee = options.tee] { Feed(fd, tee); });
  feeder.detach();
  int signal_number = 0;
  const auto on_signal = [&](int number) {
    signal_number = number;
    loop->Stop();
  };
  const Loop::Watch interrupt = loop->OnSignal(SIGINT, on_signal);
  const Loop::Watch terminate = loop->OnSignal(SIGTERM, on_signal);
  const Loop::Watch reopen = loop->OnSignal(SIGUSR2, [&](int) { sidecar.ReopenLogs(); });
  Loop::Watch poll;
  const std::function<void()> look = [&] {
    if (sidecar.collector().open_pipes() == 0) return loop->Stop();
    poll = loop->After(std::chrono::milliseconds(20), look);
  };
  look();
  loop->Run();
  const bool finished = sidecar.Finish(kFinishMax);
  const std::uint64_t dropped =
      sidecar.store().Stats().apps[name].Dropped(rotate::DropReason::kDiskFull);
  if (!finished || dropped > 0) {
    std::fprintf(stderr, "tend: not all lines of %s could be written\n", name.c_str());
    return static_cast<int>(ExitCode::kFailed);
  }
  if (signal_number == SIGINT) return static_cast<int>(ExitCode::kInterrupted);
  return 0;
}

}  // namespace

int PipeMain(int argc, char** argv) {
  auto options = ReadOptions(argc, argv);
  if (!options) {
    std::fprintf(stderr, "error: %s\n", options.error().message().c_str());
    return static_cast<int>(ExitCode::kUsage);
  }
  const auto code = Run(*std::move(options));
  if (code) return *code;
  std::fprintf(stderr, "error: %s\n", code.error().message().c_str());
  return static_cast<int>(code.error().code() == Errc::kPermission ? ExitCode::kPermission
                                                                   : ExitCode::kFailed);
}

}  // namespace tend::supervisor
