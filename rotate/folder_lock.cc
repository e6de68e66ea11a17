#include "rotate/folder_lock.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cinttypes>
#include <cstdio>
#include <memory>

namespace tend::rotate {
namespace {

// By the kernel's list of locks: "1: FLOCK  ADVISORY  WRITE 4242 fe:01:131 0 EOF". 0: not there, or
// in another namespace.
int HolderOf(int folder) {
  struct stat info {};
  if (::fstat(folder, &info) != 0) return 0;
  const std::unique_ptr<FILE, int (*)(FILE*)> locks(std::fopen("/proc/locks", "re"), std::fclose);
  char line[256];
  while (locks && std::fgets(line, sizeof line, locks.get()) != nullptr) {
    int pid = 0;
    std::uint64_t inode = 0;
    const bool is_lock =
        std::sscanf(line, "%*d: FLOCK %*s WRITE %d %*x:%*x:%" SCNu64, &pid, &inode) == 2;
    if (is_lock && inode == info.st_ino && pid > 0) return pid;
  }
  return 0;
}

std::string NameOf(int pid) {
  const std::string path = "/proc/" + std::to_string(pid) + "/comm";
  const std::unique_ptr<FILE, int (*)(FILE*)> file(std::fopen(path.c_str(), "re"), std::fclose);
  char name[64] = {};
  if (!file || std::fgets(name, sizeof name, file.get()) == nullptr) return {};
  std::string text = name;
  while (!text.empty() && text.back() == '\n')
    text.pop_back();
  return " (" + text + ')';
}

}  // namespace

Result<Fd> LockFolder(const std::string& folder) {
  Fd fd(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd.valid()) return SysError("open " + folder, errno);
  if (::flock(fd.get(), LOCK_EX | LOCK_NB) == 0 || errno != EWOULDBLOCK) return fd;
  const int pid = HolderOf(fd.get());
  const std::string who =
      pid > 0 ? "process " + std::to_string(pid) + NameOf(pid) : std::string("another process");
  return Error(Errc::kBusy, who + " writes the log in " + folder);
}

}  // namespace tend::rotate
