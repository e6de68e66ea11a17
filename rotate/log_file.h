// One log file with everything that belongs to it: the active file, its sealed segments and its
// archives. Appends whole lines, seals the active file when it is full, and finishes at the next
// chance what an error or a crash interrupted.
//
// Sealing is a machine of retriable steps, one system call each:
//
//   sync → rename (never replacing) → create the new active file → sync the folder
//
// Until the new file is there, lines go on to the old one under whatever name it has; nothing is
// unlinked before (no inode number is reused under a tailer), and nothing is ever truncated: what a
// short write left of a line is kept and written first when writing works again.
//
// Somebody else may move, remove or empty the active file (logrotate, rm). What was written to a
// file after it was last seen under its name is written again if the file turns out to be removed;
// to bound that, Append looks at least every 4 MiB, and CheckPath() whenever it is called.
//
// Owned by a FileSink. Thread: disk.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/fact.h"
#include "base/files.h"
#include "base/result.h"
#include "base/time.h"
#include "rotate/log_stats.h"
#include "rotate/segment_name.h"
#include "rotate/write_journal.h"

namespace tend::rotate {

struct Moment {
  Mono mono{};
  Wall wall{};
};

using FactFields = std::vector<std::pair<std::string, std::string>>;
using TellFact = std::function<void(FactId, FactFields)>;

class LogFile {
 public:
  // `stats` and what `tell` refers to outlive the file; several files may share them.
  LogFile(
      Files& files, std::string folder, std::string base, AppLogStats& stats, const TellFact& tell);

  // Makes the folder, finishes what a crash left, opens or makes the active file. May be called
  // again after an error.
  Result<> Open();
  bool is_open() const { return fd_.valid(); }

  struct Appended {
    std::size_t bytes = 0;  // taken: written, or begun and to be finished by FinishLine()
    std::optional<Error> error;
  };
  // Told before anything is written to a file, or to another one: the last `left` bytes of the
  // lines are about to go to `place`.
  using Announce = std::function<void(const WritePlace& place, std::size_t left)>;
  // Writes `lines`, and seals the file whenever the next line would take it over `size_max`.
  // REQUIRES: is_open()
  Appended Append(std::string_view lines,
                  std::uint64_t size_max,
                  Moment now,
                  const Announce& announce = nullptr);
  // Writes what is left of a line that an error cut off, or to be written again.
  Result<> FinishLine();
  // Lines that were taken have no file with a name: give it no more until it is mended.
  bool at_risk() const { return nameless_ || owes_rest(); }
  // The end of something that was begun could not be written: FinishLine().
  bool owes_rest() const { return !rest_.empty(); }

  // Seals the active file now. Nothing happens to an empty one. REQUIRES: is_open()
  Result<> Seal(RotateReason reason, Moment now);
  // If the active file is no longer what its path names, opens what is there (and makes it if it is
  // missing), with what a removed file would take with it. Goes on with an interrupted sealing too.
  Result<> CheckPath(Moment now);
  // Removes all segments, empties the active file.
  Result<> Clear();
  // Forces what was written onto the disk. Lines that did not get there are told as a fact.
  void Sync();
  // Whether sealing does that, too.
  void SetSyncAtSeal(bool sync) { sync_at_seal_ = sync; }
  // Reads the folder again: somebody else may have removed segments.
  Result<> Refresh();

  // Removes a sealed segment. One that is gone already is fine.
  Result<> Remove(std::uint64_t sequence, std::string_view reason);
  // `sequence` has become an archive of so many bytes.
  void MarkCompressed(std::uint64_t sequence, std::uint64_t bytes);
  void Forget(std::uint64_t sequence);

  // By sequence, without one that is being sealed and still written to.
  std::span<const Segment> sealed() const {
    return std::span(sealed_).first(sealed_.size() - (step_ == SealStep::kCreate ? 1 : 0));
  }
  std::uint64_t active_bytes() const { return size_; }
  std::uint64_t bytes() const;  // in all
  // When something was last written to the active file before we opened it; not set if we began it.
  std::optional<Wall> written_before() const { return written_before_; }
  // The last whole line that Open found, for a formatter to go on from its stamp.
  const std::string& last_line() const { return last_line_; }
  // No name will carry an earlier time than this.
  void NotBefore(Wall time) { not_before_ = time; }
  std::uint64_t device() const { return device_; }  // of the active file; 0: not open yet
  const std::string& folder() const { return folder_; }
  const std::string& base() const { return base_; }
  std::string path() const { return folder_ + '/' + base_; }

 private:
  enum class SealStep { kNone, kSync, kRename, kCreate, kSyncFolder };

  Result<> OpenActive();
  Result<> Advance(Moment now);
  Result<> SealByRename(Moment now);
  Result<> Replace();
  Result<std::string> Unseen() const;
  bool IsOurs(const FileInfo& info) const { return info.inode == inode_ && info.device == device_; }
  std::size_t FittingPrefix(std::string_view lines, std::uint64_t size_max) const;
  std::optional<Error> Write(std::string_view lines, std::size_t& taken);

  Files& files_;
  std::string folder_, base_;
  AppLogStats& stats_;
  const TellFact& tell_;

  Fd fd_;
  bool is_regular_ = true;  // a FIFO or device is written to, never rotated
  std::uint64_t inode_ = 0;
  std::uint64_t device_ = 0;
  std::uint64_t size_ = 0;
  std::uint64_t seen_ = 0;  // size_ when the file was last seen under its name
  std::optional<Wall> written_before_;
  bool sync_at_seal_ = true;
  bool displaced_ = false;  // it is not under its name, and that has been told
  bool nameless_ = false;   // it is under no name at all
  bool at_line_end_ = true;
  std::string rest_;  // of a line that has been begun, or of what a removed file had
  std::string last_line_;
  Wall not_before_{};

  SealStep step_ = SealStep::kNone;
  RotateReason seal_reason_{};
  Mono seal_retry_{};
  std::uint64_t next_sequence_ = 1;
  bool recovered_ = false;
  std::vector<Segment> sealed_;  // by sequence
};

}  // namespace tend::rotate
