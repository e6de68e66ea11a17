// Where a LogReader is in the segments of one app: either on the way to its end, or back from
// there.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/files.h"
#include "rotate/archive_index.h"
#include "rotate/frame_scan.h"
#include "rotate/line_filter.h"
#include "rotate/log_reader.h"
#include "rotate/segment_name.h"
#include "rotate/segment_reader.h"

namespace tend::rotate {

// Lets matches pass, and so many lines before and after each of them. Works in either direction.
class ContextWindow {
 public:
  explicit ContextWindow(std::size_t lines) : lines_(lines) {}
  void Offer(StoredLine line, std::deque<StoredLine>& out);
  void Clear();

 private:
  const std::size_t lines_;
  std::deque<StoredLine> before_;
  std::size_t after_left_ = 0;
};

class AppCursor {
 public:
  // `query` and `scanner` outlive the cursor.
  AppCursor(Files& files, LogQuery::App app, const LogQuery& query, FrameScanner& scanner);

  // Frames of archives that are under way at once.
  void ScanSoManyAhead(std::size_t frames) { scans_max_ = frames; }
  // Takes stock of the segments and opens the active file.
  Result<> Start();
  // The latest `count` matching lines, oldest first; goes on behind them. REQUIRES: just started.
  Result<std::vector<StoredLine>> TakeLast(std::size_t count);
  // It found less, because that was as much as may be kept.
  bool was_cut() const { return was_cut_; }
  // Makes head() the next matching line. False at the end of what is there.
  Result<bool> Advance();
  // Makes head() the matching line before, from the end of what was there at the start on.
  // REQUIRES: neither Advance() nor TakeLast().
  Result<bool> Retreat();
  const std::string& app_name() const { return app_.name; }
  std::optional<StoredLine>& head() { return head_; }
  // Notices a rotation, or that the file was emptied. REQUIRES: Advance() came to the end.
  Result<> Refresh();

 private:
  // An archive whose frames are being handed to the scanner.
  struct Archive {
    std::shared_ptr<const ArchiveFile> file;
    std::deque<ArchiveFrame> frames;
  };

  Result<std::vector<Segment>> ListSegments() const;
  Result<std::vector<Segment>> Survey();
  Result<Fd> OpenSegment(Segment& segment) const;
  Result<> OpenActive();
  // Where in a plain file the wanted times begin.
  Result<std::uint64_t> BeginOf(int fd) const;
  // False when nothing is left to open.
  Result<bool> OpenNext();
  Result<> TakeNewer();
  bool IsOwn(const Segment& segment, std::uint64_t inode) const;

  // Keeps the scanner busy with what comes next, as long as that is archives with an index.
  Result<> ScanAhead(bool backward);
  Result<bool> OpenArchive(bool backward);
  Result<> TakeScanned(bool backward);
  // Gives what was read to the window, or what is said of damage past it.
  void OfferLine(StoredLine line);
  void TellDamage();
  StoredLine Damage(const std::string& file, std::string_view what, Wall time) const;
  // Takes one line more of current_. False at its end, or behind what is wanted of it.
  Result<bool> TakeLine();

  Result<> TakeLineBack();
  Result<bool> OpenPrevious();
  Result<std::uint64_t> EndOfActive();
  // Where in a plain file of `end` bytes the wanted times end.
  Result<std::uint64_t> EndOfTimes(int fd, std::uint64_t end) const;
  // The wanted lines of an archive without an index.
  Result<> CollectArchive(const Segment& segment, Fd fd);
  bool IsStopped() const { return query_.stop && query_.stop(); }

  Files& files_;
  const LogQuery::App app_;
  const LogQuery& query_;
  const LineFilter filter_;
  FrameScanner& scanner_;
  std::string base_;
  std::deque<Segment> ahead_;   // still to be read, oldest first
  std::uint64_t sequence_ = 0;  // of the newest sealed segment that is known
  Fd active_;                   // opened, not yet being read
  std::uint64_t inode_ = 0;     // of the active file
  std::unique_ptr<SegmentReader> current_;
  std::string reading_;              // the name of its file when it was opened
  LineFilter::Place place_;          // of the line that was read last
  std::vector<std::string> untold_;  // damage since then
  bool on_active_ = false;           // current_ reads the active file
  bool passed_active_ = false;       // nothing more of it is wanted
  bool finishing_ = false;           // it was sealed meanwhile: its tail counts, others follow
  Wall raw_time_{};                  // of lines that have none

  std::size_t scans_max_ = 1;
  std::deque<std::shared_ptr<FrameTask>> scans_;  // under way, in the order in which they are read
  Archive archive_;
  std::optional<Segment> unindexed_;  // known to be none for the scanner

  Fd back_fd_;
  std::unique_ptr<BackwardReader> back_;
  std::string back_name_;         // of its file
  LineFilter::Place back_place_;  // of the line that it gave last
  struct Collected {
    std::uint64_t number = 0;  // of the line, in its archive
    StoredLine line;
  };
  static constexpr std::uint64_t kAllLines = ~std::uint64_t{0};
  std::deque<Collected> collected_;
  bool was_cut_ = false;
  std::uint64_t collect_before_ = kAllLines;  // lines behind are done, of the archive that is next

  ContextWindow window_;
  std::deque<StoredLine> ready_;  // to become head()
  std::string scratch_;
  std::optional<StoredLine> head_;
};

}  // namespace tend::rotate
