#include "supervisor/adoption.h"

#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <string>

namespace tend::supervisor {
namespace {

// struct pidfd_info of <linux/pidfd.h>, first version, which Debian 12's headers do not have.
struct PidfdInfo {
  std::uint64_t mask;
  std::uint64_t cgroup_id;
  std::uint32_t ids[11];
  std::int32_t exit_code;
};
static_assert(sizeof(PidfdInfo) == 64);
constexpr std::uint64_t kPidfdInfoExit = 1u << 3;

}  // namespace

Result<Fd> OpenPidfd(int pid) {
  const long fd = ::syscall(SYS_pidfd_open, pid, 0);
  if (fd < 0) return SysError("open a pidfd of process " + std::to_string(pid), errno);
  return Fd(static_cast<int>(fd));
}

Result<Fd> ReopenPipe(int pid, int fd, std::uint64_t inode) {
  const std::string path = "/proc/" + std::to_string(pid) + "/fd/" + std::to_string(fd);
  struct stat info {};
  if (::stat(path.c_str(), &info) != 0) return SysError("look at " + path, errno);
  // Before the open: opening a device can have effects.
  if (!S_ISFIFO(info.st_mode) || info.st_ino != inode) {
    return Error(Errc::kNotFound, path + " is not the pipe that it was");
  }
  Fd opened(::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
  if (!opened.valid()) return SysError("open " + path, errno);
  if (::fstat(opened.get(), &info) != 0 || !S_ISFIFO(info.st_mode) || info.st_ino != inode) {
    return Error(Errc::kNotFound, path + " is not the pipe that it was");
  }
  return opened;
}

Result<Fd> TakeDescriptor(int pidfd, int fd, std::uint64_t inode) {
  Fd taken(static_cast<int>(::syscall(SYS_pidfd_getfd, pidfd, fd, 0)));
  const std::string what = "descriptor " + std::to_string(fd) + " of a worker";
  if (!taken.valid()) return SysError("take " + what, errno);
  struct stat info {};
  if (::fstat(taken.get(), &info) != 0 || info.st_ino != inode) {
    return Error(Errc::kNotFound, what + " is not what it was");
  }
  return taken;
}

Result<Fd> FindSocket(int pid, std::uint64_t inode) {
  const std::string folder = "/proc/" + std::to_string(pid) + "/fd";
  const std::string wanted = "socket:[" + std::to_string(inode) + ']';
  std::error_code error;
  for (std::filesystem::directory_iterator entry(folder, error), end; !error && entry != end;
       entry.increment(error)) {
    std::error_code gone;
    if (std::filesystem::read_symlink(entry->path(), gone).native() != wanted) continue;
    TRY(const Fd pidfd, OpenPidfd(pid));
    const std::string number = entry->path().filename().native();
    return TakeDescriptor(pidfd.get(), std::atoi(number.c_str()), inode);
  }
  return Error(Errc::kNotFound, "process " + std::to_string(pid) + " does not have " + wanted);
}

std::optional<ExitStatus> AskHowItEnded(int pidfd) {
  PidfdInfo info{};
  info.mask = kPidfdInfoExit;
  constexpr unsigned long kGetInfo = _IOWR(0xFF, 11, PidfdInfo);
  if (::ioctl(pidfd, kGetInfo, &info) != 0) return std::nullopt;
  if ((info.mask & kPidfdInfoExit) == 0) return std::nullopt;
  ExitStatus exit;
  exit.time = NowWall();
  if (WIFSIGNALED(info.exit_code)) {
    exit.signal = WTERMSIG(info.exit_code);
  } else {
    exit.code = WEXITSTATUS(info.exit_code);
  }
  return exit;
}

}  // namespace tend::supervisor
