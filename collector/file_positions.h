// How far each followed file has been seen to, in a file that is mapped: a store of a word, so that
// it is true whenever SIGKILL comes. With the journal of the logs (rotate/write_journal.h) a line
// of a followed file is neither lost nor there twice when this process dies.
//
// A file is known by device, inode and a hash of how it begins, as an inode is used again. After a
// power cut positions may be older than the logs: then lines are there twice.
//
// One process at a time uses a table. Thread: the loop's, but Consumed() and the end of a
// FilePosition are for any.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "base/fd.h"
#include "base/result.h"
#include "base/spool.h"

namespace tend::collector {

inline constexpr std::size_t kPositionsMax = 256;
inline constexpr std::size_t kPositionPathMax = 959;  // bytes
inline constexpr std::size_t kHeadBytes = 256;
// Tells these from spools in a SpoolId.
inline constexpr std::uint32_t kFollowedFile = 0x66696c65;

// How a file begins: a hash of its first `bytes`, which are fewer than kHeadBytes while it is
// short.
struct FileHead {
  std::uint32_t bytes = 0;
  std::uint32_t hash = 0;
  friend bool operator==(const FileHead&, const FileHead&) = default;
};

struct FileIdentity {
  std::uint64_t device = 0;
  std::uint64_t inode = 0;
  FileHead head;
};

class FilePositions;

class FilePosition final : public LineOrigin {
 public:
  FilePosition(std::shared_ptr<FilePositions> table, SpoolId id);

  const SpoolId& id() const override { return id_; }
  void Consumed(std::uint64_t offset) override;
  std::uint64_t cursor() const;

  // As it was recorded.
  const std::string& path() const { return path_; }
  FileIdentity identity() const;

  void SetHead(FileHead head);
  // False: it does not fit.
  bool SetPath(const std::string& path);
  // The file ends at `size` and grows no more: forgotten once that is consumed.
  void Close(std::uint64_t size);

 private:
  friend class FilePositions;
  void FreeIfDone();  // with the table's mutex

  const std::shared_ptr<FilePositions> table_;
  const SpoolId id_;
  std::string path_;
  std::uint64_t close_at_ = UINT64_MAX;
};

class FilePositions : public std::enable_shared_from_this<FilePositions> {
 public:
  // Makes the file if need be. What is no table of ours is started anew.
  static Result<std::shared_ptr<FilePositions>> Open(const std::string& path);
  ~FilePositions();
  FilePositions(const FilePositions&) = delete;
  FilePositions& operator=(const FilePositions&) = delete;

  // For what an earlier process left: as FilePosition::Consumed. REQUIRES: before Left
  void Consumed(const SpoolId& id, std::uint64_t offset);
  // The files that an earlier process followed. REQUIRES: once, before Add
  std::vector<std::shared_ptr<FilePosition>> Left();
  // Errc::kLimit: too many, or the path is too long.
  Result<std::shared_ptr<FilePosition>> Add(const std::string& path,
                                            const FileIdentity& identity,
                                            std::uint64_t cursor);

 private:
  friend class FilePosition;
  struct Row;
  struct Table;
  FilePositions(Fd file, Table* table) : file_(std::move(file)), table_(table) {}

  const Fd file_;
  Table* const table_;
  std::mutex mutex_;
};

}  // namespace tend::collector
