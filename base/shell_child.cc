#include "base/shell_child.h"

#include <fcntl.h>
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

namespace tend {
namespace {

// All that the child needs, made before the fork.
struct Plan {
  const ShellCommand* command = nullptr;
  int in = -1, out = -1;
  std::vector<std::string> environment;
  std::vector<char*> env;
  std::vector<char*> argv;
};

Plan PlanFor(const ShellCommand& command, int in, int out) {
  Plan plan;
  plan.command = &command;
  plan.in = in;
  plan.out = out;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string_view ours = *entry;
    const std::string_view name = ours.substr(0, ours.find('='));
    const bool is_given = std::any_of(command.environment.begin(), command.environment.end(),
                                      [&](const auto& given) { return given.first == name; });
    if (!is_given) plan.environment.emplace_back(ours);
  }
  for (const auto& [name, value] : command.environment)
    plan.environment.push_back(name + '=' + value);
  for (std::string& entry : plan.environment)
    plan.env.push_back(entry.data());
  plan.env.push_back(nullptr);
  for (const char* word : {"sh", "-c", command.line.c_str()})
    plan.argv.push_back(const_cast<char*>(word));
  plan.argv.push_back(nullptr);
  return plan;
}

// The system calls themselves: glibc's functions would look for our other threads to change.
bool ChangeAccount(const ShellAccount& account) {
  return ::syscall(SYS_setgroups, account.groups.size(), account.groups.data()) == 0 &&
         ::syscall(SYS_setgid, account.gid) == 0 && ::syscall(SYS_setuid, account.uid) == 0;
}

bool Place(const Plan& plan) {
  int in = plan.in, out = plan.out;
  if (in < 0 || out < 0) {
    const int null = ::open("/dev/null", O_RDWR);
    if (null < 0) return false;
    if (in < 0) in = null;
    if (out < 0) out = null;
  }
  return ::dup2(in, 0) == 0 && ::dup2(out, 1) == 1 && ::dup2(out, 2) == 2;
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
  const bool placed = Place(plan);
  // What some library opened without close-on-exec.
  ::syscall(SYS_close_range, 3U, UINT_MAX, 0U);
  if (!placed) ::_exit(kShellNotStarted);
  const ShellCommand& command = *plan.command;
  if (command.account && !ChangeAccount(*command.account)) ::_exit(kShellNotStarted);
  if (::chdir(command.folder.c_str()) != 0) ::_exit(kShellNotStarted);
  // After the change of account, which takes it back.
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != parent) ::_exit(kShellNotStarted);
  ::execve("/bin/sh", plan.argv.data(), plan.env.data());
  ::_exit(kShellNotStarted);
}

}  // namespace

Result<ShellChild> ShellChild::Start(const ShellCommand& command, int in, int out) {
  const Plan plan = PlanFor(command, in, out);
  const pid_t parent = ::getpid();
  int pidfd = -1;
  // Not fork(2): with the descriptor from the start there is no child that nobody can wait for.
  const long pid = ::syscall(SYS_clone, CLONE_PIDFD | SIGCHLD, nullptr, &pidfd, nullptr, nullptr);
  if (pid < 0) return SysError("fork", errno);
  if (pid == 0) Child(plan, parent);
  ShellChild child(static_cast<pid_t>(pid), Fd(pidfd));
  // The child does so, too: whoever is first.
  ::setpgid(child.pid_, child.pid_);
  return child;
}

ShellChild::~ShellChild() {
  (void)Reap();
}

// Its number cannot be another's before it is reaped.
void ShellChild::Kill() const {
  if (pid_ != 0) ::kill(-pid_, SIGKILL);
}

std::optional<int> ShellChild::Reap() {
  if (pid_ == 0) return std::nullopt;
  Kill();
  int status = 0;
  pid_t reaped = 0;
  do {
    reaped = ::waitpid(pid_, &status, WNOHANG);
  } while (reaped < 0 && errno == EINTR);
  if (reaped == 0) return std::nullopt;
  const bool is_ours = std::exchange(pid_, 0) == reaped;
  return is_ours ? std::optional(status) : std::nullopt;
}

}  // namespace tend
