#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdio>
#include <memory>

#include "base/files.h"

namespace tend {
namespace {

std::string Doing(std::string_view verb, const std::string& path) {
  std::string text(verb);
  return text.append(1, ' ').append(path);
}

Result<Fd> Open(std::string_view verb, const std::string& path, int flags, unsigned mode) {
  int fd = -1;
  do {
    fd = ::open(path.c_str(), flags | O_CLOEXEC | O_NOCTTY, static_cast<mode_t>(mode));
  } while (fd < 0 && errno == EINTR);
  if (fd < 0) return SysError(Doing(verb, path), errno);
  return Fd(fd);
}

FileInfo ToFileInfo(const struct stat& raw) {
  FileInfo info;
  info.inode = raw.st_ino;
  info.device = raw.st_dev;
  info.size = static_cast<std::uint64_t>(raw.st_size);
  info.allocated = static_cast<std::uint64_t>(raw.st_blocks) * 512;
  info.modified = Wall(std::chrono::seconds(raw.st_mtim.tv_sec) +
                       std::chrono::nanoseconds(raw.st_mtim.tv_nsec));
  info.links = raw.st_nlink;
  info.is_regular = S_ISREG(raw.st_mode);
  info.is_directory = S_ISDIR(raw.st_mode);
  return info;
}

class RealFiles final : public Files {
 public:
  // O_NONBLOCK means nothing to a regular file, and a FIFO without a reader then fails instead of
  // holding up the thread.
  Result<Fd> OpenAppend(const std::string& path, unsigned mode) override {
    return Open("open", path, O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW | O_NONBLOCK, mode);
  }

  Result<Fd> OpenRead(const std::string& path) override {
    return Open("open", path, O_RDONLY | O_NONBLOCK, 0);
  }

  Result<Fd> CreateNew(const std::string& path, unsigned mode) override {
    return Open("create", path, O_WRONLY | O_APPEND | O_CREAT | O_EXCL, mode);
  }

  Result<std::size_t> Write(int fd, std::string_view data) override {
    ssize_t n = 0;
    do {
      n = ::write(fd, data.data(), data.size());
    } while (n < 0 && errno == EINTR);
    if (n < 0) return SysError("write", errno);
    return static_cast<std::size_t>(n);
  }

  Result<std::size_t> ReadAt(int fd, std::span<char> buffer, std::uint64_t offset) override {
    ssize_t n = 0;
    do {
      n = ::pread(fd, buffer.data(), buffer.size(), static_cast<off_t>(offset));
    } while (n < 0 && errno == EINTR);
    if (n < 0) return SysError("read", errno);
    return static_cast<std::size_t>(n);
  }

  Result<> Sync(int fd) override {
    if (::fdatasync(fd) < 0) return SysError("sync", errno);
    return {};
  }

  Result<> SyncDirectory(const std::string& path) override {
    TRY(const Fd folder, Open("open", path, O_RDONLY | O_DIRECTORY, 0));
    // Some file systems (FUSE, 9p) cannot sync a folder and say EINVAL.
    if (::fsync(folder.get()) < 0 && errno != EINVAL) return SysError(Doing("sync", path), errno);
    return {};
  }

  Result<> Truncate(int fd, std::uint64_t size) override {
    if (::ftruncate(fd, static_cast<off_t>(size)) < 0) return SysError("truncate", errno);
    return {};
  }

  Result<> RenameNoReplace(const std::string& from, const std::string& to) override {
    if (::renameat2(AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(), RENAME_NOREPLACE) == 0) return {};
    if (errno != EINVAL && errno != ENOSYS) return SysError(Doing("rename", from), errno);
    // NFS and some FUSE file systems do not know the flag; only we make such names, so looking
    // first is enough there.
    struct stat raw {};
    if (::lstat(to.c_str(), &raw) == 0) return SysError(Doing("rename", from), EEXIST);
    return Rename(from, to);
  }

  Result<> Rename(const std::string& from, const std::string& to) override {
    if (::rename(from.c_str(), to.c_str()) < 0) return SysError(Doing("rename", from), errno);
    return {};
  }

  Result<> Unlink(const std::string& path) override {
    if (::unlink(path.c_str()) < 0) return SysError(Doing("remove", path), errno);
    return {};
  }

  Result<> MakeDirectories(const std::string& path, unsigned mode) override {
    for (std::size_t end = 1; end <= path.size(); ++end) {
      if (end < path.size() && path[end] != '/') continue;
      const std::string part = path.substr(0, end);
      if (::mkdir(part.c_str(), static_cast<mode_t>(mode)) == 0) continue;
      const int number = errno;
      struct stat raw {};
      const bool exists = ::stat(part.c_str(), &raw) == 0;
      if (exists && S_ISDIR(raw.st_mode)) continue;
      return SysError(Doing("make folder", part), exists ? ENOTDIR : number);
    }
    return {};
  }

  Result<FileInfo> Stat(const std::string& path) override {
    struct stat raw {};
    if (::lstat(path.c_str(), &raw) < 0) return SysError(Doing("look at", path), errno);
    return ToFileInfo(raw);
  }

  Result<FileInfo> StatFd(int fd) override {
    struct stat raw {};
    if (::fstat(fd, &raw) < 0) return SysError("look at an open file", errno);
    return ToFileInfo(raw);
  }

  Result<std::vector<std::string>> List(const std::string& directory) override {
    const std::unique_ptr<DIR, int (*)(DIR*)> dir(::opendir(directory.c_str()), &::closedir);
    if (!dir) return SysError(Doing("list", directory), errno);
    std::vector<std::string> names;
    for (;;) {
      errno = 0;
      const dirent* entry = ::readdir(dir.get());
      if (entry == nullptr) {
        if (errno != 0) return SysError(Doing("list", directory), errno);
        return names;
      }
      const std::string_view name = entry->d_name;
      if (name != "." && name != "..") names.emplace_back(name);
    }
  }

  Result<SpaceInfo> Space(const std::string& path) override {
    struct statvfs raw {};
    if (::statvfs(path.c_str(), &raw) < 0) return SysError(Doing("measure", path), errno);
    return SpaceInfo{.size = raw.f_blocks * raw.f_frsize, .available = raw.f_bavail * raw.f_frsize};
  }
};

Result<> FillAndSync(Files& files, int fd, std::string_view data) {
  TRY_VOID(WriteAll(files, fd, data));
  return files.Sync(fd);
}

}  // namespace

Files& FilesLinux() {
  static RealFiles files;
  return files;
}

Result<> WriteAll(Files& files, int fd, std::string_view data) {
  while (!data.empty()) {
    TRY(const std::size_t n, files.Write(fd, data));
    if (n == 0) return SysError("write", ENOSPC);
    data.remove_prefix(n);
  }
  return {};
}

Result<> WriteFileAtomically(Files& files,
                             const std::string& path,
                             std::string_view data,
                             unsigned mode) {
  const std::string temporary = path + ".tmp";
  auto made = files.CreateNew(temporary, mode);
  if (!made && made.error().code() == Errc::kExists) {
    TRY_VOID(files.Unlink(temporary));
    made = files.CreateNew(temporary, mode);
  }
  TRY(Fd fd, std::move(made));
  Result<> done = FillAndSync(files, fd.get(), data);
  fd.Reset();
  if (done) done = files.Rename(temporary, path);
  if (!done) {
    // What failed is the news; a temporary file that stays is overwritten the next time.
    (void)files.Unlink(temporary);
    return std::move(done).error().With("write " + path);
  }
  const std::size_t slash = path.rfind('/');
  if (slash == std::string::npos) return files.SyncDirectory(".");
  return files.SyncDirectory(slash == 0 ? "/" : path.substr(0, slash));
}

Result<std::string> ReadFile(Files& files, const std::string& path, std::size_t size_max_bytes) {
  TRY(const Fd fd, files.OpenRead(path));
  std::string data;
  for (;;) {
    constexpr std::size_t kStep = 64 << 10;
    const std::size_t have = data.size();
    data.resize(have + kStep);
    auto n = files.ReadAt(fd.get(), std::span(data).subspan(have), have);
    if (!n) return std::move(n).error().With("read " + path);
    data.resize(have + *n);
    if (data.size() > size_max_bytes) {
      return Error(Errc::kLimit,
                   path + ": larger than " + std::to_string(size_max_bytes) + " bytes");
    }
    if (*n == 0) return data;
  }
}

}  // namespace tend
