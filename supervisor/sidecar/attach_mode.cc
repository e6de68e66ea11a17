#include "supervisor/sidecar/attach_mode.h"

#include <cstdio>
#include <cstdlib>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "base/files.h"
#include "base/log.h"
#include "collector/file_follower.h"
#include "rotate/write_journal.h"
#include "supervisor/sidecar/beside.h"
#include "supervisor/sidecar/process_follower.h"

namespace tend::supervisor {
namespace {

constexpr std::uint64_t kIncarnation = 1;
constexpr const char* kPositionsFile = "/.positions";

struct AttachOptions {
  BesideOptions common;
  std::optional<ProcessSelector> selector;
  collector::FileFollower::Options files;
};

Result<> Select(SelectBy by, const std::string& value, AttachOptions& options) {
  if (options.selector) {
    return Error(Errc::kInvalid, "one of --pid, --pidfile, --unit and --name says which process");
  }
  options.selector = ProcessSelector{by, value};
  return {};
}

Result<> SetOption(std::string_view name, const std::string& value, AttachOptions& options) {
  TRY(const bool taken, SetBesideOption(name, value, options.common));
  if (taken) return {};
  if (name == "--pid") return Select(SelectBy::kPid, value, options);
  if (name == "--pidfile") return Select(SelectBy::kPidFile, value, options);
  if (name == "--unit") return Select(SelectBy::kUnit, value, options);
  if (name == "--name") return Select(SelectBy::kName, value, options);
  if (name != "--log" && name != "--error-log") {
    return Error(Errc::kInvalid, "unknown option " + std::string(name));
  }
  if (!value.starts_with('/')) {
    return Error(Errc::kInvalid, std::string(name) + ": not an absolute path: " + value);
  }
  const Stream stream = name == "--log" ? Stream::kStdout : Stream::kStderr;
  options.files.sources.push_back({value, stream});
  return {};
}

Result<AttachOptions> ReadOptions(int argc, char** argv) {
  AttachOptions options;
  if (argc < 1 || *argv[0] == '\0') return Error(Errc::kInvalid, "what is it to be called?");
  options.common.app.name = argv[0];
  options.common.is_careful = true;
  // The files keep what the disk has no room for.
  options.common.app.logs.on_full = config::OnFull::kBlock;
  for (int i = 1; i < argc; ++i) {
    const std::string_view name = argv[i];
    if (name == "--from-start") {
      options.files.from_start = true;
      continue;
    }
    if (i + 1 >= argc) return Error(Errc::kInvalid, std::string(name) + " needs a value");
    TRY_VOID(SetOption(name, argv[++i], options));
  }
  if (!options.selector && options.files.sources.empty()) {
    return Error(
        Errc::kInvalid,
        "attach to what? --pid, --pidfile, --unit or --name for a process, --log for files");
  }
  return options;
}

std::string Describe(const AttachOptions& options) {
  if (!options.selector) return options.files.sources.front().pattern;
  switch (options.selector->by) {
    case SelectBy::kPid:
      return "a process by its pid";
    case SelectBy::kPidFile:
      return options.selector->value;
    case SelectBy::kUnit:
      return "unit " + options.selector->value;
    case SelectBy::kName:
      return "processes called " + options.selector->value;
  }
  return {};
}

// Lines that are announced in the log's journal are there, or will be when the log is opened.
std::shared_ptr<collector::FilePositions> OpenPositions(const Beside& beside) {
  auto positions = collector::FilePositions::Open(beside.folder() + kPositionsFile);
  if (!positions) {
    LogWarning("where files were left is not remembered: " + positions.error().message());
    return nullptr;
  }
  if (!beside.journals().empty()) {
    rotate::WriteJournal::ConsumeMarks(
        FilesLinux(), beside.journals(),
        [&](const SpoolId& id, std::uint64_t offset) { (*positions)->Consumed(id, offset); });
  }
  return *std::move(positions);
}

// Where files alone say what it is, there is a worker to whom the lines belong.
void PutWorkerOfFiles(Beside& beside) {
  WorkerStatus worker;
  worker.incarnation = kIncarnation;
  worker.state = WorkerState::kOnline;
  beside.sidecar().listener().OnWorker(beside.app(), worker);
}

Result<int> Run(AttachOptions options) {
  const std::string what = Describe(options);
  if (options.selector) TRY_VOID(ProcessFollower::Check(*options.selector));
  TRY(const std::unique_ptr<Beside> beside, Beside::Make(std::move(options.common)));
  Sidecar& sidecar = beside->sidecar();
  // Before the log is opened, which settles what is announced.
  std::shared_ptr<collector::FilePositions> positions;
  const bool follows = !options.files.sources.empty();
  const bool has_left = FilesLinux().Stat(beside->folder() + kPositionsFile).has_value();
  if (follows || has_left) positions = OpenPositions(*beside);
  // Without any file the positions stay as they are.
  if (!follows) positions.reset();
  beside->Announce(what);
  std::optional<ProcessFollower> processes;
  if (options.selector) {
    processes.emplace(beside->loop(), sidecar.listener(), beside->app(), *options.selector);
    processes->Begin();
  } else {
    PutWorkerOfFiles(*beside);
  }
  const auto tell = [&](FactId id, std::vector<std::pair<std::string, std::string>> fields) {
    sidecar.listener().OnFact({id, beside->loop().WallNow(), beside->app(), 0, std::move(fields)});
  };
  collector::FileFollower files(beside->loop(), sidecar.collector(),
                                {beside->app(), 0, kIncarnation}, std::move(positions),
                                std::move(options.files), tell);
  beside->SetOnRoom([&] { files.Resume(); });
  files.Begin();
  for (const std::string& missing : files.Missing())
    std::fprintf(stderr, "%s is not there; waiting for it\n", missing.c_str());
  TRY_VOID(beside->Serve());
  return beside->Run([&] { files.Finish(); });
}

}  // namespace

int AttachMain(int argc, char** argv) {
  auto options = ReadOptions(argc, argv);
  if (!options) return SayWhyNot(options.error());
  const auto code = Run(*std::move(options));
  return code ? *code : SayWhyNot(code.error());
}

}  // namespace tend::supervisor
