#include "cli/daemon.h"

#include <fcntl.h>
#include <linux/close_range.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <thread>

#include "base/fd.h"
#include "base/files.h"
#include "cli/client.h"
#include "cli/keeper_process.h"
#include "cli/text.h"

namespace tend::cli {
namespace {

constexpr auto kStartLimit = std::chrono::seconds(10);
constexpr auto kFormerLimit = std::chrono::seconds(30);  // for one that leaves, or starts its core
constexpr std::size_t kAddressMax = 4096;
constexpr auto kPoll = std::chrono::milliseconds(10);

// In the child, between fork and exec: system calls only.
[[noreturn]] void Become(const char* program, char* const* arguments, int out, int err) {
  ::setsid();  // Ctrl-C is for us
  const int null = ::open("/dev/null", O_RDONLY);
  ::dup2(null, STDIN_FILENO);
  // `err` may be 1 and `out` may be 2: neither may be overwritten before it is copied.
  const int out_copy = ::fcntl(out, F_DUPFD, 10);
  const int err_copy = ::fcntl(err, F_DUPFD, 10);
  ::dup2(out_copy, STDOUT_FILENO);
  ::dup2(err_copy, STDERR_FILENO);
  ::syscall(SYS_close_range, 3u, ~0u, 0u);
  for (const int number : {SIGINT, SIGTERM, SIGHUP, SIGCHLD, SIGPIPE})
    ::signal(number, SIG_DFL);
  sigset_t none;
  sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  ::execv(program, arguments);
  ::_exit(127);
}

std::string ReadFrom(int fd) {
  std::string text(4096, '\0');
  const ssize_t n = ::pread(fd, text.data(), text.size(), 0);
  text.resize(n > 0 ? static_cast<std::size_t>(n) : 0);
  while (!text.empty() && text.back() == '\n')
    text.pop_back();
  return text;
}

Error NotUp(std::string what, int said_fd, const Paths& paths) {
  const std::string said = ReadFrom(said_fd);
  what += said.empty() ? "; see " + paths.own_logs : ": " + Harmless(said);
  return {Errc::kInternal, std::move(what)};
}

}  // namespace

Result<pid_t> Spawn(const std::string& program,
                    const std::vector<std::string>& arguments,
                    int out,
                    int err) {
  if (::access(program.c_str(), X_OK) != 0) {
    return Error(Errc::kNotFound, "there is no program " + program, errno);
  }
  std::vector<char*> pointers{const_cast<char*>(program.c_str())};
  for (const std::string& argument : arguments)
    pointers.push_back(const_cast<char*>(argument.c_str()));
  pointers.push_back(nullptr);
  const pid_t pid = ::fork();
  if (pid < 0) return SysError("start " + program, errno);
  if (pid == 0) Become(program.c_str(), pointers.data(), out, err);
  return pid;
}

void UseListen(const std::string& listen) {
  if (!listen.empty()) ::setenv("TEND_LISTEN", listen.c_str(), 0);
}

std::string ListensElsewhere(const Paths& paths, const std::string& listen) {
  if (listen.empty() || std::getenv("TEND_LISTEN") != nullptr) return {};
  const auto file = ReadFile(FilesLinux(), paths.listen_file, kAddressMax);
  if (!file || file->empty()) return {};
  const std::string bound = file->substr(0, file->find('\n'));
  const auto port = [](const std::string& address) {
    return address.substr(address.rfind(':') + 1);
  };
  if (port(bound) == port(listen) || port(listen) == "0") return {};
  return "the daemon runs already and listens on " + Harmless(bound) + ", not on " +
         Harmless(listen) + " as the config file says";
}

bool DaemonAnswers(const Paths& paths) {
  auto client = ControlClient::Connect(paths.control_socket);
  if (!client) return false;
  Request request;
  request.verb = "ping";
  const auto answer = client->Call(request, std::chrono::seconds(1));
  return answer && answer->exit == 0;
}

Result<> StartDaemon(const Paths& paths) {
  // A file, not a pipe: the daemon keeps it open for ever, and whoever waits for the end of our
  // own stderr must not wait for the daemon's.
  const Fd said(::memfd_create("tendd-start", MFD_CLOEXEC));
  if (!said.valid()) return SysError("make a file in memory", errno);
  auto deadline = std::chrono::steady_clock::now() + kFormerLimit;
  pid_t pid = 0;  // of our tendd until it has put itself into the background
  bool started = false;
  int failures = 0;
  while (!DaemonAnswers(paths)) {
    const auto keeper = FindKeeper(paths.run);
    if (std::chrono::steady_clock::now() > deadline) {
      return NotUp(keeper ? "tendd (pid " + std::to_string(keeper->pid) +
                                ") runs, but its core does not answer"
                          : "the daemon did not answer within 10s",
                   said.get(), paths);
    }
    int status = 0;
    if (pid != 0 && ::waitpid(pid, &status, WNOHANG) == pid) {
      pid = 0;
      started = WIFEXITED(status) && WEXITSTATUS(status) == 0;
      // A keeper that was about to leave may have been in the way of ours, and be gone by now.
      if (!started && ++failures >= 2 && !keeper) {
        return NotUp("the daemon did not start", said.get(), paths);
      }
    }
    // A keeper that is there already either starts its core again, or is about to leave.
    if (pid == 0 && !started && !keeper) {
      [[maybe_unused]] const int cut = ::ftruncate(said.get(), 0);
      ::lseek(said.get(), 0, SEEK_SET);
      TRY(pid, Spawn(ProgramFolder() + "/tendd", {"--daemon"}, said.get(), said.get()));
      deadline = std::chrono::steady_clock::now() + kStartLimit;
    }
    std::this_thread::sleep_for(kPoll);
  }
  return {};
}

}  // namespace tend::cli
