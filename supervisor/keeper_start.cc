#include "supervisor/keeper_start.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "supervisor/process_tree.h"
#include "supervisor/spawn.h"

namespace tend::supervisor {
namespace {

constexpr int kFenceMs = 2000;
constexpr int kKillMs = 5000;
constexpr const char* kOwnOomScore = "-900";
constexpr int kRoleLine = 64;  // bytes of a line in `roles`, padded

sockaddr_un notify_address{};
socklen_t notify_size = 0;

bool EndsWithin(int pidfd, int timeout_ms) {
  pollfd wait{pidfd, POLLIN, 0};
  int n = 0;
  do {
    n = ::poll(&wait, 1, timeout_ms);
  } while (n < 0 && errno == EINTR);
  return n > 0;
}

Result<> FenceRole(const std::string& name, int pid, std::uint64_t start_time) {
  const Fd pidfd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
  if (!pidfd.valid()) return {};
  if (!IsRunning(pid, start_time) || ReadProcessName(pid) != name) return {};
  if (EndsWithin(pidfd.get(), kFenceMs)) return {};
  ::syscall(SYS_pidfd_send_signal, pidfd.get(), SIGKILL, nullptr, 0);
  if (EndsWithin(pidfd.get(), kKillMs)) return {};
  return Error(Errc::kBusy, "a former " + name + " (pid " + std::to_string(pid) + ") does not end");
}

}  // namespace

Result<Fd> TakeInstanceLock(const std::string& run) {
  const std::string path = run + "/lock";
  Fd file(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!file.valid()) return SysError("open " + path, errno);
  if (::flock(file.get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK) return SysError("lock " + path, errno);
    char holder[16] = {};
    [[maybe_unused]] const ssize_t n = ::pread(file.get(), holder, sizeof holder - 1, 0);
    const int pid = std::atoi(holder);
    return Error(Errc::kExists, "tendd is already running (pid " + std::to_string(pid) + ")");
  }
  const std::string text = std::to_string(::getpid()) + '\n';
  if (::ftruncate(file.get(), 0) != 0 ||
      ::pwrite(file.get(), text.data(), text.size(), 0) != static_cast<ssize_t>(text.size())) {
    return SysError("write " + path, errno);
  }
  return file;
}

Result<Fd> FenceFormerRoles(const std::string& run) {
  const std::string path = run + "/roles";
  Fd file(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!file.valid()) return SysError("open " + path, errno);
  for (int index = 0; index < 2; ++index) {
    char line[kRoleLine + 1] = {};
    if (::pread(file.get(), line, kRoleLine, index * kRoleLine) != kRoleLine) break;
    char name[16] = {};
    int pid = 0;
    unsigned long long start_time = 0;
    if (std::sscanf(line, "%15s %d %llu", name, &pid, &start_time) != 3 || pid <= 1) continue;
    TRY_VOID(FenceRole(name, pid, start_time));
  }
  return file;
}

void WriteRole(int file, int index, const char* program, int pid, std::uint64_t start_time) {
  const char* const slash = std::strrchr(program, '/');
  char line[kRoleLine + 1];
  const int n =
      std::snprintf(line, sizeof line, "%.15s %d %llu", slash == nullptr ? program : slash + 1, pid,
                    static_cast<unsigned long long>(start_time));
  std::memset(line + n, ' ', static_cast<std::size_t>(kRoleLine - n));
  line[kRoleLine - 1] = '\n';
  [[maybe_unused]] const ssize_t written = ::pwrite(file, line, kRoleLine, index * kRoleLine);
}

void RaiseOwnLimits() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
    const std::string before = std::to_string(limit.rlim_cur);
    limit.rlim_cur = limit.rlim_max;
    if (::setrlimit(RLIMIT_NOFILE, &limit) == 0) {
      ::setenv(kWorkerOpenFilesVariable, before.c_str(), 1);  // NOLINT(concurrency-mt-unsafe)
    }
  }
  const Fd file(::open("/proc/self/oom_score_adj", O_RDWR | O_CLOEXEC));
  char before[16] = {};
  if (!file.valid() || ::pread(file.get(), before, sizeof before - 1, 0) <= 0) return;
  before[std::strcspn(before, "\n")] = '\0';
  if (::pwrite(file.get(), kOwnOomScore, std::strlen(kOwnOomScore), 0) > 0) {
    ::setenv(kWorkerOomVariable, before, 1);  // NOLINT(concurrency-mt-unsafe)
  }
}

void TakeNotifySocket() {
  const char* const name = std::getenv("NOTIFY_SOCKET");  // NOLINT(concurrency-mt-unsafe)
  const std::size_t size = name == nullptr ? 0 : std::strlen(name);
  if (size > 1 && size < sizeof notify_address.sun_path && (*name == '/' || *name == '@')) {
    notify_address.sun_family = AF_UNIX;
    std::memcpy(notify_address.sun_path, name, size);
    if (*name == '@') notify_address.sun_path[0] = '\0';
    notify_size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + size);
  }
  ::unsetenv("NOTIFY_SOCKET");  // NOLINT(concurrency-mt-unsafe)
}

void NotifyServiceManager(const char* state) {
  if (notify_size == 0) return;
  const Fd socket(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  ::sendto(socket.get(), state, std::strlen(state), MSG_NOSIGNAL | MSG_DONTWAIT,
           reinterpret_cast<const sockaddr*>(&notify_address), notify_size);
}

}  // namespace tend::supervisor
