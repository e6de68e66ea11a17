#include "config/child_output.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

#include "base/check.h"
#include "base/fd.h"

namespace tend::config {
namespace {

using Clock = std::chrono::steady_clock;

// Everything between fork and exec: async-signal-safe calls only. `start_error` gets errno.
[[noreturn]] void Child(
    char* const* argv, int null, int said, int answer, int start_error, rlim_t cpu_seconds) {
  ::setpgid(0, 0);
  // If we are killed while the file loops for ever, the kernel ends it.
  const rlimit cpu{cpu_seconds, cpu_seconds};
  ::setrlimit(RLIMIT_CPU, &cpu);
  sigset_t none;
  sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  ::signal(SIGPIPE, SIG_DFL);
  const bool placed = ::dup2(null, 0) == 0 && ::dup2(said, 1) == 1 && ::dup2(said, 2) == 2 &&
                      ::dup2(answer, 3) == 3;
  if (placed) ::execv(argv[0], argv);
  const int number = errno;
  [[maybe_unused]] const auto written = ::write(start_error, &number, sizeof number);
  ::_exit(127);
}

// Above 3 and close-on-exec, so that placing one descriptor never overwrites another.
Result<Fd> MoveUp(Fd fd) {
  Fd up(::fcntl(fd.get(), F_DUPFD_CLOEXEC, 10));
  if (!up.valid()) return SysError("duplicate a descriptor", errno);
  return up;
}

// Reads what is there. False at the end of the pipe.
bool Drain(int fd, std::string& into, std::size_t max) {
  std::array<char, 16384> buffer;
  while (into.size() <= max) {
    const ssize_t size = ::read(fd, buffer.data(), buffer.size());
    if (size == 0) return false;
    if (size < 0) return errno == EAGAIN || errno == EINTR;
    into.append(buffer.data(), static_cast<std::size_t>(size));
  }
  return true;
}

void KeepTail(std::string& text) {
  if (text.size() > kSaidMax) text.erase(0, text.size() - kSaidMax);
}

class Running {
 public:
  Running(pid_t pid, Fd answer, Fd said)
      : pid_(pid), answer_(std::move(answer)), said_(std::move(said)) {
    pidfd_.Reset(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
  }

  ChildOutput Wait(const ChildLimits& limits) {
    ChildOutput out;
    const auto deadline = Clock::now() + limits.time;
    bool ended = false;
    while (!ended && !out.too_much) {
      const auto left =
          std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Clock::now());
      if (left.count() <= 0) {
        out.timed_out = true;
        break;
      }
      // Without a pidfd (a kernel before 5.3) the end is looked for every 20 ms.
      const auto wait = pidfd_.valid() ? left : std::min(left, std::chrono::milliseconds(20));
      std::array<pollfd, 3> polled = {pollfd{answer_.get(), POLLIN, 0},
                                      pollfd{said_.get(), POLLIN, 0},
                                      pollfd{pidfd_.get(), POLLIN, 0}};
      ::poll(polled.data(), polled.size(), static_cast<int>(wait.count()) + 1);
      ended = HasEnded();
      Read(out, limits.answer_max);
    }
    // Not reaped yet, so that the number of the group can be nobody else's.
    ::kill(-pid_, SIGKILL);
    while (::waitpid(pid_, &out.status, 0) < 0 && errno == EINTR) {
    }
    return out;
  }

 private:
  bool HasEnded() const {
    siginfo_t info{};
    return ::waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED | WNOHANG | WNOWAIT) == 0 &&
           info.si_pid == pid_;
  }

  void Read(ChildOutput& out, std::size_t answer_max) {
    if (answer_.valid() && !Drain(answer_.get(), out.answer, answer_max)) answer_.Reset();
    out.too_much = out.answer.size() > answer_max;
    // Bounded for each turn, so that one who prints without end cannot hold us past the deadline.
    std::string said;
    if (said_.valid() && !Drain(said_.get(), said, 4 * kSaidMax)) said_.Reset();
    out.said += said;
    KeepTail(out.said);
  }

  pid_t pid_;
  Fd answer_, said_, pidfd_;
};

}  // namespace

Result<ChildOutput> RunForAnswer(const std::vector<std::string>& argv, const ChildLimits& limits) {
  TEND_CHECK(!argv.empty());
  TRY(Pipe answer, MakePipe());
  TRY(Pipe said, MakePipe());
  TRY(Pipe start, MakePipe());
  Fd null(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  if (!null.valid()) return SysError("open /dev/null", errno);
  TRY(Fd child_answer, MoveUp(std::move(answer.write)));
  TRY(Fd child_said, MoveUp(std::move(said.write)));
  TRY(Fd child_null, MoveUp(std::move(null)));
  TRY(Fd child_start, MoveUp(std::move(start.write)));
  TRY_VOID(SetNonBlocking(answer.read.get()));
  TRY_VOID(SetNonBlocking(said.read.get()));

  std::vector<char*> arguments;
  for (const std::string& argument : argv)
    arguments.push_back(const_cast<char*>(argument.c_str()));
  arguments.push_back(nullptr);
  const auto cpu = std::chrono::duration_cast<std::chrono::seconds>(limits.time).count() + 5;
  const pid_t pid = ::fork();
  if (pid < 0) return SysError("fork", errno);
  if (pid == 0) {
    Child(arguments.data(), child_null.get(), child_said.get(), child_answer.get(),
          child_start.get(), static_cast<rlim_t>(cpu));
  }
  ::setpgid(pid, pid);
  child_answer.Reset();
  child_said.Reset();
  child_start.Reset();
  int number = 0;
  ssize_t size = 0;
  do {
    size = ::read(start.read.get(), &number, sizeof number);
  } while (size < 0 && errno == EINTR);
  if (size == static_cast<ssize_t>(sizeof number)) {
    while (::waitpid(pid, nullptr, 0) < 0 && errno == EINTR) {
    }
    return SysError("run " + argv[0], number);
  }
  return Running(pid, std::move(answer.read), std::move(said.read)).Wait(limits);
}

}  // namespace tend::config
