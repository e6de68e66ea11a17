// Files that fail when told to: forwards to other Files, counts the calls, and fails the n-th with
// a chosen errno, once or for ever after. A failed call has not been made.
//
// Thread: safe from any thread, so that a test may look while a disk thread works.
#pragma once

#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "base/files.h"

namespace tend {

enum class FailFor { kOnce, kEver };

class FaultyFiles : public Files {
 public:
  explicit FaultyFiles(Files& real) : real_(real) {}

  // The n-th call from the very first one (from 1) fails with `number`.
  void FailAt(int n, int number, FailFor how_long = FailFor::kOnce);
  // Every call whose name is in `names` ("Write", "Rename"…; empty: all) fails from now on.
  void FailAll(std::vector<std::string> names, int number);
  // These bytes of the file `path` cannot be read; as with the kernel, a read that begins before
  // them ends there.
  void FailReads(std::string path, std::uint64_t begin, std::uint64_t end, int number);
  // No more failures, no more limits.
  void Heal();
  // A Write takes at most so many bytes.
  void LimitWrites(std::size_t bytes_max);
  // After so many more bytes, Write takes a part or fails with ENOSPC; Unlink does not help.
  void LimitSpace(std::uint64_t bytes_left);
  // What Space() says, whatever is true.
  void PretendSpace(SpaceInfo space);

  int calls_made() const;
  // "Write 12", "Rename /a → /b", in order.
  std::vector<std::string> calls() const;

  Result<Fd> OpenAppend(const std::string& path, unsigned mode) override;
  Result<Fd> OpenRead(const std::string& path) override;
  Result<Fd> CreateNew(const std::string& path, unsigned mode) override;
  Result<std::size_t> Write(int fd, std::string_view data) override;
  Result<std::size_t> ReadAt(int fd, std::span<char> buffer, std::uint64_t offset) override;
  Result<> Sync(int fd) override;
  Result<> SyncDirectory(const std::string& path) override;
  Result<> Truncate(int fd, std::uint64_t size) override;
  Result<> RenameNoReplace(const std::string& from, const std::string& to) override;
  Result<> Rename(const std::string& from, const std::string& to) override;
  Result<> Unlink(const std::string& path) override;
  Result<> MakeDirectories(const std::string& path, unsigned mode) override;
  Result<FileInfo> Stat(const std::string& path) override;
  Result<FileInfo> StatFd(int fd) override;
  Result<std::vector<std::string>> List(const std::string& directory) override;
  Result<SpaceInfo> Space(const std::string& path) override;

 private:
  // Counts the call; the error if it is to fail.
  std::optional<Error> Enter(const std::string& name, const std::string& detail);

  Files& real_;
  mutable std::mutex mutex_;
  std::vector<std::string> calls_;
  int fail_at_ = 0;
  int fail_errno_ = 0;
  FailFor fail_for_ = FailFor::kOnce;
  bool fail_all_ = false;
  std::vector<std::string> fail_names_;
  std::optional<std::size_t> write_max_;
  std::optional<std::uint64_t> space_left_;
  std::optional<SpaceInfo> space_;
  struct Hole {
    std::string path;
    std::uint64_t begin = 0, end = 0;
    int number = 0;
  };
  std::vector<Hole> holes_;
  std::map<int, std::string> opened_;  // for reading; may have been closed since
};

}  // namespace tend
