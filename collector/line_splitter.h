// Bytes as they come from a pipe → lines. The pieces in which the bytes arrive never show in the
// result: Feed("a\nb"), Feed("c\n") gives the lines "a" and "bc", as Feed("a\nbc\n") does.
//
// A line ends at '\n', which is not part of it; every other byte (NUL, '\r', broken UTF-8) is
// passed on as it is. A line longer than `line_max_bytes` becomes pieces of exactly that size, each
// flagged kLinePartial, and a last piece that is not flagged and never empty.
//
// Pure. One splitter belongs to one pipe. It holds memory only while a line is unfinished, and then
// at most twice `line_max_bytes`. Time is linear in the bytes, however small the pieces.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "base/check.h"
#include "base/record.h"

namespace tend::collector {

inline constexpr std::size_t kLineMaxBytes = 256 * 1024;

class LineSplitter {
 public:
  // REQUIRES: line_max_bytes > 0
  explicit LineSplitter(std::size_t line_max_bytes = kLineMaxBytes)
      : line_max_bytes_(line_max_bytes) {
    TEND_CHECK(line_max_bytes > 0);
  }

  // Appends the lines that `chunk` completes to `lines`, and their text to `bytes`, which the spans
  // point into. What is left of the chunk waits for its newline.
  void Feed(std::string_view chunk, std::string& bytes, std::vector<LineSpan>& lines);

  // Nothing more comes: what still waits is a line, too. With kLinePartial it is the beginning of a
  // line that somebody else will read the rest of.
  void Finish(std::string& bytes, std::vector<LineSpan>& lines, LineFlags flags = kLineWhole);

  // Bytes of the unfinished line.
  std::size_t pending_bytes() const { return pending_.size(); }

 private:
  std::size_t line_max_bytes_;
  std::string pending_;  // has no newline; never longer than line_max_bytes_
};

}  // namespace tend::collector
