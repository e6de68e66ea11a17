#include "rotate/segment_text.h"

#include <algorithm>
#include <utility>

namespace tend::rotate {

Result<std::unique_ptr<SegmentText>> SegmentText::Open(Files& files,
                                                       Fd fd,
                                                       bool compressed,
                                                       TextBuffer& buffer) {
  std::unique_ptr<SegmentText> text(new SegmentText(files, std::move(fd), compressed, buffer));
  if (!compressed) return text;
  const auto index = ReadArchiveIndex(files, text->fd_.get());
  if (!index || !*index) return text;
  text->frames_ = (*index)->frames();
  std::uint64_t begin = 0;
  for (const ArchiveFrame& frame : text->frames_) {
    text->begins_.push_back(begin);
    begin += frame.text_bytes;
  }
  return text;
}

SegmentText::~SegmentText() {
  if (buffer_.frame_of == this) buffer_.frame_of = nullptr;
}

Result<SegmentText::Piece> SegmentText::At(std::uint64_t offset, std::size_t bytes) {
  if (!compressed_) return FromPlain(offset, bytes);
  return frames_.empty() ? FromStream(offset, bytes) : FromFrame(offset);
}

Result<SegmentText::Piece> SegmentText::FromPlain(std::uint64_t offset, std::size_t bytes) {
  buffer_.frame_of = nullptr;
  buffer_.text.resize(bytes);
  PatientReads reads(files_, fd_.get());
  const auto n = reads.ReadAt(buffer_.text, offset);
  if (!n) return PassHole(offset);
  return Piece{.text = std::string_view(buffer_.text).substr(0, *n), .end = offset + *n};
}

Result<SegmentText::Piece> SegmentText::PassHole(std::uint64_t offset) {
  TRY(const FileInfo info, files_.StatFd(fd_.get()));
  PatientReads reads(files_, fd_.get());
  const std::uint64_t end = std::max(offset, reads.LineBehindHole(offset, info.size));
  return Piece{.text = {}, .end = end, .lost = end - offset};
}

Result<> SegmentText::LoadFrame(std::size_t frame) {
  if (buffer_.frame_of == this && buffer_.frame == frame) return {};
  buffer_.frame_of = nullptr;
  buffer_.packed.resize(frames_[frame].packed_bytes);
  for (std::size_t have = 0; have < buffer_.packed.size();) {
    TRY(const std::size_t n, files_.ReadAt(fd_.get(), std::span(buffer_.packed).subspan(have),
                                           frames_[frame].offset + have));
    if (n == 0) return Error(Errc::kInvalid, "an archive that ends too early");
    have += n;
  }
  if (!buffer_.decompressor) buffer_.decompressor = std::make_unique<Decompressor>();
  TRY_VOID(buffer_.decompressor->Frame(buffer_.packed, frames_[frame].text_bytes, buffer_.text));
  buffer_.frame_of = this;
  buffer_.frame = frame;
  return {};
}

Result<SegmentText::Piece> SegmentText::FromFrame(std::uint64_t offset) {
  const auto behind = std::upper_bound(begins_.begin(), begins_.end(), offset);
  const auto frame = static_cast<std::size_t>(behind - begins_.begin()) - 1;
  const std::uint64_t end = begins_[frame] + frames_[frame].text_bytes;
  if (offset >= end) return Piece{.text = {}, .end = offset};
  if (!LoadFrame(frame)) return Piece{.text = {}, .end = end, .lost = end - offset};
  return Piece{.text = std::string_view(buffer_.text).substr(offset - begins_[frame]), .end = end};
}

Result<SegmentText::Piece> SegmentText::FromStream(std::uint64_t offset, std::size_t bytes) {
  buffer_.frame_of = nullptr;
  if (hole_ == offset) return Piece{.text = {}, .end = offset + 1, .lost = 1};
  if (!lines_ || lines_->offset() + holes_ > offset) {
    TRY(Fd again, Duplicate(fd_.get()));
    lines_ = std::make_unique<SegmentReader>(files_, std::move(again), true);
    holes_ = 0;
  }
  buffer_.text.clear();
  bool at_end = false;
  while (!at_end && buffer_.text.size() < bytes) {
    const std::uint64_t begin = lines_->offset() + holes_;
    auto line = lines_->Next();
    if (!line && line.error().code() != Errc::kInvalid) return std::move(line).error();
    if (!line) {
      hole_ = begin;
      ++holes_;
      if (begin == offset) return Piece{.text = {}, .end = offset + 1, .lost = 1};
      if (!buffer_.text.empty()) break;
      continue;
    }
    at_end = !*line;
    const std::string_view text = at_end ? lines_->TakeTail() : **line;
    if (begin < offset || (at_end && text.empty())) continue;
    buffer_.text.append(text);
    if (!at_end && !lines_->is_partial()) buffer_.text.append(1, '\n');
  }
  return Piece{.text = buffer_.text, .end = offset + buffer_.text.size()};
}

}  // namespace tend::rotate
