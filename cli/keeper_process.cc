#include "cli/keeper_process.h"

#include <poll.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <string>

#include "base/files.h"
#include "base/number.h"

namespace tend::cli {
namespace {

constexpr std::size_t kPidMax = 16;

std::string FirstLine(const std::string& path) {
  const auto text = ReadFile(FilesLinux(), path, kPidMax);
  return text ? text->substr(0, text->find('\n')) : std::string();
}

}  // namespace

bool KeeperProcess::Leaves(std::chrono::milliseconds limit) const {
  pollfd ended{pidfd.get(), POLLIN, 0};
  return ::poll(&ended, 1, static_cast<int>(std::max<std::int64_t>(limit.count(), 0))) > 0;
}

std::optional<KeeperProcess> FindKeeper(const std::string& run) {
  const pid_t pid = ParseNumber<pid_t>(FirstLine(run + "/lock")).value_or(0);
  if (pid <= 1) return std::nullopt;
  KeeperProcess keeper{pid, Fd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)))};
  if (!keeper.pidfd.valid()) return std::nullopt;
  // The number may be another program's by now. The name is read while the pidfd is held, so that
  // it is that process's if it has not ended afterwards.
  if (FirstLine("/proc/" + std::to_string(pid) + "/comm") != "tendd") return std::nullopt;
  if (keeper.Leaves(std::chrono::milliseconds(0))) return std::nullopt;
  return keeper;
}

}  // namespace tend::cli
