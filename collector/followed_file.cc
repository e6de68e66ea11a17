#include "collector/followed_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <optional>
#include <string_view>
#include <utility>

namespace tend::collector {
namespace {

// Nothing if it cannot be read now, which does not say that it is empty.
std::optional<FileHead> ReadHead(int fd, std::size_t bytes_max) {
  std::array<char, kHeadBytes> text;
  ssize_t n = 0;
  do {
    n = ::pread(fd, text.data(), std::min(bytes_max, text.size()), 0);
  } while (n < 0 && errno == EINTR);
  if (n < 0) return std::nullopt;
  if (n == 0) return FileHead();
  std::uint32_t hash = 0x811c9dc5u;  // FNV-1a
  for (const char c : std::string_view(text.data(), static_cast<std::size_t>(n)))
    hash = (hash ^ static_cast<unsigned char>(c)) * 0x01000193u;
  return FileHead{static_cast<std::uint32_t>(n), hash};
}

}  // namespace

Result<std::unique_ptr<FollowedFile>> FollowedFile::Open(const std::string& path, Stream stream) {
  // Without O_NONBLOCK a FIFO would hold up the loop.
  Fd fd(::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY));
  if (!fd.valid()) return SysError("open " + path, errno);
  struct stat info {};
  if (::fstat(fd.get(), &info) != 0) return SysError("look at " + path, errno);
  if (!S_ISREG(info.st_mode)) return Error(Errc::kInvalid, path + " is not a regular file");
  const FileHead head = ReadHead(fd.get(), kHeadBytes).value_or(FileHead());
  const FileIdentity identity{info.st_dev, info.st_ino, head};
  return std::unique_ptr<FollowedFile>(new FollowedFile(std::move(fd), identity, stream));
}

bool FollowedFile::Is(const FileIdentity& known) const {
  return known.device == identity_.device && known.inode == identity_.inode &&
         MayBeginWith(known.head);
}

bool FollowedFile::MayBeginWith(const FileHead& known) const {
  const auto head = ReadHead(fd_.get(), known.bytes);
  return !head || *head == known;
}

Result<FileState> FollowedFile::State() const {
  struct stat info {};
  if (::fstat(fd_.get(), &info) != 0) return SysError("look at an open file", errno);
  return FileState{info.st_dev, info.st_ino, static_cast<std::uint64_t>(info.st_size),
                   info.st_nlink};
}

bool FollowedFile::WasEmptied(const FileState& state) const {
  return state.size < offset_ || !MayBeginWith(identity_.head);
}

void FollowedFile::BeginAnew(RecordBatch& batch) {
  splitter_.Finish(batch.bytes, batch.lines);
  offset_ = 0;
  identity_.head = ReadHead(fd_.get(), kHeadBytes).value_or(FileHead());
}

void FollowedFile::LearnHead() {
  if (identity_.head.bytes == kHeadBytes) return;
  const auto head = ReadHead(fd_.get(), kHeadBytes);
  if (!head || head->bytes <= identity_.head.bytes) return;
  identity_.head = *head;
  if (position_) position_->SetHead(*head);
}

Result<FollowedFile::Taken> FollowedFile::Take(std::span<char> buffer,
                                               std::size_t bytes_max,
                                               RecordBatch& batch) {
  LearnHead();
  Taken taken;
  while (taken.bytes < bytes_max) {
    const std::size_t asked = std::min(buffer.size(), bytes_max - taken.bytes);
    const ssize_t n = ::pread(fd_.get(), buffer.data(), asked, static_cast<off_t>(offset_));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return SysError("read", errno);
    if (n == 0) {
      taken.at_end = true;
      break;
    }
    const auto size = static_cast<std::size_t>(n);
    splitter_.Feed(std::string_view(buffer.data(), size), batch.bytes, batch.lines);
    offset_ += size;
    taken.bytes += size;
  }
  batch.mark = Mark();
  return taken;
}

void FollowedFile::Finish(RecordBatch& batch) {
  splitter_.Finish(batch.bytes, batch.lines);
  batch.mark = Mark();
  if (position_) position_->Close(offset_);
}

}  // namespace tend::collector
