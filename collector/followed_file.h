// One file that is followed: opened, read from where it was left, cut into lines. Which files there
// are, and when to look, is FileFollower's.
//
// Owned by a FileFollower. Thread: the loop's.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "base/fd.h"
#include "base/record.h"
#include "base/result.h"
#include "collector/file_positions.h"
#include "collector/line_splitter.h"

namespace tend::collector {

struct FileState {
  std::uint64_t device = 0;
  std::uint64_t inode = 0;
  std::uint64_t size = 0;
  std::uint64_t links = 0;
};

class FollowedFile {
 public:
  // Errc::kInvalid if it is no regular file.
  static Result<std::unique_ptr<FollowedFile>> Open(const std::string& path, Stream stream);

  // Device, inode, and, as far as it is known and can be read now, how it begins.
  bool Is(const FileIdentity& known) const;
  const FileIdentity& identity() const { return identity_; }
  Result<FileState> State() const;

  // Reads on from `offset`. REQUIRES: before Take
  void StartAt(std::uint64_t offset) { offset_ = offset; }
  // Positions are recorded there from now on.
  void SetPosition(std::shared_ptr<FilePosition> position) { position_ = std::move(position); }
  const std::shared_ptr<FilePosition>& position() const { return position_; }

  // It is shorter than what was read, or begins with something else: somebody emptied it. How it
  // begins says nothing while it cannot be read.
  bool WasEmptied(const FileState& state) const;
  // Reads it from the start. What was unfinished becomes a line of `batch`.
  void BeginAnew(RecordBatch& batch);

  struct Taken {
    std::size_t bytes = 0;
    bool at_end = false;  // nothing more is there now
  };
  // Puts the lines of at most `bytes_max` into `batch`, and the mark behind them.
  Result<Taken> Take(std::span<char> buffer, std::size_t bytes_max, RecordBatch& batch);
  // Nothing more comes: the unfinished line is one, and the position is forgotten in time.
  void Finish(RecordBatch& batch);

  std::uint64_t offset() const { return offset_; }
  Stream stream() const { return stream_; }
  int fd() const { return fd_.get(); }
  bool& in_piece() { return in_piece_; }

 private:
  FollowedFile(Fd fd, FileIdentity identity, Stream stream)
      : fd_(std::move(fd)), identity_(identity), stream_(stream) {}
  bool MayBeginWith(const FileHead& known) const;
  void LearnHead();
  SpoolMark Mark() const { return {position_, offset_ - splitter_.pending_bytes()}; }

  const Fd fd_;
  FileIdentity identity_;
  const Stream stream_;
  std::uint64_t offset_ = 0;
  LineSplitter splitter_;
  bool in_piece_ = false;
  std::shared_ptr<FilePosition> position_;  // null: it is not recorded
};

}  // namespace tend::collector
