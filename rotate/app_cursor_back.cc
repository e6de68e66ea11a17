// Back from the end: for the last lines, and for who wants the latest first.
#include <algorithm>
#include <iterator>
#include <utility>

#include "rotate/app_cursor.h"

namespace tend::rotate {
namespace {

// Of TakeLast().
constexpr std::size_t kLastBytesMax = 16 << 20;
// Of one archive without an index.
constexpr std::size_t kCollectedBytesMax = 64 << 20;

}  // namespace

// A line that is just being written is left to those who follow.
Result<std::uint64_t> AppCursor::EndOfActive() {
  TRY(const FileInfo info, files_.StatFd(active_.get()));
  if (info.size == 0) return std::uint64_t{0};
  char last = '\n';
  TRY(const std::size_t n, files_.ReadAt(active_.get(), std::span(&last, 1), info.size - 1));
  if (n == 0 || last == '\n') return info.size;
  BackwardReader tail(files_, active_.get(), info.size);
  TRY(const auto unfinished, tail.Previous());
  return info.size - (unfinished ? unfinished->size() : 0);
}

Result<> AppCursor::CollectArchive(Fd fd) {
  SegmentReader reader(files_, std::move(fd), true);
  std::size_t bytes = 0;
  for (std::size_t lines = 1; lines % 1000 != 0 || !IsStopped(); ++lines) {
    auto line = reader.Next();
    if (!line && line.error().code() != Errc::kInvalid) return std::move(line).error();
    if (!line) return {};
    const bool is_end = !*line;
    const std::string_view text = is_end ? reader.TakeTail() : **line;
    LineFilter::Side side{};
    if (!is_end || !text.empty()) {
      auto stored = filter_.Take(text, raw_time_, scratch_, side);
      if (stored) {
        bytes += stored->text.size() + sizeof(StoredLine);
        collected_.push_back(*std::move(stored));
      }
    }
    while (bytes > kCollectedBytesMax) {
      if (query_.reverse) return Error(Errc::kLimit, "an archive without an index is too large");
      bytes -= collected_.front().text.size() + sizeof(StoredLine);
      collected_.pop_front();
    }
    if (is_end || side == LineFilter::Side::kAfter) return {};
  }
  return {};
}

Result<bool> AppCursor::OpenPrevious() {
  if (active_.valid()) {
    TRY(const std::uint64_t end, EndOfActive());
    back_fd_ = std::move(active_);
    back_ = std::make_unique<BackwardReader>(files_, back_fd_.get(), end);
    return true;
  }
  while (!ahead_.empty()) {
    Segment segment = ahead_.back();
    ahead_.pop_back();
    auto fd = OpenSegment(segment);
    if (!fd && fd.error().code() == Errc::kNotFound) continue;
    if (!fd) return std::move(fd).error();
    raw_time_ = segment.sealed;
    if (segment.compressed) {
      TRY_VOID(CollectArchive(*std::move(fd)));
      return true;
    }
    TRY(const FileInfo info, files_.StatFd(fd->get()));
    back_fd_ = *std::move(fd);
    back_ = std::make_unique<BackwardReader>(files_, back_fd_.get(), info.size);
    return true;
  }
  return false;
}

Result<bool> AppCursor::Retreat() {
  head_.reset();
  for (std::size_t lines = 1;; ++lines) {
    if (!ready_.empty()) {
      head_ = std::move(ready_.front());
      ready_.pop_front();
      return true;
    }
    if (lines % 1000 == 0 && IsStopped()) return false;
    if (back_) {
      TRY(const auto line, back_->Previous());
      LineFilter::Side side{};
      if (line) {
        auto stored = filter_.Take(*line, raw_time_, scratch_, side);
        if (stored) window_.Offer(*std::move(stored), ready_);
      }
      // In a file stamps never go back.
      if (!line || side == LineFilter::Side::kBefore) back_.reset();
    } else if (!collected_.empty()) {
      window_.Offer(std::move(collected_.back()), ready_);
      collected_.pop_back();
    } else {
      if (!active_.valid()) TRY_VOID(ScanAhead(true));
      if (scans_.empty()) {
        TRY(const bool opened, OpenPrevious());
        if (!opened) return false;
      } else {
        if (IsStopped()) return false;
        TRY_VOID(TakeScanned(true));
      }
    }
  }
}

Result<std::vector<StoredLine>> AppCursor::TakeLast(std::size_t count) {
  if (active_.valid()) {
    TRY(const std::uint64_t end, EndOfActive());
    current_ = std::make_unique<SegmentReader>(files_, std::move(active_), false, end);
    back_ = std::make_unique<BackwardReader>(files_, current_->fd(), end);
    on_active_ = true;
  }
  std::vector<StoredLine> lines;
  std::size_t bytes = 0;
  while (lines.size() < count && bytes < kLastBytesMax) {
    TRY(const bool more, Retreat());
    if (!more) break;
    bytes += head_->text.size();
    lines.push_back(*std::exchange(head_, std::nullopt));
  }
  std::reverse(lines.begin(), lines.end());
  back_.reset();
  back_fd_.Reset();
  ready_.clear();
  collected_.clear();
  scans_.clear();
  archive_ = {};
  ahead_.clear();
  window_.Clear();
  return lines;
}

}  // namespace tend::rotate
