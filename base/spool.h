// What has left a worker's pipe and is not yet in a log: one file per pipe, on tmpfs, that outlives
// this process. Bytes come in by splice(2) alone: the kernel takes them from the pipe and extends
// the file in one system call that SIGKILL cannot split, so the size of the file *is* how much of
// the pipe was read. How much of the file is done with (the cursor) is a word in shared memory. A
// new process goes on between the two, and loses and repeats nothing.
//
// Offsets are of the whole stream and never start over; what lies before the cursor is given back
// to the system page by page, so that a spool holds what is unread and at most a page more. Nothing
// here protects from a power cut.
//
// One process at a time uses a folder; a new one starts after the old one was reaped. Thread: the
// loop's, but Consumed() and the end of a Spool are for any thread.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/fd.h"
#include "base/result.h"
#include "base/time.h"

namespace tend {

// Which spool, in a form that can lie in shared memory and be understood by the next process.
struct SpoolId {
  std::uint32_t row = 0;  // of the table of cursors
  std::uint32_t stream = 0;
  std::uint64_t incarnation = 0;
  friend bool operator==(const SpoolId&, const SpoolId&) = default;
};

// Whose output it is, as the name of the file says.
struct SpoolOwner {
  std::string app;
  int slot = 0;
};

class SpoolFolder;

class Spool {
 public:
  Spool(std::shared_ptr<SpoolFolder> folder,
        SpoolId id,
        SpoolOwner owner,
        std::string path,
        Fd fd,
        std::uint64_t size);
  Spool(const Spool&) = delete;
  Spool& operator=(const Spool&) = delete;

  struct Taken {
    std::size_t bytes = 0;
    bool is_empty = false;  // there was nothing more in the pipe
    bool at_end = false;    // and there never will be
    bool no_room = false;   // tmpfs is full: nothing was taken
  };
  // Moves up to `bytes_max` from `pipe` to the end of the file. REQUIRES: `pipe` is non-blocking.
  Taken TakeFrom(int pipe, std::size_t bytes_max);
  // 0 at the end.
  std::size_t ReadAt(std::span<char> buffer, std::uint64_t offset) const;

  // All before `offset` is, or will be whatever happens to this process, where it belongs.
  void Consumed(std::uint64_t offset);
  // No more will be taken: the file goes away once all of it is consumed.
  void Close();

  const SpoolId& id() const { return id_; }
  const SpoolOwner& owner() const { return owner_; }
  std::uint64_t size() const { return size_.load(std::memory_order_acquire); }
  std::uint64_t cursor() const;
  // When the newest byte was taken.
  Wall taken_at() const;

 private:
  void RemoveIfDone();  // with mutex_ held

  const std::shared_ptr<SpoolFolder> folder_;
  const SpoolId id_;
  const SpoolOwner owner_;
  const std::string path_;
  const Fd fd_;
  std::atomic<std::uint64_t> size_;
  std::mutex mutex_;
  std::uint64_t freed_ = 0;  // given back to the system up to here
  bool closed_ = false;
  bool removed_ = false;
};

class SpoolFolder : public std::enable_shared_from_this<SpoolFolder> {
 public:
  // Makes the folder if need be, and finds what an earlier process left in it.
  static Result<std::shared_ptr<SpoolFolder>> Open(const std::string& path);
  ~SpoolFolder();
  SpoolFolder(const SpoolFolder&) = delete;
  SpoolFolder& operator=(const SpoolFolder&) = delete;

  // The one that an earlier process left for this pipe, or a new one. Errc::kLimit when there are
  // too many, or the owner's name is too long for a file's.
  Result<std::shared_ptr<Spool>> Get(std::uint64_t incarnation,
                                     std::uint32_t stream,
                                     const SpoolOwner& owner);
  bool HasLeft(std::uint64_t incarnation, std::uint32_t stream) const;
  // Those that an earlier process left and nobody has asked for.
  std::vector<std::shared_ptr<Spool>> TakeLeft();
  // Their incarnations and whose output they are.
  std::vector<std::pair<std::uint64_t, SpoolOwner>> OwnersLeft() const;
  // For spools that an earlier process left: as Spool::Consumed. No effect for others.
  void Consumed(const SpoolId& id, std::uint64_t offset);

  const std::string& path() const { return path_; }

 private:
  friend class Spool;
  struct Row;
  SpoolFolder(std::string path, Row* rows);
  Result<> FindLeft();
  std::optional<std::uint32_t> TakeRow();
  void FreeRow(std::uint32_t row);

  const std::string path_;
  Row* const rows_;
  std::mutex mutex_;
  std::vector<std::uint32_t> free_rows_;
  std::uint32_t rows_used_ = 0;  // none from here on has ever been
  std::vector<std::shared_ptr<Spool>> left_;
};

// How far a stream is consumed once this has been written. Empty: nothing is recorded of it.
struct SpoolMark {
  std::shared_ptr<Spool> spool;
  std::uint64_t offset = 0;

  void Consume() const {
    if (spool) spool->Consumed(offset);
  }
};

}  // namespace tend
