// Lines of one app's log from a position on that somebody keeps, for those who hand all lines on
// and must neither miss nor repeat one: over rotation, compression under way, removal, restarts.
//
// Reads what is there in the files; shares nothing with who writes them. A line without its newline
// waits. Lines that were removed, or cannot be read, are told as lost.
//
// Thread: any one. Memory: one line, and the buffer, which readers may share.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "base/files.h"
#include "base/result.h"
#include "rotate/line_format.h"
#include "rotate/segment_list.h"

namespace tend::rotate {

// Between two lines.
struct LinePosition {
  std::uint64_t sequence = 0;  // of the segment, or that the active file is likely to get
  std::uint64_t offset = 0;    // bytes of text in it
  std::uint64_t lines = 0;     // before the offset
  std::uint64_t mark = 0;      // MarkOf() the segment; 0 at its beginning
  friend bool operator==(const LinePosition&, const LinePosition&) = default;
};

class PositionReader {
 public:
  // `buffer` outlives the reader.
  PositionReader(Files& files, std::string app, std::string folder, TextBuffer& buffer);

  // Before the oldest line.
  Result<LinePosition> Begin();

  // `line` is taken apart; `end` is the offset behind it. A raw line has the time at which its
  // segment was sealed, or last written.
  using Take = std::function<void(const ParsedLine& line, std::uint64_t end)>;
  struct Passage {
    LinePosition begin, end;  // of the lines that were taken, all of one segment
    // Between `from` and `begin`. Lines are those that were counted, or at least one.
    std::uint64_t lost_bytes = 0, lost_lines = 0;
    bool at_end = false;  // nothing more is there now
  };
  // Takes about `bytes_max` of text, and a line at least if there is one. A position that is
  // nowhere any more is taken for one before all that has come since, as far as that is known.
  // REQUIRES: what was told as lost is told once: next time, `from` is not before `begin`.
  Result<Passage> Read(const LinePosition& from, std::size_t bytes_max, const Take& take);

  struct Waiting {
    std::uint64_t lines = 0, bytes = 0;
    std::optional<Wall> oldest;  // stamp of the first
  };
  // What is behind `from`: all whole lines that are there now. Counts each line once, and at most
  // kCountMax at a time: while more than that is new, the number grows from call to call.
  Result<Waiting> CountBehind(const LinePosition& from);
  static constexpr std::uint64_t kCountMax = 32 << 20;

 private:
  struct Opened {
    std::unique_ptr<SegmentText> text;
    std::uint64_t sequence = 0, inode = 0;
    Wall sealed{};
    bool Is(const KnownSegment& segment) const;
  };
  // Where `from` is now, and in which of the segments; none: there are no files.
  struct Place {
    LinePosition position;
    std::optional<std::size_t> segment;
  };
  struct Cut {
    std::uint64_t end = 0, lines = 0, lost = 0;
  };

  Result<SegmentText*> OpenSegment(KnownSegment& segment);
  Result<bool> Fits(KnownSegment& segment, const LinePosition& position);
  Result<std::optional<std::size_t>> FindSegment(const LinePosition& from);
  Result<Place> Find(const LinePosition& from);
  struct Loss {
    std::uint64_t bytes = 0, lines = 0;
  };
  Loss GoneBehind(const LinePosition& from);
  void TellOwed(Passage& passage);
  Result<Cut> CutLines(SegmentText& text,
                       const KnownSegment& segment,
                       std::uint64_t from,
                       std::size_t bytes_max,
                       const Take& take);
  void TakeOne(
      std::string_view line, bool goes_on, std::uint64_t end, Wall raw_time, const Take& take);
  Result<std::optional<Wall>> StampAt(KnownSegment& segment, bool is_own, std::uint64_t offset);
  Result<> CountOne(KnownSegment& segment, bool is_own, std::uint64_t& bytes_max);
  // One step on; kEnd: nothing more is there. Errc::kNotFound: the list is out of date.
  enum class Step : std::uint8_t { kTaken, kOn, kEnd };
  Result<Step> Advance(LinePosition& at, std::size_t bytes_max, const Take& take, Passage& passage);
  void Leave(KnownSegment& segment, bool is_unread, LinePosition& at, Passage& passage);

  Files& files_;
  const std::string app_;
  SegmentList list_;
  std::uint64_t found_ = 0;           // order of the segment that the last position was in
  std::optional<LinePosition> last_;  // that, unless a segment was left since
  Loss owed_;                         // that is still to be told: a call failed before it could
  Opened open_;                       // that was read last
  std::string line_;                  // begun in one piece of text, to be ended in another
  std::string scratch_;
  LinePosition stamped_;  // whose stamp oldest_ is
  std::optional<Wall> oldest_;
};

}  // namespace tend::rotate
