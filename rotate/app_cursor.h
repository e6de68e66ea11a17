// Where a LogReader is in the segments of one app.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/files.h"
#include "rotate/log_reader.h"
#include "rotate/segment_name.h"
#include "rotate/segment_reader.h"

namespace tend::rotate {

class AppCursor {
 public:
  // `query` outlives the cursor.
  AppCursor(Files& files, LogQuery::App app, const LogQuery& query);

  // Takes stock of the segments and opens the active file.
  Result<> Start();
  // The latest `count` matching lines, oldest first; goes on behind them. REQUIRES: just started.
  Result<std::vector<StoredLine>> TakeLast(std::size_t count);
  // Makes head() the next matching line. False at the end of what is there.
  Result<bool> Advance();
  const std::string& app_name() const { return app_.name; }
  std::optional<StoredLine>& head() { return head_; }
  // Notices a rotation, or that the file was emptied. REQUIRES: Advance() came to the end.
  Result<> Refresh();

 private:
  Result<std::vector<Segment>> ListSegments() const;
  Result<std::vector<Segment>> Survey();
  Result<Fd> OpenSegment(Segment& segment) const;
  Result<> OpenActive();
  // False when nothing is left to open.
  Result<bool> OpenNext();
  Result<> TakeNewer();
  bool IsOwn(const Segment& segment, std::uint64_t inode) const;
  Result<> CollectPlain(int fd,
                        std::uint64_t end,
                        std::size_t count,
                        std::deque<StoredLine>& lines);
  Result<> CollectArchive(Fd fd, std::size_t count, std::deque<StoredLine>& lines);
  // The line, if it passes the filters. Sets `before` or `after` for what is outside of the times.
  std::optional<StoredLine> Match(std::string_view line);

  Files& files_;
  const LogQuery::App app_;
  const LogQuery& query_;
  std::string base_;
  std::deque<Segment> ahead_;   // still to be read, oldest first
  std::uint64_t sequence_ = 0;  // of the newest sealed segment that is known
  Fd active_;                   // opened, not yet being read
  std::uint64_t inode_ = 0;     // of the active file
  std::unique_ptr<SegmentReader> current_;
  bool on_active_ = false;  // current_ reads the active file
  bool finishing_ = false;  // it was sealed meanwhile: its tail counts, others follow
  Wall raw_time_{};         // of lines that have none
  bool before_ = false, after_ = false;
  std::size_t collected_bytes_ = 0;
  std::string scratch_;
  std::optional<StoredLine> head_;
};

}  // namespace tend::rotate
