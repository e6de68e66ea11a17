// The text of one segment, plain or archive, at any offset of what was written to it: an offset
// means the same before and after it was compressed.
//
// In an archive without its index a hole takes the place of one byte: what was in it, nobody knows.
//
// Thread: any one. Memory: that of the TextBuffer, which many may share.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/fd.h"
#include "base/files.h"
#include "base/result.h"
#include "rotate/archive_index.h"
#include "rotate/compressor.h"
#include "rotate/segment_reader.h"

namespace tend::rotate {

// What was read last: a block, or a frame of an archive.
struct TextBuffer {
  std::string text, packed;
  std::unique_ptr<Decompressor> decompressor;
  const void* frame_of = nullptr;  // who has a frame of its in `text`
  std::size_t frame = 0;           // which
  // Gives its memory back until it is needed again.
  void Release() { *this = TextBuffer(); }
};

class SegmentText {
 public:
  // `buffer` outlives the text.
  static Result<std::unique_ptr<SegmentText>> Open(Files& files,
                                                   Fd fd,
                                                   bool compressed,
                                                   TextBuffer& buffer);
  ~SegmentText();
  SegmentText(const SegmentText&) = delete;
  SegmentText& operator=(const SegmentText&) = delete;

  struct Piece {
    std::string_view text;   // valid until the buffer is used again
    std::uint64_t end = 0;   // offset behind the text, or behind what is lost
    std::uint64_t lost = 0;  // bytes that cannot be read; then there is no text
    bool is_end() const { return text.empty() && lost == 0; }
  };
  // Text from `offset` on, about as much as is asked for, more or less; nothing at the end. Damage,
  // and what the disk cannot read, is passed over up to where a line begins, as far as that is
  // known.
  Result<Piece> At(std::uint64_t offset, std::size_t bytes);
  int fd() const { return fd_.get(); }
  bool compressed() const { return compressed_; }

 private:
  SegmentText(Files& files, Fd fd, bool compressed, TextBuffer& buffer)
      : files_(files), fd_(std::move(fd)), compressed_(compressed), buffer_(buffer) {}
  Result<Piece> FromPlain(std::uint64_t offset, std::size_t bytes);
  Result<Piece> PassHole(std::uint64_t offset);
  Result<Piece> FromFrame(std::uint64_t offset);
  Result<> LoadFrame(std::size_t frame);
  Result<Piece> FromStream(std::uint64_t offset, std::size_t bytes);

  Files& files_;
  Fd fd_;
  const bool compressed_;
  TextBuffer& buffer_;
  std::vector<ArchiveFrame> frames_;      // of an archive with an index
  std::vector<std::uint64_t> begins_;     // offsets of their texts
  std::uint64_t holes_ = 0;               // that it has met
  std::optional<std::uint64_t> hole_;     // where the last is
  std::unique_ptr<SegmentReader> lines_;  // of an archive without: read from its beginning
};

}  // namespace tend::rotate
