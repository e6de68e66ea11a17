// Lines of one segment: forwards from plain files and archives, backwards from plain files.
//
// Thread: any one. Memory: a block and one line; a line of more than kLineMax comes in pieces.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/fd.h"
#include "base/files.h"
#include "base/result.h"
#include "rotate/compressor.h"

namespace tend::rotate {

// More than what kJson makes of the longest piece of a line, each byte of it an escape.
inline constexpr std::size_t kLineMax = 2 << 20;

// Bytes of a file of which parts may be unreadable. What is passed over grows while reading fails,
// so that a disk that is gone is not asked for each of its pages.
class PatientReads {
 public:
  PatientReads(Files& files, int fd) : files_(files), fd_(fd) {}
  // As Files::ReadAt(); where that fails, the first page of it.
  Result<std::size_t> ReadAt(std::span<char> buffer, std::uint64_t offset);
  // How much more is to be passed over after a failure.
  std::uint64_t Step();
  void Reset() { step_ = kPage; }
  // Where the first line begins behind what cannot be read at `offset`; at most `size`, where the
  // file ends.
  std::uint64_t LineBehindHole(std::uint64_t offset, std::uint64_t size);

  static constexpr std::uint64_t kPage = 4 << 10;

 private:
  Files& files_;
  const int fd_;
  std::uint64_t step_ = kPage;
};

class SegmentReader {
 public:
  // Reads on from `offset` of the plain file `fd`, or of the archive `fd` (then 0).
  SegmentReader(Files& files, Fd fd, bool compressed, std::uint64_t offset = 0);

  // The next line without its newline, valid until the next call; nothing when there is no whole
  // line (yet). Errc::kInvalid says how much is damaged, or cannot be read; the next call goes on
  // behind that. What was unpacked of a line before it is a line. Any other error is for good.
  Result<std::optional<std::string_view>> Next();
  // The line that came last goes on in the next.
  bool is_partial() const { return is_partial_; }
  // What is left behind the last newline, when nothing more will come.
  std::string_view TakeTail();
  // Bytes of whole lines handed out, from the start of a plain file.
  std::uint64_t offset() const { return offset_; }
  int fd() const { return fd_.get(); }

 private:
  // False at the end of the file, or of what is whole: then damage_ says so.
  Result<bool> Fill();
  Result<bool> FillFromPlain();
  Result<bool> FillFromArchive();
  // Goes on at the first line behind what cannot be read. The beginning of the line before it,
  // which may not even have its stamp, goes with it.
  Result<> PassHole(const Error& why);
  // Goes on at what looks like the next frame.
  Result<> PassDamage(const Error& why);
  // Whether the frame that does not end is the index, in which no line is lost.
  Result<bool> IsInIndex();

  Files& files_;
  Fd fd_;
  std::unique_ptr<Decompressor> decompressor_;  // only for archives
  std::uint64_t offset_ = 0;
  std::uint64_t file_offset_ = 0;  // of the next read
  std::string compressed_;         // read, not decompressed yet
  std::string_view compressed_left_;
  std::string buffer_;
  std::size_t at_ = 0;        // in buffer_: start of the next line
  std::size_t searched_ = 0;  // in buffer_: no newline between at_ and here
  bool decompressor_full_ = false;
  std::uint64_t frame_begin_ = 0;  // in the archive
  std::optional<Error> damage_;    // to be told
  bool told_empty_ = false;
  bool is_partial_ = false;
};

// Lines of a plain file from `end` (just behind a newline, or the end of a finished file) back to
// its start.
class BackwardReader {
 public:
  BackwardReader(Files& files, int fd, std::uint64_t end);
  // The line before, valid until the next call; nothing at the start of the file. Errc::kInvalid
  // says how much cannot be read; the next call goes on before that.
  Result<std::optional<std::string_view>> Previous();
  // The line that came last goes on in the one before it.
  bool is_partial() const { return is_partial_; }

 private:
  // So many bytes before begin_.
  Result<std::string> ReadBefore(std::uint64_t size);
  Error PassHole(const Error& why);

  Files& files_;
  const int fd_;
  std::uint64_t begin_;  // file offset of buffer_[0]
  std::string buffer_;
  std::size_t end_ = 0;  // buffer_[0, end_) is not handed out yet
  bool is_partial_ = false, will_be_partial_ = false;
};

}  // namespace tend::rotate
