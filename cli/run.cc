// `tend run`: a daemon of its own in the foreground, for containers. It may be PID 1, so it reaps
// whatever the kernel gives it.
#include <poll.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>

#include <fmt/format.h>

#include "cli/commands.h"
#include "cli/daemon.h"
#include "cli/failures.h"
#include "cli/log_stream.h"
#include "cli/observe.h"
#include "cli/selection.h"
#include "cli/sidecar.h"
#include "cli/state_view.h"
#include "cli/text.h"
#include "cli/wanted.h"
#include "config/codec.h"

namespace tend::cli {
namespace {

using std::chrono::milliseconds;
using Clock = std::chrono::steady_clock;

constexpr milliseconds kUpLimit = std::chrono::seconds(10);
constexpr milliseconds kDownLimit = std::chrono::seconds(30);
constexpr milliseconds kFollowerLimit = std::chrono::seconds(3);
constexpr milliseconds kLook{250};

std::atomic<bool> follower_told{false};

extern "C" void OnFollowerTold(int) {
  follower_told.store(true);
}

// One run, from the first fork to the last wait.
class Foreground {
 public:
  explicit Foreground(const Context& context) : context_(context) {}

  ExitCode Run(const Wanted& wanted) {
    if (!BlockSignals()) return Complain(context_, SysError("receive signals", errno));
    const auto daemon =
        Spawn(ProgramFolder() + "/tendd", {"--foreground"}, STDERR_FILENO, STDERR_FILENO);
    if (!daemon) return Complain(context_, daemon.error());
    daemon_ = *daemon;
    if (!AwaitDaemon()) return End(ExitCode::kUnreachable);
    if (const auto follower = StartFollower(); !follower) {
      context_.terminal.Warning("the logs are not shown here: " + follower.error().message());
    }
    return End(StartAndWatch(wanted));
  }

 private:
  bool BlockSignals() {
    sigset_t set;
    sigemptyset(&set);
    for (const int number : {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGCHLD})
      sigaddset(&set, number);
    if (::sigprocmask(SIG_BLOCK, &set, nullptr) != 0) return false;
    signals_ = Fd(::signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
    return signals_.valid();
  }

  // Waits for a signal or `limit`, and reaps.
  void Look(milliseconds limit) {
    pollfd entry{signals_.get(), POLLIN, 0};
    ::poll(&entry, 1, static_cast<int>(limit.count()));
    signalfd_siginfo info{};
    while (::read(signals_.get(), &info, sizeof info) == sizeof info) {
      if (info.ssi_signo != static_cast<std::uint32_t>(SIGCHLD)) told_to_stop_ = true;
    }
    int status = 0;
    for (pid_t pid = 0; (pid = ::waitpid(-1, &status, WNOHANG)) > 0;) {
      if (pid == daemon_) daemon_ = 0;
      if (pid == follower_) follower_ = 0;
    }
  }

  bool AwaitDaemon() {
    const auto deadline = Clock::now() + kUpLimit;
    while (!DaemonAnswers(context_.paths)) {
      if (daemon_ == 0 || told_to_stop_ || Clock::now() > deadline) {
        context_.terminal.Error(told_to_stop_
                                    ? "interrupted while starting"
                                    : "the daemon did not come up; see " + context_.paths.own_logs);
        return false;
      }
      Look(milliseconds(10));
    }
    return true;
  }

  // A process of its own, so that a stdout that nobody reads holds up nothing but itself.
  Result<> StartFollower() {
    const std::string since = FormatRfc3339(context_.now());
    follower_ = ::fork();
    if (follower_ < 0) return SysError("fork", errno);
    if (follower_ > 0) return {};
    ::signal(SIGINT, SIG_IGN);  // Ctrl-C goes to all of the terminal's foreground
    ::signal(SIGTERM, OnFollowerTold);
    sigset_t none;
    sigemptyset(&none);
    ::sigprocmask(SIG_SETMASK, &none, nullptr);
    LogQuery query;
    query.since = since;
    query.follow = true;
    query.output = LogOutput::kRaw;
    const ExitCode code = ShowLogs(context_, query, [] { return follower_told.load(); });
    ::_exit(static_cast<int>(code));
  }

  ExitCode StartAndWatch(const Wanted& wanted) {
    // The app matters more; what is wrong was said.
    (void)ConfigureObserve(context_, wanted.observe);
    Request request;
    request.verb = "start";
    request.wait = false;
    for (const config::AppConfig& app : wanted.apps)
      request.apps.push_back(config::ToJson(app, config::Secrets::kInclude));
    const auto answer = Ask(context_, request, kActionLimit);
    if (!answer) return Complain(context_, answer.error());
    if (answer->exit != 0) {
      ReportFailures(context_, answer->failures, "did not come up");
      return Conclude(context_, *answer, {});
    }
    const auto begun = Clock::now();
    while (!told_to_stop_) {
      Look(kLook);
      if (daemon_ == 0) {
        context_.terminal.Error("the daemon ended; see " + context_.paths.own_logs);
        return ExitCode::kFailed;
      }
      const auto apps = ListApps(context_);
      if (!apps) continue;  // core is being replaced
      last_ = *apps;
      // An app that core refused after it had answered never comes.
      const bool there = apps->size() >= wanted.apps.size() || Clock::now() - begun > kUpLimit;
      if (there && AllEnded(*apps)) return CodeOf(*apps);
    }
    StopApps();
    return ExitCode::kOk;
  }

  static bool AllEnded(const std::vector<AppStatus>& apps) {
    for (const AppStatus& app : apps) {
      for (const WorkerStatus& worker : app.workers) {
        const bool over =
            worker.state == WorkerState::kStopped || worker.state == WorkerState::kErrored;
        if (!over) return false;
      }
    }
    return true;
  }

  // As a shell has it: the code, or 128 and the signal; of the first worker that failed.
  ExitCode CodeOf(const std::vector<AppStatus>& apps) const {
    int code = 0;
    for (const AppStatus& app : apps) {
      for (const WorkerStatus& worker : app.workers) {
        const bool errored = worker.state == WorkerState::kErrored;
        if (errored) {
          context_.terminal.Error(fmt::format("{}:{} gave up after {}{}", app.name, worker.slot,
                                              Count(worker.restarts(), "restart"),
                                              worker.note.empty() ? "" : ": " + worker.note));
        }
        if (code != 0) continue;
        if (worker.last_exit && worker.last_exit->signal)
          code = 128 + *worker.last_exit->signal;
        else if (worker.last_exit)
          code = worker.last_exit->code.value_or(0);
        if (code == 0 && errored) code = static_cast<int>(ExitCode::kFailed);
      }
    }
    return static_cast<ExitCode>(code);
  }

  // The apps before the daemon: what they say while they stop is to be seen.
  void StopApps() {
    told_to_stop_ = false;
    Request request;
    request.verb = "stop";
    request.select = {"all"};
    request.wait = false;
    const auto answer = Ask(context_, request);
    while (answer && answer->exit == 0 && daemon_ != 0 && !told_to_stop_) {
      const auto apps = ListApps(context_);
      if (!apps) break;
      last_ = *apps;
      if (AllEnded(*apps)) break;
      Look(milliseconds(20));
    }
  }

  ExitCode End(ExitCode code) {
    // The sidecar answers when it has read the last of it.
    for (const AppStatus& app : last_) {
      for (const WorkerStatus& worker : app.workers)
        LastStderr(context_, app.name, worker.slot, worker.incarnation, milliseconds(1500));
    }
    if (follower_ > 0) {
      ::kill(follower_, SIGTERM);
      AwaitEnd(follower_, kFollowerLimit);
    }
    if (daemon_ > 0) {
      Request request;
      request.verb = "kill";
      request.wait = false;
      const auto answer = Ask(context_, request);
      if (!answer) ::kill(daemon_, SIGTERM);
      AwaitEnd(daemon_, kDownLimit);
    }
    return code;
  }

  // `pid` becomes 0 when Look() has reaped it.
  void AwaitEnd(const pid_t& pid, milliseconds limit) {
    const auto deadline = Clock::now() + limit;
    while (pid > 0 && Clock::now() < deadline)
      Look(milliseconds(50));
    if (pid > 0) ::kill(pid, SIGKILL);
  }

  const Context& context_;
  Fd signals_;
  pid_t daemon_ = 0;
  pid_t follower_ = 0;
  bool told_to_stop_ = false;
  std::vector<AppStatus> last_;
};

}  // namespace

ExitCode DoRun(const Context& context, const Arguments& arguments) {
  if (context.connect()) {
    context.terminal.Error("a tend daemon runs already at " + context.paths.control_socket);
    context.terminal.Help("use `tend start`, or set TEND_HOME to a folder of its own");
    return ExitCode::kFailed;
  }
  auto found = FindWanted(context, CommandId::kRun, arguments, {});
  if (!found.wanted) return found.code;
  UseListen(found.wanted->listen);
  return Foreground(context).Run(*found.wanted);
}

}  // namespace tend::cli
