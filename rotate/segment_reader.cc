#include "rotate/segment_reader.h"

#include <algorithm>
#include <utility>

namespace tend::rotate {
namespace {

constexpr std::size_t kBlock = 64 << 10;
constexpr std::size_t kArchiveBlock = 128 << 10;
constexpr std::size_t kMagicSize = 4;

bool IsFrameMagic(std::string_view text) {
  return text.starts_with("\x28\xB5\x2F\xFD");
}

// The beginning of one, if there is less.
bool IsSkippableMagic(std::string_view text) {
  constexpr std::string_view kRest = "\x2A\x4D\x18";
  return !text.empty() && (text[0] & 0xF0) == 0x50 &&
         text.substr(1, kRest.size()) == kRest.substr(0, std::min(text.size() - 1, kRest.size()));
}

}  // namespace

SegmentReader::SegmentReader(Files& files, Fd fd, bool compressed, std::uint64_t offset)
    : files_(files), fd_(std::move(fd)), offset_(offset), file_offset_(offset) {
  if (compressed) decompressor_ = std::make_unique<Decompressor>();
}

Result<bool> SegmentReader::Fill() {
  buffer_.erase(0, at_);
  searched_ -= at_;
  at_ = 0;
  if (!decompressor_) {
    const std::size_t have = buffer_.size();
    buffer_.resize(have + kBlock);
    auto n = files_.ReadAt(fd_.get(), std::span(buffer_).subspan(have), file_offset_);
    buffer_.resize(have + (n ? *n : 0));
    if (!n) return std::move(n).error();
    file_offset_ += *n;
    return *n > 0;
  }
  return FillFromArchive();
}

Result<bool> SegmentReader::FillFromArchive() {
  for (;;) {
    if (compressed_left_.empty() && !decompressor_full_) {
      compressed_.resize(kArchiveBlock);
      TRY(const std::size_t n, files_.ReadAt(fd_.get(), compressed_, file_offset_));
      if (n == 0 && decompressor_->at_frame_end()) {
        if (file_offset_ > 0 || std::exchange(told_empty_, true)) return false;
        damage_ = Error(Errc::kInvalid, "an archive of no bytes");
        return false;
      }
      if (n == 0) {
        TRY(const bool is_index, IsInIndex());
        if (!is_index) TRY_VOID(PassDamage(Error(Errc::kInvalid, "ends inside a frame")));
        return false;
      }
      file_offset_ += n;
      compressed_left_ = std::string_view(compressed_).substr(0, n);
    }
    if (decompressor_->at_frame_end()) frame_begin_ = file_offset_ - compressed_left_.size();
    const std::size_t before = buffer_.size();
    if (auto done = decompressor_->Step(compressed_left_, buffer_, kArchiveBlock); !done) {
      TRY_VOID(PassDamage(done.error()));
      return false;
    }
    decompressor_full_ = buffer_.size() - before == kArchiveBlock;
    if (buffer_.size() > before) return true;
  }
}

Result<bool> SegmentReader::IsInIndex() {
  std::string begin(kMagicSize, '\0');
  TRY(const std::size_t n, files_.ReadAt(fd_.get(), begin, frame_begin_));
  return IsSkippableMagic(std::string_view(begin).substr(0, n));
}

Result<> SegmentReader::PassDamage(const Error& why) {
  std::string block(kArchiveBlock, '\0');
  std::uint64_t at = frame_begin_ + 1;
  for (;;) {
    TRY(const std::size_t n, files_.ReadAt(fd_.get(), block, at));
    const std::string_view text = std::string_view(block).substr(0, n);
    std::size_t magic = 0;
    while (magic + kMagicSize <= n && !IsFrameMagic(text.substr(magic)) &&
           !IsSkippableMagic(text.substr(magic)))
      ++magic;
    if (magic + kMagicSize <= n || n < kMagicSize) {
      at += n < kMagicSize ? n : magic;
      break;
    }
    at += magic;
  }
  damage_ = Error(Errc::kInvalid,
                  "lines of " + std::to_string(at - frame_begin_) +
                      " compressed bytes are missing or wrong here: " + std::string(why.message()));
  file_offset_ = frame_begin_ = at;
  compressed_left_ = {};
  decompressor_full_ = false;
  decompressor_ = std::make_unique<Decompressor>();
  return {};
}

Result<std::optional<std::string_view>> SegmentReader::Next() {
  is_partial_ = false;
  for (;;) {
    if (damage_ && at_ == buffer_.size()) return *std::exchange(damage_, std::nullopt);
    const std::size_t end = buffer_.find('\n', searched_);
    if (end != std::string::npos) {
      const std::string_view line = std::string_view(buffer_).substr(at_, end - at_);
      offset_ += line.size() + 1;
      at_ = searched_ = end + 1;
      return std::optional(line);
    }
    searched_ = buffer_.size();
    if (searched_ - at_ >= kLineMax) {
      is_partial_ = true;
      return std::optional(TakeTail());
    }
    if (damage_) return std::optional(TakeTail());
    TRY(const bool more, Fill());
    if (damage_) continue;
    if (!more) return std::optional<std::string_view>();
  }
}

std::string_view SegmentReader::TakeTail() {
  const std::string_view tail = std::string_view(buffer_).substr(at_);
  offset_ += tail.size();
  at_ = searched_ = buffer_.size();
  return tail;
}

BackwardReader::BackwardReader(Files& files, int fd, std::uint64_t end)
    : files_(files), fd_(fd), begin_(end) {}

Result<std::optional<std::string_view>> BackwardReader::Previous() {
  for (;;) {
    // The newline at the very end belongs to the line that ends there.
    const std::string_view text = std::string_view(buffer_).substr(0, end_);
    const bool ended = !text.empty() && text.back() == '\n';
    const std::string_view body = ended ? text.substr(0, text.size() - 1) : text;
    const std::size_t newline = body.rfind('\n');
    const bool whole = newline != std::string_view::npos || begin_ == 0;
    if (!text.empty() && (whole || text.size() >= kLineMax)) {
      const std::size_t start = newline == std::string_view::npos ? 0 : newline + 1;
      end_ = start;
      is_partial_ = std::exchange(will_be_partial_, !whole);
      return std::optional(body.substr(start));
    }
    if (begin_ == 0) return std::optional<std::string_view>();
    const std::size_t size = static_cast<std::size_t>(std::min<std::uint64_t>(kBlock, begin_));
    std::string block(size, '\0');
    std::size_t have = 0;
    while (have < size) {
      TRY(const std::size_t n,
          files_.ReadAt(fd_, std::span(block).subspan(have), begin_ - size + have));
      if (n == 0) return Error(Errc::kIo, "a log file became shorter while it was read");
      have += n;
    }
    buffer_.resize(end_);
    buffer_.insert(0, block);
    end_ = buffer_.size();
    begin_ -= size;
  }
}

}  // namespace tend::rotate
