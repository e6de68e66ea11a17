#include "cli/keeper_process.h"

#include <poll.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <string_view>

#include "base/files.h"
#include "base/number.h"

namespace tend::cli {
namespace {

constexpr std::size_t kPidMax = 16;

std::string FirstLine(const std::string& path) {
  const auto text = ReadFile(FilesLinux(), path, kPidMax);
  return text ? text->substr(0, text->find('\n')) : std::string();
}

bool HasEnded(int pidfd, std::chrono::milliseconds limit) {
  pollfd ended{pidfd, POLLIN, 0};
  return ::poll(&ended, 1, static_cast<int>(limit.count())) > 0;
}

}  // namespace

Fd OpenKeeper(const std::string& run) {
  const pid_t pid = ParseNumber<pid_t>(FirstLine(run + "/lock")).value_or(0);
  if (pid <= 1) return Fd();
  Fd keeper(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
  if (!keeper.valid()) return keeper;
  // The number may be another program's by now. The name is read while the pidfd is held, so that
  // it is that process's if it has not ended afterwards.
  if (FirstLine("/proc/" + std::to_string(pid) + "/comm") != "tendd") return Fd();
  if (HasEnded(keeper.get(), std::chrono::milliseconds(0))) return Fd();
  return keeper;
}

bool KeeperLeaves(const std::string& run, std::chrono::milliseconds limit) {
  const auto deadline = std::chrono::steady_clock::now() + limit;
  for (Fd keeper = OpenKeeper(run); keeper.valid(); keeper = OpenKeeper(run)) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
        deadline - std::chrono::steady_clock::now());
    if (left.count() <= 0) return false;
    HasEnded(keeper.get(), left);
  }
  return true;
}

}  // namespace tend::cli
