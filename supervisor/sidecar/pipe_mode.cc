#include "supervisor/sidecar/pipe_mode.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <thread>

#include "supervisor/sidecar/beside.h"
#include "supervisor/sidecar/process_follower.h"

namespace tend::supervisor {
namespace {

constexpr std::uint64_t kIncarnation = 1;

struct PipeOptions {
  BesideOptions common;
  collector::PipeKind kind = collector::PipeKind::kStdout;
  std::string pid;  // whose numbers; "": nobody's
  bool tee = false;
};

Result<> SetOption(std::string_view name, const std::string& value, PipeOptions& options) {
  TRY(const bool taken, SetBesideOption(name, value, options.common));
  if (taken) return {};
  if (name == "--pid") {
    options.pid = value;
  } else if (name == "--stream" && (value == "out" || value == "err")) {
    options.kind = value == "out" ? collector::PipeKind::kStdout : collector::PipeKind::kStderr;
  } else if (name == "--stream") {
    return Error(Errc::kInvalid, "--stream: out or err");
  } else {
    return Error(Errc::kInvalid, "unknown option " + std::string(name));
  }
  return {};
}

Result<PipeOptions> ReadOptions(int argc, char** argv) {
  PipeOptions options;
  if (argc < 1 || *argv[0] == '\0') return Error(Errc::kInvalid, "whose log is it?");
  options.common.app.name = argv[0];
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

// Copies standard input into a pipe of our own, and to standard output.
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

// Standard input, if it is a pipe, opened anew: it is to be non-blocking for us, and not for
// others who have it. Not valid: somebody else's pipe, or none.
Fd OpenStdinPipe() {
  struct stat info {};
  if (::fstat(STDIN_FILENO, &info) != 0 || !S_ISFIFO(info.st_mode)) return Fd();
  return Fd(::open("/proc/self/fd/0", O_RDONLY | O_NONBLOCK | O_CLOEXEC));
}

// What to read the input from. A file has no readiness, and a terminal or socket may be shared with
// others who would be surprised to find it non-blocking: a thread copies these.
Result<Fd> OpenInput(bool tee) {
  if (!tee) {
    if (Fd direct = OpenStdinPipe(); direct.valid()) return direct;
  }
  TRY(Pipe pipe, MakePipe());
  // Blocked in read(2) until the end of the input; a signal ends the process around it.
  std::thread feeder([fd = pipe.write.Release(), tee] { Feed(fd, tee); });
  feeder.detach();
  return std::move(pipe.read);
}

Result<int> Run(PipeOptions options) {
  const ProcessSelector selector{SelectBy::kPid, options.pid};
  if (!options.pid.empty()) TRY_VOID(ProcessFollower::Check(selector));
  TRY(const std::unique_ptr<Beside> beside, Beside::Make(std::move(options.common)));
  Sidecar& sidecar = beside->sidecar();
  beside->Announce("stdin");
  LinkListener& core = sidecar.listener();
  std::optional<ProcessFollower> process;
  if (options.pid.empty()) {
    WorkerStatus worker;
    worker.incarnation = kIncarnation;
    worker.state = WorkerState::kOnline;
    core.OnWorker(beside->app(), worker);
  } else {
    process.emplace(beside->loop(), core, beside->app(), selector);
    process->Begin();
  }
  core.OnIncarnation(beside->app(), 0, kIncarnation, 0, 0);
  TRY_VOID(beside->Serve());
  TRY(Fd input, OpenInput(options.tee));
  sidecar.collector().Attach(kIncarnation, options.kind, std::move(input));

  Loop::Watch poll;
  const std::function<void()> look = [&] {
    if (sidecar.collector().open_pipes() == 0) return beside->Stop();
    poll = beside->loop().After(std::chrono::milliseconds(20), look);
  };
  look();
  return beside->Run([] {});
}

}  // namespace

int PipeMain(int argc, char** argv) {
  auto options = ReadOptions(argc, argv);
  if (!options) return SayWhyNot(options.error());
  const auto code = Run(*std::move(options));
  return code ? *code : SayWhyNot(code.error());
}

}  // namespace tend::supervisor
