// The segments of one app, oldest first, as somebody sees them who comes again and again: which of
// them is which, although the active file is sealed, segments become archives or are removed, and
// others take or empty files. Counts lines once.
//
// Thread: any one.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/files.h"
#include "base/result.h"
#include "base/time.h"
#include "rotate/segment_text.h"

namespace tend::rotate {

struct KnownSegment {
  std::uint64_t order = 0;     // in which they came to be known; of no two, whatever their numbers
  std::uint64_t sequence = 0;  // of the active file: that it is likely to get
  Wall sealed{};
  bool compressed = false;
  bool is_active = false;
  bool is_final = true;     // nothing more is written to it
  bool is_taken = false;    // somebody else moved or removed it: only who has it open can read on
  std::uint64_t inode = 0;  // of the active file, and of one that was
  // What was counted of it, from its beginning on: whole lines, and each hole as one.
  std::uint64_t counted_bytes = 0, counted_lines = 0;
  bool is_counted = false;  // to its end
  std::uint64_t mark = 0;   // MarkOf() its text; 0: not known
};

// Of a segment that is not there any more.
struct GoneSegment {
  std::uint64_t order = 0;
  std::uint64_t bytes = 0, lines = 0;  // that had been counted
};

// Tells segments from one another by the text they begin with: of its first line, at most 256
// bytes. 0: the line is not whole yet.
std::uint64_t MarkOf(std::string_view text);

class SegmentList {
 public:
  // `buffer` outlives the list.
  SegmentList(Files& files, std::string app, std::string folder, TextBuffer& buffer);

  // Looks at the folder.
  Result<> Survey();
  // The same if the active file is not the one it was: true, then.
  Result<bool> Refresh();
  // Errc::kNotFound: it is not there any more, Survey().
  Result<std::unique_ptr<SegmentText>> Open(KnownSegment& segment);
  // Compares with, or learns, how the segment begins. False: it is not what it was.
  Result<bool> CheckMark(KnownSegment& segment, SegmentText& text);
  // Counts on, at most `bytes_max`; takes what it counted from that.
  Result<> Count(KnownSegment& segment, SegmentText& text, std::uint64_t& bytes_max);
  // What was counted of the active file is gone; another text begins there.
  void Emptied(KnownSegment& segment);

  // Files that were taken away, but for the one that the caller has open (0: none).
  void DropTaken(std::uint64_t kept_inode);

  std::vector<KnownSegment>& segments() { return segments_; }
  // Not accounted for yet; whoever does so removes them.
  std::vector<GoneSegment>& gone() { return gone_; }

 private:
  Result<std::optional<FileInfo>> StatActive() const;
  std::string PathOf(const KnownSegment& segment) const;
  bool IsSame(const KnownSegment& sealed, const KnownSegment& active) const;
  void AddGone(const KnownSegment& segment);

  Files& files_;
  const std::string folder_, base_;
  TextBuffer& buffer_;
  std::vector<KnownSegment> segments_;
  std::vector<GoneSegment> gone_;
  std::uint64_t last_order_ = 0;
};

}  // namespace tend::rotate
