// What has left a worker's pipe and is not yet in a log: behind each pipe a second one, the spool,
// that the keeper holds open, so that it outlives this process. Bytes are moved into it by
// splice(2), which hands over pages and copies nothing; we read a tee(2) of them. They leave it
// when their lines are where they belong. A new process goes on with what is in it, and loses and
// repeats nothing.
//
// What the kernel tells of a pipe is how many bytes are in it. So a row in shared memory says how
// many had gone in when it was last being emptied, how many had come out when it was last being
// filled, and which of both is going on: the third number follows, whenever SIGKILL comes. Each
// byte is in one of the two pipes at any time, as splice moves it under the locks of both.
//
// Offsets are of the whole stream and never start over. Nothing here protects from a power cut.
//
// One process at a time uses a table; a new one starts after the old one was reaped. Thread: the
// loop's, but Consumed() and the end of a Spool are for any thread.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
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
  std::uint32_t row = 0;  // of the table
  std::uint32_t stream = 0;
  std::uint64_t incarnation = 0;
  friend bool operator==(const SpoolId&, const SpoolId&) = default;
};

// What lines come from, and that remembers over the end of this process how far they were seen to.
class LineOrigin {
 public:
  LineOrigin() = default;
  LineOrigin(const LineOrigin&) = delete;
  LineOrigin& operator=(const LineOrigin&) = delete;
  virtual ~LineOrigin() = default;

  virtual const SpoolId& id() const = 0;
  // All before `offset` is, or will be whatever happens to this process, where it belongs.
  // Thread: any.
  virtual void Consumed(std::uint64_t offset) = 0;
};

// Whose output it is.
struct SpoolOwner {
  std::string app;
  int slot = 0;
};

class SpoolTable;

class Spool final : public LineOrigin {
 public:
  Spool(std::shared_ptr<SpoolTable> table, SpoolId id, SpoolOwner owner, Fd hold);

  struct Taken {
    std::size_t bytes = 0;
    bool is_empty = false;   // there was nothing more in the pipe
    bool at_end = false;     // and there never will be
    bool no_room = false;    // there is more in the pipe, and the spool is full: MakeRoom()
    bool too_early = false;  // nobody keeps a copy of the spool yet: try again soon
  };
  // Moves up to buffer.size() bytes out of `pipe`, and copies them to `buffer`. REQUIRES: `pipe` is
  // non-blocking.
  Taken TakeFrom(int pipe, std::span<char> buffer, Wall now);

  enum class Room {
    kNow,    // try again
    kLater,  // when more is consumed: Hooks::on_room
    kNone,   // what there is belongs to a line that is not complete, and there is no more memory
  };
  // `unfinished_from`: where the line begins that is not complete yet.
  Room MakeRoom(std::uint64_t unfinished_from);

  // What is in it from cursor() on; for a process that begins with what another left.
  std::string Backlog();

  void Consumed(std::uint64_t offset) override;
  // No more will be taken: the spool goes away once all of it is consumed.
  void Close();

  const SpoolId& id() const override { return id_; }
  const SpoolOwner& owner() const { return owner_; }
  // How much was taken in all.
  std::uint64_t size() const { return size_.load(std::memory_order_acquire); }
  std::uint64_t cursor() const;
  // When the newest byte was taken.
  Wall taken_at() const;

 private:
  // With mutex_ held:
  void CountWhatIsThere();
  void Drain();
  void RemoveIfDone();
  bool Grow();
  bool Pack();
  // A copy of the first `bytes` that are in it, or of fewer.
  std::string Peek(std::size_t bytes) const;

  const std::shared_ptr<SpoolTable> table_;
  const SpoolId id_;
  const SpoolOwner owner_;
  std::mutex mutex_;
  Fd hold_;  // both ends
  std::atomic<std::uint64_t> size_{0};
  bool is_kept_ = false;
  bool wants_room_ = false;
  bool closed_ = false;
  bool removed_ = false;
};

class SpoolTable : public std::enable_shared_from_this<SpoolTable> {
 public:
  struct Hooks {
    // Keeps a copy of `hold` for the next process, in place of an earlier one. Thread: the loop's.
    std::function<Result<>(const SpoolId&, int hold)> keep;
    // True when all that was given to `keep` has left this process.
    std::function<bool()> is_kept;
    // The copy is needed no more. Thread: any.
    std::function<void(const SpoolId&)> drop;
    // A spool that answered Room::kLater has room. Thread: any.
    std::function<void(const SpoolId&)> on_room;
  };

  // Makes the folder if need be, and finds what an earlier process left in it.
  static Result<std::shared_ptr<SpoolTable>> Open(const std::string& folder, Hooks hooks);
  ~SpoolTable();
  SpoolTable(const SpoolTable&) = delete;
  SpoolTable& operator=(const SpoolTable&) = delete;

  // A pipe that was kept for this process. False: it is of no use, nothing is in it.
  bool Adopt(std::uint64_t incarnation, std::uint32_t stream, Fd hold);
  // That was all that was kept. What lies in the table besides is of pipes that are gone:
  // forgotten. REQUIRES: before Get
  void AdoptedAll();
  // For spools that an earlier process left: as Spool::Consumed. No effect for others. REQUIRES:
  // before Adopt
  void Consumed(const SpoolId& id, std::uint64_t offset);

  // The one that an earlier process left for this pipe, or a new one. Errc::kLimit when there are
  // too many, or the owner's name is too long.
  Result<std::shared_ptr<Spool>> Get(std::uint64_t incarnation,
                                     std::uint32_t stream,
                                     const SpoolOwner& owner);
  bool HasLeft(std::uint64_t incarnation, std::uint32_t stream) const;
  // Those that were adopted and nobody has asked for. No more will be adopted.
  std::vector<std::shared_ptr<Spool>> TakeLeft();
  // Their incarnations and whose output they are.
  std::vector<std::pair<std::uint64_t, SpoolOwner>> OwnersLeft() const;

  const std::string& folder() const { return folder_; }

 private:
  friend class Spool;
  struct Row;
  SpoolTable(std::string folder, Hooks hooks, Fd file, Row* rows, std::uint32_t rows_there);
  Result<> MakeScratch();
  std::optional<std::uint32_t> TakeRow();
  void FreeRow(std::uint32_t row);
  // Takes all that is in the scratch pipe. False: that failed. REQUIRES: it is buffer.size() bytes
  bool ReadScratch(std::span<char> buffer) const;

  const std::string folder_;
  const Hooks hooks_;
  const Fd file_;
  Row* const rows_;
  Pipe scratch_;  // empty between any two calls; the loop's thread
  int hold_bytes_max_ = 0;
  std::mutex mutex_;
  std::vector<std::uint32_t> free_rows_;
  std::uint32_t rows_there_ = 0;  // that have memory
  std::vector<std::shared_ptr<Spool>> left_;
};

// How far a stream is consumed once this has been written. Empty: nothing is recorded of it.
struct SpoolMark {
  std::shared_ptr<LineOrigin> origin;
  std::uint64_t offset = 0;

  void Consume() const {
    if (origin) origin->Consumed(offset);
  }
};

}  // namespace tend
