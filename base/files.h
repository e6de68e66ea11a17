// The file system, as rotate/ and the state files see it: one system call per function, so that a
// test can fail the n-th one (tests/support/faulty_files.h). FilesLinux() is the real one.
//
// Thread: stateless; safe from any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/fd.h"
#include "base/result.h"
#include "base/time.h"

namespace tend {

struct FileInfo {
  std::uint64_t inode = 0;
  std::uint64_t device = 0;
  std::uint64_t size = 0;       // bytes
  std::uint64_t allocated = 0;  // bytes on disk
  Wall modified{};
  std::uint64_t links = 1;  // names; 0: removed, and only open descriptors keep it
  bool is_regular = false;
  bool is_directory = false;
};

struct SpaceInfo {
  std::uint64_t size = 0;       // bytes of the file system
  std::uint64_t available = 0;  // bytes that we may still use (f_bavail)
};

class Files {
 public:
  Files() = default;
  Files(const Files&) = delete;
  Files& operator=(const Files&) = delete;
  virtual ~Files() = default;

  // Opens for appending, makes it with `mode` if need be; never follows a symlink in the last part.
  virtual Result<Fd> OpenAppend(const std::string& path, unsigned mode) = 0;
  virtual Result<Fd> OpenRead(const std::string& path) = 0;
  // Errc::kExists if something has that name.
  virtual Result<Fd> CreateNew(const std::string& path, unsigned mode) = 0;
  // One write(2): may write less than asked.
  virtual Result<std::size_t> Write(int fd, std::string_view data) = 0;
  // One pread(2): 0 at the end of the file.
  virtual Result<std::size_t> ReadAt(int fd, std::span<char> buffer, std::uint64_t offset) = 0;
  virtual Result<> Sync(int fd) = 0;
  virtual Result<> SyncDirectory(const std::string& path) = 0;
  virtual Result<> Truncate(int fd, std::uint64_t size) = 0;
  // Errc::kExists instead of replacing `to` (renameat2 RENAME_NOREPLACE).
  virtual Result<> RenameNoReplace(const std::string& from, const std::string& to) = 0;
  virtual Result<> Rename(const std::string& from, const std::string& to) = 0;
  virtual Result<> Unlink(const std::string& path) = 0;
  // Makes the folder and its missing parents; an existing folder is fine and keeps its mode.
  virtual Result<> MakeDirectories(const std::string& path, unsigned mode) = 0;
  virtual Result<FileInfo> Stat(const std::string& path) = 0;  // does not follow a symlink
  virtual Result<FileInfo> StatFd(int fd) = 0;
  // Names (not paths) of a folder's entries, without . and .., in no order.
  virtual Result<std::vector<std::string>> List(const std::string& directory) = 0;
  virtual Result<SpaceInfo> Space(const std::string& path) = 0;
};

Files& FilesLinux();

// Writes the whole of `data` through short writes.
Result<> WriteAll(Files& files, int fd, std::string_view data);
// Replaces `path` so that a crash leaves the old content or the new, never a mixture: temporary
// file beside it, fsync, rename, fsync of the folder.
Result<> WriteFileAtomically(Files& files,
                             const std::string& path,
                             std::string_view data,
                             unsigned mode);
// The whole file; Errc::kLimit when it is larger than `size_max_bytes`.
Result<std::string> ReadFile(Files& files, const std::string& path, std::size_t size_max_bytes);

}  // namespace tend
