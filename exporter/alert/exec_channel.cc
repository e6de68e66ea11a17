#include "exporter/alert/exec_channel.h"

#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <climits>
#include <cstdint>
#include <string_view>
#include <utility>
#include <vector>

#include "base/fd.h"
#include "base/result.h"
#include "base/status.h"
#include "base/time.h"
#include "exporter/alert/http_channels.h"
#include "exporter/alert/payloads.h"
#include "exporter/ship/peer.h"

namespace tend::exporter {
namespace {

using Then = Delivery::Then;

constexpr int kNotStarted = 126;       // as a shell says that a program cannot be run
constexpr int kTemporaryFailure = 75;  // EX_TEMPFAIL of sysexits.h
constexpr auto kDeathMax = std::chrono::seconds(5);

// All that the child needs, made before the fork.
struct Plan {
  std::vector<std::string> environment;
  std::vector<char*> env;
  std::vector<char*> argv;
  int in = -1, out = -1;
};

Plan PlanFor(const std::string& line, const Notice& notice) {
  Plan plan;
  const auto given = EnvironmentOf(notice);
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string_view ours = *entry;
    const std::string_view name = ours.substr(0, ours.find('='));
    const bool is_given =
        std::any_of(given.begin(), given.end(), [&](const auto& one) { return one.first == name; });
    if (!is_given) plan.environment.emplace_back(ours);
  }
  for (const auto& [name, value] : given)
    plan.environment.push_back(name + '=' + value);
  for (std::string& entry : plan.environment)
    plan.env.push_back(entry.data());
  plan.env.push_back(nullptr);
  for (const char* word : {"sh", "-c", line.c_str()})
    plan.argv.push_back(const_cast<char*>(word));
  plan.argv.push_back(nullptr);
  return plan;
}

// After the fork: async-signal-safe calls only.
[[noreturn]] void Child(const Plan& plan, pid_t parent) {
  ::setpgid(0, 0);
  struct sigaction action {};
  action.sa_handler = SIG_DFL;
  for (int number = 1; number < NSIG; ++number)
    ::sigaction(number, &action, nullptr);
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  const bool placed =
      ::dup2(plan.in, 0) == 0 && ::dup2(plan.out, 1) == 1 && ::dup2(plan.out, 2) == 2;
  // What some library opened without close-on-exec.
  ::syscall(SYS_close_range, 3U, UINT_MAX, 0U);
  if (!placed || ::chdir("/") != 0) ::_exit(kNotStarted);
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != parent) ::_exit(kNotStarted);
  ::execve("/bin/sh", plan.argv.data(), plan.env.data());
  ::_exit(kNotStarted);
}

// One run of the line, from fork to reap.
class Run {
 public:
  static Result<std::unique_ptr<Run>> Start(const std::string& line, const Notice& notice) {
    auto run = std::make_unique<Run>();
    TRY(Pipe in, MakePipe());
    TRY(Pipe out, MakePipe());
    Plan plan = PlanFor(line, notice);
    plan.in = in.read.get();
    plan.out = out.write.get();
    const pid_t parent = ::getpid();
    int pidfd = -1;
    // Not fork(2): with the descriptor from the start there is no child that nobody can wait for.
    const long pid = ::syscall(SYS_clone, CLONE_PIDFD | SIGCHLD, nullptr, &pidfd, nullptr, nullptr);
    if (pid < 0) return SysError("fork", errno);
    if (pid == 0) Child(plan, parent);
    run->pid_ = static_cast<pid_t>(pid);
    run->pidfd_ = Fd(pidfd);
    // The child does so, too: whoever is first.
    ::setpgid(run->pid_, run->pid_);
    run->in_ = std::move(in.write);
    run->out_ = std::move(out.read);
    run->input_ = IncidentJson(notice) + '\n';
    TRY_VOID(SetNonBlocking(run->in_.get()));
    TRY_VOID(SetNonBlocking(run->out_.get()));
    return run;
  }

  ~Run() {
    if (pid_ != 0) Reap();
  }

  // True when the line has ended; false at the deadline, or when `stop` became readable.
  bool Wait(Mono deadline, int stop) {
    for (;;) {
      const auto left = deadline - std::chrono::steady_clock::now();
      if (left <= std::chrono::nanoseconds(0)) return false;
      std::array<pollfd, 4> polled = {{{pidfd_.get(), POLLIN, 0},
                                       {stop, POLLIN, 0},
                                       {out_.get(), POLLIN, 0},
                                       {in_.get(), POLLOUT, 0}}};
      const auto wait = std::chrono::ceil<std::chrono::milliseconds>(left).count();
      const int ready = ::poll(polled.data(), polled.size(), static_cast<int>(wait));
      if (ready < 0 && errno != EINTR) return false;
      if (polled[1].revents != 0) return false;
      if (polled[2].revents != 0) TakeOutput();
      if (polled[3].revents != 0) GiveInput();
      if (polled[0].revents == 0) continue;
      TakeOutput();
      return true;
    }
  }

  // Kills what is left of it, and says how the shell ended. One that does not even die of that (its
  // disk is gone) is left to whoever adopts it.
  int Reap() {
    // Its number cannot be another's before it is reaped.
    ::kill(-pid_, SIGKILL);
    ::kill(pid_, SIGKILL);
    pollfd dead = {pidfd_.get(), POLLIN, 0};
    const auto limit = std::chrono::milliseconds(kDeathMax).count();
    while (::poll(&dead, 1, static_cast<int>(limit)) < 0 && errno == EINTR) {
    }
    int status = SIGKILL;
    while (::waitpid(pid_, &status, WNOHANG) < 0 && errno == EINTR) {
    }
    pid_ = 0;
    return status;
  }

  const std::string& output() const { return output_; }

 private:
  void GiveInput() {
    const ssize_t written = ::write(in_.get(), input_.data(), input_.size());
    if (written > 0) input_.erase(0, static_cast<std::size_t>(written));
    const bool again = written < 0 && (errno == EAGAIN || errno == EINTR);
    if (input_.empty() || (written < 0 && !again)) in_.Reset();
  }

  void TakeOutput() {
    std::array<char, 4096> buffer{};
    for (;;) {
      if (!out_.valid()) return;
      const ssize_t size = ::read(out_.get(), buffer.data(), buffer.size());
      if (size < 0 && errno == EINTR) continue;
      if (size < 0 && errno == EAGAIN) return;
      if (size <= 0) return out_.Reset();
      const std::size_t room = kOutputMaxBytes - std::min(output_.size(), kOutputMaxBytes);
      output_.append(buffer.data(), std::min(static_cast<std::size_t>(size), room));
      // A command that never stops talking is not listened to for ever at a time.
      if (static_cast<std::size_t>(size) < buffer.size()) return;
      if (room == 0) return;
    }
  }

  pid_t pid_ = 0;
  Fd pidfd_, in_, out_;
  std::string input_, output_;
};

class ExecChannel final : public Channel {
 public:
  ExecChannel(std::string line, std::chrono::nanoseconds timeout, std::string host)
      : line_(std::move(line)),
        timeout_(timeout),
        host_(std::move(host)),
        stop_(::eventfd(0, EFD_CLOEXEC)) {}

  Delivery Tell(const Incident& incident) override { return Send({incident, host_, false}); }
  Delivery Test() override { return Send(TestNotice(host_, NowWall())); }
  void Abort() override {
    const std::uint64_t one = 1;
    // It cannot fail: the counter is far from full.
    (void)!::write(stop_.get(), &one, sizeof(one));
  }

 private:
  Delivery Send(const Notice& notice) {
    auto run = Run::Start(line_, notice);
    if (!run) return {Then::kRetry, {}, run.error().message()};
    const bool has_ended = (*run)->Wait(std::chrono::steady_clock::now() + timeout_, stop_.get());
    const int status = (*run)->Reap();
    const int code = has_ended && WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    if (code == 0) return {Then::kDone, {}, {}};
    std::string error = "not done within " + FormatDuration(timeout_);
    if (has_ended) {
      error = code >= 0 ? "exit code " + std::to_string(code)
                        : "killed by " + SignalName(WTERMSIG(status));
    }
    const std::string said = FirstLine((*run)->output());
    if (!said.empty()) error += ": " + said;
    return {code == kTemporaryFailure ? Then::kRetry : Then::kGiveUp, {}, error};
  }

  const std::string line_;
  const std::chrono::nanoseconds timeout_;
  const std::string host_;
  const Fd stop_;  // readable: Abort() was called
};

}  // namespace

std::unique_ptr<Channel> MakeExecChannel(std::string line,
                                         std::chrono::nanoseconds timeout,
                                         std::string host) {
  return std::make_unique<ExecChannel>(std::move(line), timeout, std::move(host));
}

}  // namespace tend::exporter
