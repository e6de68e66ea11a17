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

Error Unreadable(std::uint64_t bytes, const Error& why) {
  return Error(Errc::kInvalid, "lines of " + std::to_string(bytes) +
                                   " bytes cannot be read: " + std::string(why.message()));
}

}  // namespace

Result<std::size_t> PatientReads::ReadAt(std::span<char> buffer, std::uint64_t offset) {
  auto n = files_.ReadAt(fd_, buffer, offset);
  if (n) return n;
  return files_.ReadAt(fd_, buffer.first(std::min<std::size_t>(buffer.size(), kPage)), offset);
}

std::uint64_t PatientReads::Step() {
  constexpr std::uint64_t kStepMax = 1 << 20;
  return std::exchange(step_, std::min(2 * step_, kStepMax));
}

std::uint64_t PatientReads::LineBehindHole(std::uint64_t offset, std::uint64_t size) {
  std::string page(kPage, '\0');
  std::uint64_t at = offset + Step();
  for (bool found = false; !found && at < size;) {
    const auto n = ReadAt(page, at);
    if (!n) {
      at += Step();
      continue;
    }
    if (*n == 0) break;
    Reset();
    const std::size_t newline = std::string_view(page).substr(0, *n).find('\n');
    found = newline != std::string_view::npos;
    at += found ? newline + 1 : *n;
  }
  return std::min(at, size);
}

SegmentReader::SegmentReader(Files& files, Fd fd, bool compressed, std::uint64_t offset)
    : files_(files), fd_(std::move(fd)), offset_(offset), file_offset_(offset) {
  if (compressed) decompressor_ = std::make_unique<Decompressor>();
}

Result<bool> SegmentReader::Fill() {
  buffer_.erase(0, at_);
  searched_ -= at_;
  at_ = 0;
  return decompressor_ ? FillFromArchive() : FillFromPlain();
}

Result<bool> SegmentReader::FillFromPlain() {
  const std::size_t have = buffer_.size();
  buffer_.resize(have + kBlock);
  PatientReads reads(files_, fd_.get());
  const auto n = reads.ReadAt(std::span(buffer_).subspan(have), file_offset_);
  buffer_.resize(have + (n ? *n : 0));
  if (!n) {
    TRY_VOID(PassHole(n.error()));
    return false;
  }
  file_offset_ += *n;
  return *n > 0;
}

Result<> SegmentReader::PassHole(const Error& why) {
  TRY(const FileInfo info, files_.StatFd(fd_.get()));
  const std::uint64_t begin = file_offset_ - (buffer_.size() - at_);
  const std::uint64_t at = PatientReads(files_, fd_.get()).LineBehindHole(file_offset_, info.size);
  if (at <= file_offset_) return {};  // behind the end: nothing is lost
  damage_ = Unreadable(at - begin, why);
  buffer_.resize(at_);
  searched_ = at_;
  offset_ += at - begin;
  file_offset_ = at;
  return {};
}

Result<bool> SegmentReader::FillFromArchive() {
  for (;;) {
    if (compressed_left_.empty() && !decompressor_full_) {
      compressed_.resize(kArchiveBlock);
      PatientReads reads(files_, fd_.get());
      const auto got = reads.ReadAt(compressed_, file_offset_);
      if (!got) {
        TRY(const FileInfo info, files_.StatFd(fd_.get()));
        if (file_offset_ >= info.size) return false;
        if (decompressor_->at_frame_end()) frame_begin_ = file_offset_;
        TRY_VOID(PassDamage(got.error()));
        return false;
      }
      const std::size_t n = *got;
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
  const auto n = files_.ReadAt(fd_.get(), begin, frame_begin_);
  return n && IsSkippableMagic(std::string_view(begin).substr(0, *n));
}

Result<> SegmentReader::PassDamage(const Error& why) {
  TRY(const FileInfo info, files_.StatFd(fd_.get()));
  std::string block(kArchiveBlock, '\0');
  std::uint64_t at = frame_begin_ + 1;
  PatientReads reads(files_, fd_.get());
  for (;;) {
    const auto got = reads.ReadAt(block, at);
    if (!got) {
      at += reads.Step();
      if (at < info.size) continue;
      at = std::max(info.size, frame_begin_ + 1);
      break;
    }
    reads.Reset();
    const std::size_t n = *got;
    const std::string_view text = std::string_view(block).substr(0, n);
    std::size_t magic = 0;
    while (magic + kMagicSize <= n && !IsFrameMagic(text.substr(magic)) &&
           !IsSkippableMagic(text.substr(magic)))
      ++magic;
    const bool is_end = n == 0 || (n < kMagicSize && at + n >= info.size);
    at += is_end || n < kMagicSize ? n : magic;
    if (is_end || magic + kMagicSize <= n) break;
  }
  const char* what =
      why.code() == Errc::kInvalid ? "are missing or wrong here: " : "cannot be read: ";
  damage_ = Error(Errc::kInvalid, "lines of " + std::to_string(at - frame_begin_) +
                                      " compressed bytes " + what + std::string(why.message()));
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
    auto block = ReadBefore(std::min<std::uint64_t>(kBlock, begin_));
    if (!block) block = ReadBefore(std::min<std::uint64_t>(PatientReads::kPage, begin_));
    if (!block) return PassHole(block.error());
    buffer_.resize(end_);
    buffer_.insert(0, *block);
    end_ = buffer_.size();
    begin_ -= block->size();
  }
}

Result<std::string> BackwardReader::ReadBefore(std::uint64_t size) {
  std::string block(size, '\0');
  for (std::size_t have = 0; have < size;) {
    TRY(const std::size_t n,
        files_.ReadAt(fd_, std::span(block).subspan(have), begin_ - size + have));
    if (n == 0) return Error(Errc::kIo, "a log file became shorter while it was read");
    have += n;
  }
  return block;
}

// Parts of lines on both sides of the hole go with it.
Error BackwardReader::PassHole(const Error& why) {
  const std::uint64_t end = begin_ + end_;
  PatientReads reads(files_, fd_);
  begin_ -= std::min(reads.Step(), begin_);
  while (begin_ > 0) {
    const auto page = ReadBefore(std::min<std::uint64_t>(PatientReads::kPage, begin_));
    if (!page) {
      begin_ -= std::min(reads.Step(), begin_);
      continue;
    }
    reads.Reset();
    const std::size_t newline = page->rfind('\n');
    begin_ -= page->size();
    if (newline == std::string::npos) continue;
    begin_ += newline + 1;
    break;
  }
  buffer_.clear();
  end_ = 0;
  will_be_partial_ = false;
  return Unreadable(end - begin_, why);
}

}  // namespace tend::rotate
