#include "supervisor/child.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <climits>

#include "supervisor/processes.h"

namespace tend::supervisor {
namespace {

// Where the two pipes are until exec; both close then.
constexpr int kCommitFd = kWorkerFdsEnd;
constexpr int kReportFd = kWorkerFdsEnd + 1;
// Above all numbers that a worker's descriptors get.
constexpr int kAside = 20;
static_assert(kReportFd < kAside && kChannelSpareFdInWorker < kWorkerFdsEnd);
static_assert(kFirstListenFdInWorker + kListenFdsMax <= kTelemetryFdInWorker);

[[noreturn]] void Fail(int report_fd, ExecStage stage, int error) noexcept {
  ExecFailure failure;
  failure.stage = stage;
  failure.error = error;
  // A pipe takes so few bytes whole or, if nobody reads any more, not at all.
  [[maybe_unused]] const ssize_t n = ::write(report_fd, &failure, sizeof failure);
  ::_exit(kExitNotExecuted);
}

void CloseRange(unsigned first, unsigned last, std::uint64_t end) noexcept {
  if (first > last) return;
  if (::syscall(SYS_close_range, first, last, 0) == 0) return;
  for (std::uint64_t fd = first; fd <= last && fd < end; ++fd)
    ::close(static_cast<int>(fd));
}

// A copy with a number that no dup2 of ours overwrites.
int Aside(int fd) noexcept {
  return ::fcntl(fd, F_DUPFD_CLOEXEC, kAside);
}

// 0, or errno. Afterwards a worker's descriptors, kCommitFd and kReportFd are all that is open.
int ArrangeDescriptors(const ChildPlan& plan) noexcept {
  const int none = ::open("/dev/null", O_RDWR | O_CLOEXEC);
  if (none < 0) return errno;
  int aside[kWorkerFdsEnd];
  for (int number = 0; number < kWorkerFdsEnd; ++number) {
    const int given = plan.worker_fds[number];
    const int source = given < 0 && number <= STDERR_FILENO ? none : given;
    aside[number] = source < 0 ? -1 : Aside(source);
    if (source >= 0 && aside[number] < 0) return errno;
  }
  const int commit = Aside(plan.commit_fd);
  const int report = Aside(plan.report_fd);
  if (commit < 0 || report < 0) return errno;
  for (int number = 0; number < kWorkerFdsEnd; ++number) {
    if (aside[number] < 0) {
      ::close(number);
    } else if (::dup2(aside[number], number) < 0) {
      return errno;
    }
  }
  if (::dup3(commit, kCommitFd, O_CLOEXEC) < 0 || ::dup3(report, kReportFd, O_CLOEXEC) < 0) {
    return errno;
  }
  CloseRange(kReportFd + 1, UINT_MAX, plan.descriptors_end);
  return 0;
}

// Only the child knows the number that LISTEN_PID has to be.
void WritePid(char* digits) noexcept {
  if (digits == nullptr) return;
  char reversed[kPidDigits];
  int count = 0;
  for (unsigned pid = static_cast<unsigned>(::getpid()); pid != 0 && count < kPidDigits; pid /= 10)
    reversed[count++] = static_cast<char>('0' + pid % 10);
  int at = 0;
  while (count > 0)
    digits[at++] = reversed[--count];
  digits[at] = '\0';
}

// Handlers and ignored signals would come from core; the mask, too.
void ResetSignals() noexcept {
  struct sigaction action {};
  action.sa_handler = SIG_DFL;
  for (int signal = 1; signal < NSIG; ++signal)
    ::sigaction(signal, &action, nullptr);
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
}

// Lost rights to do so do not stop the worker.
void RestoreLimits(const ChildPlan& plan) noexcept {
  if (plan.oom_score_adj != nullptr) {
    const int fd = ::open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
    if (fd >= 0) {
      std::size_t size = 0;
      while (plan.oom_score_adj[size] != '\0')
        ++size;
      [[maybe_unused]] const ssize_t n = ::write(fd, plan.oom_score_adj, size);
      ::close(fd);
    }
  }
  rlimit limit{};
  if (plan.open_files_max != 0 && ::getrlimit(RLIMIT_NOFILE, &limit) == 0) {
    limit.rlim_cur = plan.open_files_max;
    ::setrlimit(RLIMIT_NOFILE, &limit);
  }
}

bool WaitForCommit() noexcept {
  char byte = 0;
  ssize_t n = 0;
  do {
    n = ::read(kCommitFd, &byte, 1);
  } while (n < 0 && errno == EINTR);
  return n == 1;
}

// The system calls themselves: glibc's functions would look for other threads of core to change.
void ChangeAccount(const ChildPlan& plan) noexcept {
  if (plan.change_groups && ::syscall(SYS_setgroups, plan.group_count, plan.groups) != 0) {
    Fail(kReportFd, ExecStage::kGroup, errno);
  }
  if (::syscall(SYS_setgid, plan.gid) != 0) Fail(kReportFd, ExecStage::kGroup, errno);
  if (::syscall(SYS_setuid, plan.uid) != 0) Fail(kReportFd, ExecStage::kUser, errno);
}

// As a shell does it: goes on to the next candidate if there is no such program here, and prefers
// to say that one may not be executed.
int TryPrograms(const ChildPlan& plan) noexcept {
  int error = ENOENT;
  for (const char* const* program = plan.programs; *program != nullptr; ++program) {
    ::execve(*program, plan.argv, plan.env);
    if (errno == EACCES) {
      error = EACCES;
    } else if (errno != ENOENT && errno != ENOTDIR) {
      return errno;
    }
  }
  return error;
}

}  // namespace

void RunChild(const ChildPlan& plan) noexcept {
  if (::setsid() < 0) Fail(plan.report_fd, ExecStage::kSession, errno);
  // Before the wait: the copies of core's descriptors, the other end of the commit pipe among them,
  // must not keep anyone from seeing that core is dead.
  const int report_fd = plan.report_fd;
  if (const int error = ArrangeDescriptors(plan); error != 0) {
    Fail(report_fd, ExecStage::kDescriptors, error);
  }
  WritePid(plan.pid_digits);
  ResetSignals();
  if (!WaitForCommit()) ::_exit(kExitNotCommitted);
  ::close(kCommitFd);
  RestoreLimits(plan);
  if (plan.change_account) ChangeAccount(plan);
  if (plan.cwd != nullptr && ::chdir(plan.cwd) != 0) {
    Fail(kReportFd, ExecStage::kDirectory, errno);
  }
  Fail(kReportFd, ExecStage::kExec, TryPrograms(plan));
}

}  // namespace tend::supervisor
