// tendd: arguments, and the way into the background. The keeper is in keeper.h.

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <climits>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

#include "base/exit_code.h"
#include "base/fd.h"
#include "base/paths.h"
#include "supervisor/keeper.h"

namespace tend::supervisor {
namespace {

constexpr const char* kHelp =
    "usage: tendd [--foreground | --daemon] [--version] [--help]\n"
    "\n"
    "Keeps the workers of tend alive. Usually started by `tend start` or by systemd.\n"
    "  --foreground  stay here, say what happens on stderr (default)\n"
    "  --daemon      go into the background; return when ready, within 10 s\n";
constexpr std::chrono::seconds kReadyWithin{10};
constexpr off_t kLogSizeMax = 1 << 20;  // bytes; an older log is emptied

int Fail(std::string_view text) {
  std::fprintf(stderr, "tendd: %.*s\n", static_cast<int>(text.size()), text.data());
  return static_cast<int>(ExitCode::kFailed);
}

Result<> RedirectOutput(const Paths& paths) {
  TRY_VOID(MakeFolders(paths));
  const std::string path = paths.own_logs + "/keeper.log";
  const Fd log(::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600));
  struct stat info {};
  if (!log.valid() || ::fstat(log.get(), &info) != 0) return SysError("open " + path, errno);
  if (info.st_size > kLogSizeMax && ::ftruncate(log.get(), 0) != 0) {
    return SysError("empty " + path, errno);
  }
  const Fd null(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  if (::dup2(null.get(), STDIN_FILENO) < 0 || ::dup2(log.get(), STDOUT_FILENO) < 0 ||
      ::dup2(log.get(), STDERR_FILENO) < 0) {
    return SysError("redirect the output", errno);
  }
  return {};
}

// The roles find their paths by TEND_HOME as well, from another folder.
Result<> LeaveFolder() {
  const char* const home = std::getenv("TEND_HOME");  // NOLINT(concurrency-mt-unsafe)
  if (home != nullptr && *home != '\0' && *home != '/') {
    char here[4096];
    if (::getcwd(here, sizeof here) == nullptr) return SysError("find the current folder", errno);
    const std::string absolute = std::string(here) + '/' + home;
    ::setenv("TEND_HOME", absolute.c_str(), 1);  // NOLINT(concurrency-mt-unsafe)
  }
  if (::chdir("/") != 0) return SysError("leave the folder", errno);
  return {};
}

int RunInBackground(KeeperOptions& options, Fd report) {
  ::setsid();
  auto prepared = LeaveFolder();
  if (prepared) prepared = RedirectOutput(options.paths);
  if (!prepared) {
    const std::string text = prepared.error().message() + '\n';
    [[maybe_unused]] const ssize_t n = ::write(report.get(), text.data(), text.size());
    return static_cast<int>(ExitCode::kFailed);
  }
  options.report_fd = report.Release();
  return RunKeeper(options);
}

// Reads what the keeper says until it is ready, ends, or is late. Returns true if it is ready; else
// `reason` is what it said last.
bool AwaitReady(int report, std::string& reason) {
  const auto deadline = std::chrono::steady_clock::now() + kReadyWithin;
  std::string text;
  for (;;) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
        deadline - std::chrono::steady_clock::now());
    pollfd wait{report, POLLIN, 0};
    const int n = left.count() <= 0 ? 0 : ::poll(&wait, 1, static_cast<int>(left.count()));
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) {
      if (reason.empty()) reason = "its parts do not answer";
      reason = "not ready after 10 s, still trying: " + reason;
      return false;
    }
    char part[1024];
    const ssize_t size = ::read(report, part, sizeof part);
    if (size <= 0) {
      if (reason.empty()) reason = "it ended without a word";
      return false;
    }
    text.append(part, static_cast<std::size_t>(size));
    for (std::size_t end = text.find('\n'); end != std::string::npos; end = text.find('\n')) {
      const std::string line = text.substr(0, end + 1);
      text.erase(0, end + 1);
      if (line == kKeeperReadyLine) return true;
      reason = line.substr(0, end);
    }
  }
}

int Daemonize(KeeperOptions& options) {
  auto pipe = MakePipe();
  if (!pipe) return Fail(pipe.error().message());
  const int pid = ::fork();
  if (pid < 0) return Fail(SysError("go into the background", errno).message());
  if (pid == 0) {
    pipe->read.Reset();
    return RunInBackground(options, std::move(pipe->write));
  }
  pipe->write.Reset();
  std::string reason;
  if (AwaitReady(pipe->read.get(), reason)) return static_cast<int>(ExitCode::kOk);
  return Fail(reason + " (log: " + options.paths.own_logs + "/keeper.log)");
}

int Main(int argc, char** argv) {
  bool daemon = false;
  for (int i = 1; i < argc; ++i) {
    const std::string_view argument = argv[i];
    if (argument == "--version") {
      std::puts("tendd " TEND_VERSION);
      return static_cast<int>(ExitCode::kOk);
    }
    if (argument == "--help") {
      std::fputs(kHelp, stdout);
      return static_cast<int>(ExitCode::kOk);
    }
    if (argument != "--daemon" && argument != "--foreground") {
      std::fprintf(stderr, "tendd: unknown argument %s\n%s", argv[i], kHelp);
      return static_cast<int>(ExitCode::kUsage);
    }
    daemon = argument == "--daemon";
  }
  // Whatever waits for the end of a descriptor that we were started with would wait for ever.
  ::syscall(SYS_close_range, STDERR_FILENO + 1, UINT_MAX, 0);
  auto paths = PathsFromEnvironment();
  if (!paths) return Fail(paths.error().message());
  KeeperOptions options;
  options.paths = *std::move(paths);
  options.core_program = ProgramFolder() + "/tend-core";
  options.sidecar_program = ProgramFolder() + "/tend-sidecar";
  return daemon ? Daemonize(options) : RunKeeper(options);
}

}  // namespace
}  // namespace tend::supervisor

int main(int argc, char** argv) {
  return tend::supervisor::Main(argc, argv);
}
