#include "supervisor/probes/exec_check.h"

#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <string_view>

#include "base/status.h"
#include "base/time.h"
#include "config/identity.h"

namespace tend::probes {
namespace {

constexpr int kNotStarted = 126;  // as a shell says that a program cannot be run

// All that the child needs, made before the fork.
struct Plan {
  std::vector<std::string> environment;
  std::vector<char*> env;
  std::vector<char*> argv;
  const ExecSpec* spec = nullptr;
};

Plan PlanFor(const ExecSpec& spec) {
  Plan plan;
  plan.spec = &spec;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string_view ours = *entry;
    const std::string_view name = ours.substr(0, ours.find('='));
    const bool is_given = std::any_of(spec.environment.begin(), spec.environment.end(),
                                      [&](const auto& given) { return given.first == name; });
    if (!is_given) plan.environment.emplace_back(ours);
  }
  for (const auto& [name, value] : spec.environment)
    plan.environment.push_back(name + '=' + value);
  for (std::string& entry : plan.environment)
    plan.env.push_back(entry.data());
  plan.env.push_back(nullptr);
  for (const char* word : {"sh", "-c", spec.line.c_str()})
    plan.argv.push_back(const_cast<char*>(word));
  plan.argv.push_back(nullptr);
  return plan;
}

// The system calls themselves: glibc's functions would look for our other threads to change.
bool ChangeAccount(const Account& account) {
  return ::syscall(SYS_setgroups, account.groups.size(), account.groups.data()) == 0 &&
         ::syscall(SYS_setgid, account.gid) == 0 && ::syscall(SYS_setuid, account.uid) == 0;
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
  const int null = ::open("/dev/null", O_RDWR);
  const bool placed =
      null >= 0 && ::dup2(null, 0) == 0 && ::dup2(null, 1) == 1 && ::dup2(null, 2) == 2;
  // What some library opened without close-on-exec.
  ::syscall(SYS_close_range, 3U, UINT_MAX, 0U);
  if (!placed) ::_exit(kNotStarted);
  if (plan.spec->account && !ChangeAccount(*plan.spec->account)) ::_exit(kNotStarted);
  if (::chdir(plan.spec->folder.c_str()) != 0) ::_exit(kNotStarted);
  // After the change of account, which takes it back.
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != parent) ::_exit(kNotStarted);
  ::execve("/bin/sh", plan.argv.data(), plan.env.data());
  ::_exit(kNotStarted);
}

struct Forked {
  pid_t pid = 0;
  Fd pidfd;
};

// Not fork(2): with the descriptor from the start there is no child that nobody can wait for.
Result<Forked> Fork(const ExecSpec& spec) {
  const Plan plan = PlanFor(spec);
  const pid_t parent = ::getpid();
  int pidfd = -1;
  const long pid = ::syscall(SYS_clone, CLONE_PIDFD | SIGCHLD, nullptr, &pidfd, nullptr, nullptr);
  if (pid < 0) return SysError("fork", errno);
  if (pid == 0) Child(plan, parent);
  Forked child{static_cast<pid_t>(pid), Fd(pidfd)};
  // The child does so, too: whoever is first.
  ::setpgid(child.pid, child.pid);
  return child;
}

CheckResult ResultOf(int status) {
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return {};
  if (WIFEXITED(status)) {
    return {Outcome::kBad, "exit code " + std::to_string(WEXITSTATUS(status))};
  }
  return {Outcome::kBad, "killed by " + SignalName(WTERMSIG(status))};
}

}  // namespace

Result<std::optional<Account>> AccountOf(const std::string& uid, const std::string& gid) {
  TRY(const std::optional<config::Identity> identity, config::FindIdentity(uid, gid));
  if (!identity || ::geteuid() != 0) return std::optional<Account>();
  Account account{identity->uid, identity->gid, {identity->gid}};
  if (!identity->name.empty()) {
    int count = 0;
    ::getgrouplist(identity->name.c_str(), account.gid, nullptr, &count);
    account.groups.resize(static_cast<std::size_t>(std::max(count, 1)), account.gid);
    if (::getgrouplist(identity->name.c_str(), account.gid, account.groups.data(), &count) < 0) {
      account.groups = {account.gid};
    }
  }
  return std::optional<Account>(std::move(account));
}

// Its end is the end of the interest in the check.
class ExecRunner::Ticket final : public Check {
 public:
  Ticket(ExecRunner& runner, std::uint64_t id) : runner_(runner), id_(id) {}
  ~Ticket() override { runner_.Forget(id_); }

 private:
  ExecRunner& runner_;
  const std::uint64_t id_;
};

ExecRunner::~ExecRunner() {
  for (auto& entry : running_) {
    Running& running = entry.second;
    running.ended.reset();
    ::kill(-running.pid, SIGKILL);
    // We are about to end: one that does not die at once is reaped by who adopts it.
    ::waitpid(running.pid, nullptr, WNOHANG);
  }
}

std::unique_ptr<Check> ExecRunner::Run(ExecSpec spec,
                                       std::chrono::nanoseconds timeout,
                                       CheckDone done) {
  const std::uint64_t id = next_id_++;
  waiting_.push_back({id, std::move(spec), timeout, std::move(done)});
  StartNext();
  return std::make_unique<Ticket>(*this, id);
}

void ExecRunner::StartNext() {
  if (turn_ || waiting_.empty() || running_.size() >= kAtOnce) return;
  // From the loop: whoever asks does not have the check yet.
  turn_ = loop_.After(std::chrono::nanoseconds(0), [this] {
    turn_.reset();
    if (waiting_.empty() || running_.size() >= kAtOnce) return;
    Waiting next = std::move(waiting_.front());
    waiting_.pop_front();
    StartNext();
    Start(std::move(next));
  });
}

void ExecRunner::Start(Waiting waiting) {
  auto child = Fork(waiting.spec);
  if (!child) return waiting.done({Outcome::kUnknown, child.error().message()});
  const std::uint64_t id = waiting.id;
  Running& running = running_[id];
  running.pid = child->pid;
  running.done = std::move(waiting.done);
  running.pidfd = std::move(child->pidfd);
  running.ended = loop_.OnReadable(running.pidfd.get(), [this, id] { OnEnded(id); });
  running.deadline = loop_.After(
      waiting.timeout, [this, id, timeout = waiting.timeout] { OnDeadline(id, timeout); });
}

void ExecRunner::Forget(std::uint64_t id) {
  std::erase_if(waiting_, [id](const Waiting& waiting) { return waiting.id == id; });
  const auto found = running_.find(id);
  if (found == running_.end()) return;
  found->second.done = nullptr;
  found->second.deadline.reset();
  ::kill(-found->second.pid, SIGKILL);
}

void ExecRunner::OnDeadline(std::uint64_t id, std::chrono::nanoseconds timeout) {
  Running& running = running_.at(id);
  ::kill(-running.pid, SIGKILL);
  // It is reaped when the kernel says so, and counts until then.
  running.deadline.reset();
  if (const CheckDone done = std::exchange(running.done, nullptr)) {
    done({Outcome::kBad, "not done within " + FormatDuration(timeout)});
  }
}

void ExecRunner::OnEnded(std::uint64_t id) {
  auto node = running_.extract(id);
  if (node.empty()) return;
  Running& running = node.mapped();
  running.ended.reset();
  // What it left running. Its number cannot be another's before it is reaped.
  ::kill(-running.pid, SIGKILL);
  int status = 0;
  pid_t reaped = 0;
  do {
    reaped = ::waitpid(running.pid, &status, WNOHANG);
  } while (reaped < 0 && errno == EINTR);
  StartNext();
  if (!running.done) return;
  running.done(reaped == running.pid ? ResultOf(status)
                                     : CheckResult{Outcome::kUnknown, "nobody saw its end"});
}

}  // namespace tend::probes
