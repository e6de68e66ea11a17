#include "support/faulty_files.h"

#include <algorithm>
#include <cerrno>
#include <utility>

namespace tend {

void FaultyFiles::FailAt(int n, int number, FailFor how_long) {
  const std::lock_guard lock(mutex_);
  fail_at_ = n;
  fail_errno_ = number;
  fail_for_ = how_long;
}

void FaultyFiles::FailAll(std::vector<std::string> names, int number) {
  const std::lock_guard lock(mutex_);
  fail_all_ = true;
  fail_names_ = std::move(names);
  fail_errno_ = number;
}

void FaultyFiles::Heal() {
  const std::lock_guard lock(mutex_);
  fail_at_ = 0;
  fail_all_ = false;
  write_max_.reset();
  space_left_.reset();
  space_.reset();
  holes_.clear();
}

void FaultyFiles::FailReads(std::string path, std::uint64_t begin, std::uint64_t end, int number) {
  const std::lock_guard lock(mutex_);
  holes_.push_back({std::move(path), begin, end, number});
}

void FaultyFiles::LimitWrites(std::size_t bytes_max) {
  const std::lock_guard lock(mutex_);
  write_max_ = bytes_max;
}

void FaultyFiles::LimitSpace(std::uint64_t bytes_left) {
  const std::lock_guard lock(mutex_);
  space_left_ = bytes_left;
}

void FaultyFiles::PretendSpace(SpaceInfo space) {
  const std::lock_guard lock(mutex_);
  space_ = space;
}

int FaultyFiles::calls_made() const {
  const std::lock_guard lock(mutex_);
  return static_cast<int>(calls_.size());
}

std::vector<std::string> FaultyFiles::calls() const {
  const std::lock_guard lock(mutex_);
  return calls_;
}

std::optional<Error> FaultyFiles::Enter(const std::string& name, const std::string& detail) {
  const std::lock_guard lock(mutex_);
  calls_.push_back(name + ' ' + detail);
  const int n = static_cast<int>(calls_.size());
  const bool reached =
      fail_at_ > 0 && (n == fail_at_ || (n > fail_at_ && fail_for_ == FailFor::kEver));
  const bool named =
      fail_all_ && (fail_names_.empty() ||
                    std::find(fail_names_.begin(), fail_names_.end(), name) != fail_names_.end());
  if (!reached && !named) return std::nullopt;
  return SysError(name + ' ' + detail, fail_errno_);
}

Result<Fd> FaultyFiles::OpenAppend(const std::string& path, unsigned mode) {
  if (auto error = Enter("OpenAppend", path)) return *std::move(error);
  return real_.OpenAppend(path, mode);
}

Result<Fd> FaultyFiles::OpenRead(const std::string& path) {
  if (auto error = Enter("OpenRead", path)) return *std::move(error);
  auto fd = real_.OpenRead(path);
  const std::lock_guard lock(mutex_);
  if (fd) opened_[fd->get()] = path;
  return fd;
}

Result<Fd> FaultyFiles::CreateNew(const std::string& path, unsigned mode) {
  if (auto error = Enter("CreateNew", path)) return *std::move(error);
  return real_.CreateNew(path, mode);
}

Result<std::size_t> FaultyFiles::Write(int fd, std::string_view data) {
  if (auto error = Enter("Write", std::to_string(data.size()))) return *std::move(error);
  {
    const std::lock_guard lock(mutex_);
    if (write_max_) data = data.substr(0, *write_max_);
    if (space_left_) {
      if (*space_left_ == 0) return SysError("write", ENOSPC);
      data = data.substr(0, *space_left_);
      *space_left_ -= data.size();
    }
  }
  return real_.Write(fd, data);
}

Result<std::size_t> FaultyFiles::ReadAt(int fd, std::span<char> buffer, std::uint64_t offset) {
  if (auto error = Enter("ReadAt", std::to_string(offset))) return *std::move(error);
  {
    const std::lock_guard lock(mutex_);
    for (const Hole& hole : holes_) {
      const auto opened = opened_.find(fd);
      if (opened == opened_.end() || opened->second != hole.path) continue;
      if (offset >= hole.end || offset + buffer.size() <= hole.begin) continue;
      if (offset >= hole.begin) return SysError("read " + hole.path, hole.number);
      buffer = buffer.first(hole.begin - offset);
    }
  }
  return real_.ReadAt(fd, buffer, offset);
}

Result<> FaultyFiles::Sync(int fd) {
  if (auto error = Enter("Sync", "")) return *std::move(error);
  return real_.Sync(fd);
}

Result<> FaultyFiles::SyncDirectory(const std::string& path) {
  if (auto error = Enter("SyncDirectory", path)) return *std::move(error);
  return real_.SyncDirectory(path);
}

Result<> FaultyFiles::Truncate(int fd, std::uint64_t size) {
  if (auto error = Enter("Truncate", std::to_string(size))) return *std::move(error);
  return real_.Truncate(fd, size);
}

Result<> FaultyFiles::RenameNoReplace(const std::string& from, const std::string& to) {
  if (auto error = Enter("RenameNoReplace", from + " → " + to)) return *std::move(error);
  return real_.RenameNoReplace(from, to);
}

Result<> FaultyFiles::Rename(const std::string& from, const std::string& to) {
  if (auto error = Enter("Rename", from + " → " + to)) return *std::move(error);
  return real_.Rename(from, to);
}

Result<> FaultyFiles::Unlink(const std::string& path) {
  if (auto error = Enter("Unlink", path)) return *std::move(error);
  return real_.Unlink(path);
}

Result<> FaultyFiles::MakeDirectories(const std::string& path, unsigned mode) {
  if (auto error = Enter("MakeDirectories", path)) return *std::move(error);
  return real_.MakeDirectories(path, mode);
}

Result<FileInfo> FaultyFiles::Stat(const std::string& path) {
  if (auto error = Enter("Stat", path)) return *std::move(error);
  return real_.Stat(path);
}

Result<FileInfo> FaultyFiles::StatFd(int fd) {
  if (auto error = Enter("StatFd", "")) return *std::move(error);
  return real_.StatFd(fd);
}

Result<std::vector<std::string>> FaultyFiles::List(const std::string& directory) {
  if (auto error = Enter("List", directory)) return *std::move(error);
  return real_.List(directory);
}

Result<SpaceInfo> FaultyFiles::Space(const std::string& path) {
  if (auto error = Enter("Space", path)) return *std::move(error);
  {
    const std::lock_guard lock(mutex_);
    if (space_) return *space_;
  }
  return real_.Space(path);
}

}  // namespace tend
