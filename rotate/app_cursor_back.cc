// Back from the end: for the last lines, and for who wants the latest first.
#include <algorithm>
#include <iterator>
#include <utility>

#include "rotate/app_cursor.h"
#include "rotate/time_search.h"

namespace tend::rotate {
namespace {

// Of TakeLast().
constexpr std::size_t kLastBytesMax = 16 << 20;
// Of one archive without an index, at once.
constexpr std::size_t kCollectedBytesMax = 64 << 20;

}  // namespace

// A line that is just being written is left to those who follow.
Result<std::uint64_t> AppCursor::EndOfActive() {
  TRY(const FileInfo info, files_.StatFd(active_.get()));
  if (info.size == 0) return std::uint64_t{0};
  char last = '\n';
  const auto n = files_.ReadAt(active_.get(), std::span(&last, 1), info.size - 1);
  if (!n || *n == 0 || last == '\n') return info.size;
  BackwardReader tail(files_, active_.get(), info.size);
  const auto unfinished = tail.Previous();
  return info.size - (unfinished && *unfinished ? (*unfinished)->size() : 0);
}

Result<std::uint64_t> AppCursor::EndOfTimes(int fd, std::uint64_t end) const {
  if (!query_.until) return end;
  const Wall behind = *query_.until + std::chrono::nanoseconds(1);
  TRY(const TimePlace place, FindTime(files_, fd, end, app_.name, behind));
  return place.end;
}

// When the lines are too many, the first of them are left to another reading.
Result<> AppCursor::CollectArchive(const Segment& segment, Fd fd) {
  const std::uint64_t end = std::exchange(collect_before_, kAllLines);
  const std::string name = FormatSegmentName(base_, segment.Name());
  SegmentReader reader(files_, std::move(fd), true);
  LineFilter::Place place{LineFilter::Side::kWithin, raw_time_};
  std::size_t bytes = 0;
  const auto keep = [&](std::uint64_t number, StoredLine line) {
    bytes += line.text.size() + sizeof(Collected);
    collected_.push_back({number, std::move(line)});
    for (; bytes > kCollectedBytesMax && collected_.size() > 1; collected_.pop_front()) {
      bytes -= collected_.front().line.text.size() + sizeof(Collected);
      collect_before_ = collected_.front().number + 1;
    }
  };
  std::vector<std::pair<std::uint64_t, std::string>> untold;  // damage, until a line is behind it
  const auto tell = [&] {
    for (const auto& [number, what] : untold)
      keep(number, Damage(name, what, place.time));
    untold.clear();
  };
  for (std::uint64_t number = 0; number < end; ++number) {
    if (number % 1000 == 999 && IsStopped()) return {};
    auto line = reader.Next();
    if (!line && line.error().code() != Errc::kInvalid) return std::move(line).error();
    if (!line) {
      untold.emplace_back(number, line.error().message());
      continue;
    }
    const bool is_end = !*line;
    const auto text = is_end ? reader.TakeTail() : **line;
    if (!is_end || !text.empty()) {
      auto stored = filter_.Take(text, raw_time_, scratch_, place);
      if (stored && reader.is_partial()) stored->flags |= kLinePartial;
      tell();
      if (stored) keep(number, *std::move(stored));
    }
    if (is_end || place.side == LineFilter::Side::kAfter) break;
  }
  tell();
  if (collect_before_ != kAllLines) ahead_.push_back(segment);
  return {};
}

Result<bool> AppCursor::OpenPrevious() {
  if (active_.valid()) {
    TRY(std::uint64_t end, EndOfActive());
    TRY(end, EndOfTimes(active_.get(), end));
    back_fd_ = std::move(active_);
    back_name_ = base_;
    back_place_.time = raw_time_;
    back_ = std::make_unique<BackwardReader>(files_, back_fd_.get(), end);
    return true;
  }
  while (!ahead_.empty()) {
    Segment segment = ahead_.back();
    ahead_.pop_back();
    auto fd = OpenSegment(segment);
    if (!fd && fd.error().code() == Errc::kNotFound) continue;
    raw_time_ = segment.sealed;
    back_name_ = FormatSegmentName(base_, segment.Name());
    back_place_.time = raw_time_;
    if (!fd) {
      OfferLine(
          Damage(back_name_, "cannot be read: " + std::string(fd.error().message()), raw_time_));
      return true;
    }
    if (segment.compressed) {
      TRY_VOID(CollectArchive(segment, *std::move(fd)));
      return true;
    }
    TRY(const FileInfo info, files_.StatFd(fd->get()));
    back_fd_ = *std::move(fd);
    TRY(const std::uint64_t end, EndOfTimes(back_fd_.get(), info.size));
    back_ = std::make_unique<BackwardReader>(files_, back_fd_.get(), end);
    return true;
  }
  return false;
}

Result<> AppCursor::TakeLineBack() {
  const auto line = back_->Previous();
  if (!line && line.error().code() != Errc::kInvalid) return line.error();
  if (!line) {
    OfferLine(Damage(back_name_, line.error().message(), back_place_.time));
    return {};
  }
  if (*line) {
    auto stored = filter_.Take(**line, raw_time_, scratch_, back_place_);
    if (stored && back_->is_partial()) stored->flags |= kLinePartial;
    if (stored) window_.Offer(*std::move(stored), ready_);
  }
  // In a file stamps never go back.
  if (!*line || back_place_.side == LineFilter::Side::kBefore) back_.reset();
  return {};
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
      TRY_VOID(TakeLineBack());
    } else if (!collected_.empty()) {
      StoredLine line = std::move(collected_.back().line);
      collected_.pop_back();
      OfferLine(std::move(line));
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
    TRY(const std::uint64_t times_end, EndOfTimes(current_->fd(), end));
    back_ = std::make_unique<BackwardReader>(files_, current_->fd(), times_end);
    back_name_ = reading_ = base_;
    back_place_.time = place_.time = raw_time_;
    on_active_ = true;
  }
  std::vector<StoredLine> lines;
  std::size_t bytes = 0;
  std::size_t taken = 0;
  while (taken < count && bytes < kLastBytesMax) {
    TRY(const bool more, Retreat());
    if (!more) break;
    bytes += head_->text.size();
    if (!head_->is_damage) ++taken;
    lines.push_back(*std::exchange(head_, std::nullopt));
  }
  was_cut_ = taken < count && bytes >= kLastBytesMax;
  std::reverse(lines.begin(), lines.end());
  back_.reset();
  back_fd_.Reset();
  ready_.clear();
  collected_.clear();
  collect_before_ = kAllLines;
  scans_.clear();
  archive_ = {};
  ahead_.clear();
  window_.Clear();
  return lines;
}

}  // namespace tend::rotate
