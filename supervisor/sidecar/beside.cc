#include "supervisor/sidecar/beside.h"

#include <signal.h>
#include <sys/stat.h>

#include <cstdio>
#include <cstdlib>
#include <optional>
#include <utility>

#include "base/exit_code.h"
#include "base/files.h"
#include "base/log.h"
#include "base/number.h"
#include "base/paths.h"
#include "config/reader.h"
#include "exporter/ship/app_globs.h"
#include "rotate/app_name.h"
#include "rotate/folder_lock.h"
#include "rotate/segment_name.h"

namespace tend::supervisor {
namespace {

constexpr auto kFinishMax = std::chrono::seconds(10);
constexpr const char* kStateFolder = "/.state";

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

// Its own for each folder of logs, whatever name that is reached by.
Result<std::string> JournalsOf(const std::string& folder) {
  TRY(const Paths paths, PathsFromEnvironment());
  TRY_VOID(MakeFolders(paths));
  TRY(const FileInfo info, FilesLinux().Stat(folder));
  std::string journals =
      paths.run + "/beside/" + std::to_string(info.device) + '-' + std::to_string(info.inode);
  TRY_VOID(FilesLinux().MakeDirectories(journals, 0700));
  return journals;
}

Result<config::ObserveConfig> ReadConfig(const std::string& file) {
  config::Loaded loaded = config::LoadFile(file, {});
  for (const config::Problem& problem : loaded.problems) {
    if (problem.is_error) return Error(Errc::kInvalid, file + ": " + problem.message);
  }
  if (!loaded.config.observe) {
    return Error(Errc::kInvalid, file + " has no metrics, export or notify");
  }
  return *std::move(loaded.config.observe);
}

// As a glob that only this name fits.
std::string Escaped(const std::string& name) {
  std::string glob;
  for (const char c : name) {
    if (std::string_view("*?[]\\").find(c) != std::string_view::npos) glob += '\\';
    glob += c;
  }
  return glob;
}

}  // namespace

config::ObserveConfig OnlyOf(const std::string& app, config::ObserveConfig observe) {
  std::erase_if(observe.exporters, [&](config::ExporterConfig& exporter) {
    const bool is_meant = exporter::IsMeant(exporter.apps, app);
    exporter.apps = {Escaped(app)};
    return !is_meant;
  });
  return observe;
}

Result<bool> SetBesideOption(std::string_view name,
                             const std::string& value,
                             BesideOptions& options) {
  config::LogConfig& logs = options.app.logs;
  if (name == "--log-dir") {
    options.log_folder = value;
  } else if (name == "--listen") {
    options.listen = value;
  } else if (name == "--config") {
    options.config_file = value;
  } else if (name == "--max-size") {
    TRY(logs.max_size, ParseSize(value));
  } else if (name == "--max-total") {
    TRY(logs.max_total, ParseSize(value));
  } else if (name == "--max-age") {
    TRY(logs.max_age, ParseDuration(value));
  } else if (name == "--max-files") {
    const auto number = ParseNumber<decltype(logs.max_files)>(value);
    if (!number) return Error(Errc::kInvalid, "--max-files: not a number: " + value);
    logs.max_files = *number;
  } else if (name == "--format") {
    TRY_VOID(SetFormat(value, logs.format));
  } else {
    return false;
  }
  return true;
}

Result<std::unique_ptr<Beside>> Beside::Make(BesideOptions options) {
  if (options.log_folder.empty()) {
    TRY(const Paths paths, PathsFromEnvironment());
    options.log_folder = paths.logs;
  }
  if (options.listen.empty()) {
    const char* listen = std::getenv("TEND_LISTEN");  // NOLINT(concurrency-mt-unsafe)
    options.listen = listen == nullptr ? "" : listen;
  }
  std::optional<config::ObserveConfig> observe;
  if (!options.config_file.empty()) {
    TRY(observe, ReadConfig(options.config_file));
  }
  const std::string folder = options.log_folder + '/' + rotate::SafeAppName(options.app.name);
  TRY_VOID(FilesLinux().MakeDirectories(options.log_folder, 0750));
  TRY_VOID(FilesLinux().MakeDirectories(folder, 0750));
  TRY(Fd lock, rotate::LockFolder(folder));
  OpenLog("beside", "", true);
  // Exporters look for it as soon as they are configured.
  const auto named = rotate::KeepAppName(FilesLinux(), folder, options.app.name);
  if (observe && !named) {
    LogWarning("lines of " + options.app.name +
               " are not sent, for its name cannot be kept: " + named.error().message());
  }
  if (observe) TRY_VOID(FilesLinux().MakeDirectories(folder + kStateFolder, 0700));
  std::string journals;
  if (options.is_careful) {
    if (auto made = JournalsOf(folder)) {
      journals = *std::move(made);
    } else {
      LogWarning("lines may be there twice after a crash: " + made.error().message());
    }
  }
  const std::string name = options.app.name;
  std::unique_ptr<Beside> beside(
      new Beside(std::move(options), std::move(lock), folder, std::move(journals)));
  if (observe) TRY_VOID(beside->Configure(OnlyOf(name, *std::move(observe))));
  return beside;
}

Result<> Beside::Configure(config::ObserveConfig observe) {
  config::ObserveRequest request;
  request.file = options_.config_file;
  request.observe = std::move(observe);
  TRY_VOID(sidecar_->outbound().Configure(std::move(request)));
  return {};
}

Beside::Beside(BesideOptions options, Fd lock, std::string folder, std::string journals)
    : options_(std::move(options)),
      lock_(std::move(lock)),
      folder_(std::move(folder)),
      journals_(std::move(journals)),
      loop_(MakeAsioLoop()) {
  Sidecar::Options sidecar;
  sidecar.logs = options_.log_folder;
  sidecar.listen = options_.listen.empty() ? "off" : options_.listen;
  sidecar.has_lock = true;
  if (!options_.config_file.empty()) sidecar.state = folder_ + kStateFolder;
  sidecar.journals = journals_;
  sidecar.on_room = [this](const std::string&) {
    if (on_room_) on_room_();
  };
  sidecar_ = std::make_unique<Sidecar>(*loop_, std::move(sidecar));
}

void Beside::Announce(const std::string& script) {
  LinkListener& sidecar = sidecar_->listener();
  AppStatus status;
  status.name = app();
  status.exec_mode = "beside";
  status.script = script;
  sidecar.OnCoreHello();
  sidecar.OnApp(options_.app, status);
  sidecar.OnSynced();
}

Result<> Beside::Serve() {
  if (options_.listen.empty() || options_.listen == "off") return {};
  TRY_VOID(sidecar_->Serve());
  std::fprintf(stderr, "metrics are at http://%s/metrics\n", sidecar_->bound_address().c_str());
  return {};
}

int Beside::Run(const std::function<void()>& before_end) {
  int number = 0;
  const auto on_signal = [&](int signal) {
    number = signal;
    loop_->Stop();
  };
  const Loop::Watch interrupt = loop_->OnSignal(SIGINT, on_signal);
  const Loop::Watch terminate = loop_->OnSignal(SIGTERM, on_signal);
  const Loop::Watch hang_up = loop_->OnSignal(SIGHUP, on_signal);
  const Loop::Watch reopen = loop_->OnSignal(SIGUSR2, [&](int) { sidecar_->ReopenLogs(); });
  loop_->Run();
  before_end();
  const bool is_finished = sidecar_->Finish(kFinishMax);
  const rotate::AppLogStats stats = sidecar_->store().Stats().apps[app()];
  std::uint64_t dropped = 0;
  for (const std::uint64_t lines : stats.lines_dropped)
    dropped += lines;
  if (!is_finished || dropped > 0) {
    std::fprintf(stderr, "tend: not all lines of %s could be written\n", app().c_str());
  }
  // A disk that does not answer holds its thread.
  if (!is_finished) std::_Exit(static_cast<int>(ExitCode::kFailed));
  if (dropped > 0) return static_cast<int>(ExitCode::kFailed);
  return static_cast<int>(number == SIGINT ? ExitCode::kInterrupted : ExitCode::kOk);
}

int SayWhyNot(const Error& error) {
  std::fprintf(stderr, "error: %s\n", error.message().c_str());
  switch (error.code()) {
    case Errc::kPermission:
      return static_cast<int>(ExitCode::kPermission);
    case Errc::kInvalid:
      return static_cast<int>(ExitCode::kUsage);
    case Errc::kNotFound:
      return static_cast<int>(ExitCode::kNoSuchApp);
    default:
      return static_cast<int>(ExitCode::kFailed);
  }
}

}  // namespace tend::supervisor
