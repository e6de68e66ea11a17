// What lies where in an archive: which times each frame of it holds. It is the archive's last
// frame, one that every zstd reader skips (RFC 8878, 3.1.2: magic 0x184D2A50 to 0x184D2A5F, size,
// content), so the archive stays one that `zstdcat` reads. All numbers are little-endian:
//
//   magic 0x184D2A5A u32, size of what follows u32
//   for each frame, in order:
//     its size u32, that of its text u32, first and last time i64 (ns since 1970), flags u32
//   number of frames u32, FNV-1a of all that u32, version 1 u32, "TNDX"
//
// An archive without it, or with one that does not fit the file, is read from its beginning.
// Pure but for ReadArchiveIndex. Thread: any one.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/files.h"
#include "base/result.h"
#include "base/time.h"

namespace tend::rotate {

struct ArchiveFrame {
  std::uint64_t offset = 0;        // in the archive, bytes
  std::uint32_t packed_bytes = 0;  // of the frame
  std::uint32_t text_bytes = 0;    // of what is in it
  Wall first{}, last{};            // the earliest and the latest stamp, if is_timed
  bool is_timed = false;           // every line has a stamp
  bool is_whole = false;           // ends with a newline
  bool has_json = false;           // some line begins with {
};

// What the index tells of a frame that holds `text`.
ArchiveFrame DescribeFrame(std::string_view text, std::size_t packed_bytes);

class ArchiveIndex {
 public:
  // REQUIRES: frames in the order in which they lie in the archive, from its beginning.
  void Add(ArchiveFrame frame);
  // The whole skippable frame.
  std::string Encode() const;
  // Nothing if `tail`, the end of a file of `file_bytes`, does not end with an index that fits.
  static std::optional<ArchiveIndex> Decode(std::string_view tail, std::uint64_t file_bytes);
  const std::vector<ArchiveFrame>& frames() const { return frames_; }

 private:
  std::vector<ArchiveFrame> frames_;
  std::uint64_t bytes_ = 0;
};

// The index at the end of the archive `fd`; nothing if there is none, or a damaged one.
Result<std::optional<ArchiveIndex>> ReadArchiveIndex(Files& files, int fd);

}  // namespace tend::rotate
