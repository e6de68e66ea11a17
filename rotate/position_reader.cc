#include "rotate/position_reader.h"

#include <algorithm>
#include <utility>

namespace tend::rotate {
namespace {

constexpr int kTriesMax = 16;  // until a call leaves the rest to the next
constexpr std::size_t kBlockMin = 4 << 10, kBlockMax = 256 << 10;
constexpr std::size_t kStampReach = 4 << 10;

std::uint64_t Less(std::uint64_t from, std::uint64_t what) {
  return from > what ? from - what : 0;
}

}  // namespace

PositionReader::PositionReader(Files& files,
                               std::string app,
                               std::string folder,
                               TextBuffer& buffer)
    : files_(files), app_(app), list_(files, std::move(app), std::move(folder), buffer) {}

bool PositionReader::Opened::Is(const KnownSegment& segment) const {
  if (!text) return false;
  if (inode != 0 && inode == segment.inode) return true;
  return !segment.is_active && !segment.is_taken && sequence == segment.sequence &&
         sealed == segment.sealed;
}

Result<LinePosition> PositionReader::Begin() {
  TRY_VOID(list_.Survey());
  const auto& segments = list_.segments();
  return LinePosition{.sequence = segments.empty() ? 0 : segments.front().sequence};
}

Result<SegmentText*> PositionReader::OpenSegment(KnownSegment& segment) {
  if (open_.Is(segment)) return open_.text.get();
  TRY(auto text, list_.Open(segment));
  open_ = {std::move(text), segment.sequence, segment.inode, segment.sealed};
  return open_.text.get();
}

Result<bool> PositionReader::Fits(KnownSegment& segment, const LinePosition& position) {
  if (!segment.is_active && segment.mark != 0 && segment.mark != position.mark) return false;
  auto text = OpenSegment(segment);
  // What cannot be read at all has to be what its name says.
  if (!text && !IsNotFound(text.error()) && !segment.is_active) {
    return segment.sequence == position.sequence;
  }
  if (!text) return std::move(text).error();
  TRY_VOID(list_.CheckMark(segment, **text));
  if (segment.mark != position.mark) return false;
  if ((*text)->compressed()) return true;
  TRY(const FileInfo info, files_.StatFd((*text)->fd()));
  return info.size >= position.offset;
}

// Nothing: no segment that is there has `from` in it.
Result<std::optional<std::size_t>> PositionReader::FindSegment(const LinePosition& from) {
  auto& segments = list_.segments();
  const auto has_number = [&](const KnownSegment& segment) {
    return segment.sequence == from.sequence;
  };
  // Which it was the last time is known, whatever its number has become.
  for (std::size_t i = 0; i < segments.size(); ++i) {
    KnownSegment& segment = segments[i];
    const bool is_known = from == last_ && segment.order == found_;
    if (is_known && from.offset == 0) return std::optional(i);
    if (segment.is_taken && segment.mark == from.mark && from.offset > 0) return std::optional(i);
    if (!is_known || segment.is_taken) continue;
    TRY(const bool fits, Fits(segment, from));
    if (fits) return std::optional(i);
  }
  for (std::size_t i = segments.size(); i-- > 0;) {
    if (segments[i].is_taken || !has_number(segments[i])) continue;
    if (from.offset == 0) return std::optional(i);
    TRY(const bool fits, Fits(segments[i], from));
    if (fits) return std::optional(i);
  }
  if (from.offset == 0) return std::optional<std::size_t>();
  // Its number was a guess while it was active, or numbers began anew since.
  for (std::size_t i = segments.size(); i-- > 0;) {
    if (segments[i].is_taken || has_number(segments[i])) continue;
    TRY(const bool fits, Fits(segments[i], from));
    if (fits) return std::optional(i);
  }
  return std::optional<std::size_t>();
}

Result<PositionReader::Place> PositionReader::Find(const LinePosition& from) {
  TRY(const std::optional<std::size_t> found, FindSegment(from));
  const auto& segments = list_.segments();
  if (found) {
    Place place{from, found};
    place.position.sequence = segments[*found].sequence;
    return place;
  }
  std::uint64_t sealed_max = 0;
  for (const KnownSegment& segment : segments) {
    if (!segment.is_active) sealed_max = std::max(sealed_max, segment.sequence);
  }
  const bool is_anew = sealed_max + 1 < from.sequence;
  for (std::size_t i = 0; i < segments.size(); ++i) {
    const KnownSegment& segment = segments[i];
    if (segment.is_taken) continue;
    if (is_anew || segment.is_active || segment.sequence >= from.sequence) {
      return Place{{.sequence = segment.sequence}, i};
    }
  }
  return Place{from, std::nullopt};
}

void PositionReader::TakeOne(
    std::string_view line, bool goes_on, std::uint64_t end, Wall raw_time, const Take& take) {
  ParsedLine parsed = ParseLine(app_, line, scratch_);
  if (!parsed.has_time) parsed.time = raw_time;
  if (goes_on) parsed.flags |= kLinePartial;
  take(parsed, end);
}

Result<PositionReader::Cut> PositionReader::CutLines(SegmentText& text,
                                                     const KnownSegment& segment,
                                                     std::uint64_t from,
                                                     std::size_t bytes_max,
                                                     const Take& take) {
  Wall raw_time = segment.sealed;
  if (!segment.is_final) {
    TRY(const FileInfo info, files_.StatFd(text.fd()));
    raw_time = info.modified;
  }
  Cut cut{.end = from};
  line_.clear();
  const auto end_line = [&](std::string_view line, bool goes_on, std::uint64_t end) {
    if (!line_.empty()) line = line_.append(line);
    TakeOne(line, goes_on, end, raw_time, take);
    line_.clear();
    ++cut.lines;
    cut.end = end;
  };
  for (std::uint64_t at = from; cut.end - from < bytes_max;) {
    TRY(const SegmentText::Piece piece, text.At(at, std::clamp(bytes_max, kBlockMin, kBlockMax)));
    if (piece.is_end()) {
      if (!line_.empty() && segment.is_final) end_line({}, false, at);
      break;
    }
    if (piece.lost > 0) {
      // One after the other: first the lines in front of it.
      if (cut.lines > 0) break;
      return Cut{.end = piece.end, .lines = 0, .lost = piece.end - from};
    }
    std::string_view rest = piece.text;
    while (!rest.empty() && cut.end - from < bytes_max) {
      const std::size_t newline = rest.find('\n');
      if (newline == std::string_view::npos) break;
      end_line(rest.substr(0, newline), false, piece.end - rest.size() + newline + 1);
      rest.remove_prefix(newline + 1);
    }
    if (cut.end - from >= bytes_max) break;
    line_.append(rest);
    at = piece.end;
    if (line_.size() >= kLineMax) end_line({}, true, at);
  }
  return cut;
}

// What is owed, and what of the segments that are gone was behind `from`, which is in the one found
// last.
PositionReader::Loss PositionReader::GoneBehind(const LinePosition& from) {
  Loss loss = owed_;
  for (const GoneSegment& gone : list_.gone()) {
    if (gone.order < found_) continue;
    const bool is_own = gone.order == found_;
    loss.bytes += Less(gone.bytes, is_own ? from.offset : 0);
    loss.lines += Less(gone.lines, is_own ? from.lines : 0);
  }
  return loss;
}

// What is left of `segment`, which nobody can read, or whose lines are fewer than there were.
void PositionReader::Leave(KnownSegment& segment,
                           bool is_unread,
                           LinePosition& at,
                           Passage& passage) {
  const std::uint64_t lines = Less(segment.counted_lines, at.lines);
  passage.lost_lines += is_unread ? std::max<std::uint64_t>(lines, 1) : lines;
  passage.lost_bytes += is_unread ? Less(segment.counted_bytes, at.offset) : 0;
  auto& segments = list_.segments();
  const auto next = static_cast<std::size_t>(&segment - segments.data()) + 1;
  const std::uint64_t number = next < segments.size() ? segments[next].sequence : at.sequence + 1;
  if (segment.is_taken) {
    segments.erase(segments.begin() + static_cast<std::ptrdiff_t>(next - 1));
  }
  open_ = {};
  last_.reset();
  at = {.sequence = number};
}

Result<PositionReader::Step> PositionReader::Advance(LinePosition& at,
                                                     std::size_t bytes_max,
                                                     const Take& take,
                                                     Passage& passage) {
  TRY(const Place place, Find(at));
  owed_ = GoneBehind(at);
  list_.gone().clear();
  if (!place.segment) return Step::kEnd;
  KnownSegment& segment = list_.segments()[*place.segment];
  found_ = segment.order;
  const auto text = OpenSegment(segment);
  if (!text && (segment.is_active || IsNotFound(text.error()))) return text.error();
  // Numbers are missing of which nobody knows what they had.
  const std::uint64_t expected = at.sequence + (at.offset > 0 ? 1 : 0);
  if (passage.lost_lines + owed_.lines == 0 && place.position.offset == 0 && at.sequence > 0 &&
      place.position.sequence > expected) {
    passage.lost_lines = 1;
  }
  at = place.position;
  last_ = at;
  Cut cut{.end = at.offset};
  if (text) {
    TRY(cut, CutLines(**text, segment, at.offset, bytes_max, take));
  }
  if (cut.lines == 0 && cut.lost == 0) {
    if (!segment.is_final) return Step::kEnd;
    Leave(segment, !text, at, passage);
    return Step::kOn;
  }
  passage.begin = at;
  passage.lost_bytes += cut.lost;
  if (cut.lost > 0) ++passage.lost_lines;
  if (segment.mark == 0) TRY_VOID(list_.CheckMark(segment, **text));
  at = {segment.sequence, cut.end, at.lines + std::max<std::uint64_t>(cut.lines, 1), segment.mark};
  if (segment.counted_bytes < at.offset) {
    segment.counted_bytes = at.offset;
    segment.counted_lines = at.lines;
  }
  return cut.lines > 0 ? Step::kTaken : Step::kOn;
}

void PositionReader::TellOwed(Passage& passage) {
  passage.lost_bytes += owed_.bytes;
  passage.lost_lines += owed_.lines;
  owed_ = {};
}

Result<PositionReader::Passage> PositionReader::Read(const LinePosition& from,
                                                     std::size_t bytes_max,
                                                     const Take& take) {
  TRY_VOID(list_.Refresh());
  Passage passage;
  LinePosition at = from;
  bool has_looked = false;
  for (int tries = 0; tries < kTriesMax; ++tries) {
    list_.DropTaken(open_.inode);
    const auto step = Advance(at, bytes_max, take, passage);
    if (!step && !IsNotFound(step.error())) return step.error();
    if (!step) {
      TRY_VOID(list_.Survey());
      continue;
    }
    if (*step == Step::kTaken) {
      TellOwed(passage);
      passage.end = at;
      return passage;
    }
    if (*step == Step::kOn) continue;
    // It may have been sealed meanwhile, with lines that came after the last look.
    TRY(const bool changed, list_.Refresh());
    if (!changed || std::exchange(has_looked, true)) {
      passage.at_end = true;
      break;
    }
  }
  TellOwed(passage);
  passage.begin = passage.end = at;
  return passage;
}

Result<std::optional<Wall>> PositionReader::StampAt(KnownSegment& segment,
                                                    bool is_own,
                                                    std::uint64_t offset) {
  std::unique_ptr<SegmentText> other;
  SegmentText* text = nullptr;
  if (is_own) {
    TRY(text, OpenSegment(segment));
  } else {
    TRY(other, list_.Open(segment));
    text = other.get();
  }
  TRY(const SegmentText::Piece piece, text->At(offset, kStampReach));
  if (piece.text.empty()) return std::optional<Wall>();
  const ParsedLine parsed = ParseLine(app_, piece.text.substr(0, piece.text.find('\n')), scratch_);
  if (parsed.has_time) return std::optional(parsed.time);
  if (segment.is_final) return std::optional(segment.sealed);
  TRY(const FileInfo info, files_.StatFd(text->fd()));
  return std::optional(info.modified);
}

Result<PositionReader::Waiting> PositionReader::CountBehind(const LinePosition& from) {
  TRY(const bool changed, list_.Refresh());
  auto place = Find(from);
  const bool is_behind =
      place && place->segment && !list_.segments()[*place->segment].is_active && !changed;
  if (is_behind || (!place && IsNotFound(place.error()))) {
    // Segments may have been removed.
    TRY_VOID(list_.Survey());
    place = Find(from);
  }
  if (!place) return std::move(place).error();
  if (found_ == 0 && place->segment) found_ = list_.segments()[*place->segment].order;
  const Loss loss = GoneBehind(from);
  Waiting waiting{.lines = loss.lines, .bytes = loss.bytes, .oldest = {}};
  std::uint64_t bytes_max = kCountMax;
  auto& segments = list_.segments();
  for (std::size_t i = place->segment.value_or(segments.size()); i < segments.size(); ++i) {
    KnownSegment& segment = segments[i];
    const bool is_own = i == *place->segment;
    if (!segment.is_counted && bytes_max > 0) {
      TRY_VOID(CountOne(segment, is_own, bytes_max));
    }
    waiting.lines += Less(segment.counted_lines, is_own ? place->position.lines : 0);
    waiting.bytes += Less(segment.counted_bytes, is_own ? place->position.offset : 0);
    if (waiting.lines == 0 || waiting.oldest) continue;
    const LinePosition first{segment.sequence, is_own ? place->position.offset : 0, 0,
                             segment.mark};
    if (first != stamped_ || !oldest_) {
      const auto stamp = StampAt(segment, is_own, first.offset);
      oldest_ = stamp ? *stamp : std::nullopt;
      stamped_ = first;
    }
    waiting.oldest = oldest_;
  }
  return waiting;
}

// What cannot be opened is not counted; reading tells of it.
Result<> PositionReader::CountOne(KnownSegment& segment, bool is_own, std::uint64_t& bytes_max) {
  if (is_own) {
    const auto text = OpenSegment(segment);
    return text ? list_.Count(segment, **text, bytes_max) : Result<>();
  }
  const auto text = list_.Open(segment);
  return text ? list_.Count(segment, **text, bytes_max) : Result<>();
}

}  // namespace tend::rotate
