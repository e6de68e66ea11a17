#include "rotate/segment_list.h"

#include <algorithm>
#include <utility>

#include "rotate/recovery.h"
#include "rotate/segment_name.h"

namespace tend::rotate {
namespace {

constexpr int kSurveyTries = 5;
constexpr std::size_t kMarkMax = 256;
constexpr std::size_t kGoneMax = 1000;
constexpr std::size_t kCountBlock = 256 << 10;

KnownSegment* Find(std::vector<KnownSegment>& segments, const Segment& wanted) {
  const auto at = std::find_if(segments.begin(), segments.end(), [&](const KnownSegment& known) {
    return !known.is_active && !known.is_taken && known.sequence == wanted.sequence &&
           known.sealed == wanted.sealed;
  });
  return at == segments.end() ? nullptr : &*at;
}

KnownSegment* FindActive(std::vector<KnownSegment>& segments) {
  const auto at = std::find_if(segments.begin(), segments.end(),
                               [](const KnownSegment& known) { return known.is_active; });
  return at == segments.end() ? nullptr : &*at;
}

void Inherit(KnownSegment& segment, const KnownSegment& from) {
  segment.order = from.order;
  segment.inode = from.inode;
  segment.counted_bytes = from.counted_bytes;
  segment.counted_lines = from.counted_lines;
  segment.is_counted = from.is_counted;
  segment.mark = from.mark;
}

}  // namespace

std::uint64_t MarkOf(std::string_view text) {
  const std::size_t newline = text.substr(0, kMarkMax).find('\n');
  if (newline == std::string_view::npos && text.size() < kMarkMax) return 0;
  std::uint64_t hash = 0xcbf29ce484222325;  // FNV-1a
  for (const char c : text.substr(0, std::min(newline, kMarkMax))) {
    hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3;
  }
  return hash == 0 ? 1 : hash;
}

SegmentList::SegmentList(Files& files, std::string app, std::string folder, TextBuffer& buffer)
    : files_(files), folder_(std::move(folder)), base_(ActiveName(app)), buffer_(buffer) {}

std::string SegmentList::PathOf(const KnownSegment& segment) const {
  if (segment.is_active) return folder_ + '/' + base_;
  const Segment sealed{
      .sequence = segment.sequence, .sealed = segment.sealed, .compressed = segment.compressed};
  return folder_ + '/' + FormatSegmentName(base_, sealed.Name());
}

Result<std::optional<FileInfo>> SegmentList::StatActive() const {
  auto info = files_.Stat(folder_ + '/' + base_);
  if (info) return std::optional(*info);
  if (IsNotFound(info.error())) return std::optional<FileInfo>();
  return std::move(info).error();
}

void SegmentList::AddGone(const KnownSegment& segment) {
  if (segment.counted_bytes == 0 && (segment.is_active || segment.is_taken)) return;
  const std::uint64_t lines = std::max<std::uint64_t>(segment.counted_lines, 1);
  if (gone_.size() < kGoneMax) {
    gone_.push_back({segment.order, segment.counted_bytes, lines});
    return;
  }
  // A position is in one of the first, as the oldest go first.
  gone_.back().bytes += segment.counted_bytes;
  gone_.back().lines += lines;
}

void SegmentList::DropTaken(std::uint64_t kept_inode) {
  std::erase_if(segments_, [&](const KnownSegment& segment) {
    const bool is_dropped = segment.is_taken && segment.inode != kept_inode;
    if (is_dropped) AddGone(segment);
    return is_dropped;
  });
}

void SegmentList::Emptied(KnownSegment& segment) {
  AddGone(segment);
  segment.order = ++last_order_;
  segment.counted_bytes = segment.counted_lines = segment.mark = 0;
}

// Whether the active file of before became this one. An archive cannot tell, but what was sealed
// first since then is most likely that.
bool SegmentList::IsSame(const KnownSegment& sealed, const KnownSegment& active) const {
  if (sealed.compressed) return true;
  const auto info = files_.Stat(PathOf(sealed));
  return info && info->inode == active.inode;
}

Result<> SegmentList::Survey() {
  std::optional<FileInfo> active;
  Inventory inventory;
  for (int tries = 1;; ++tries) {
    TRY(active, StatActive());
    auto names = files_.List(folder_);
    if (!names && !IsNotFound(names.error())) return std::move(names).error();
    inventory = names ? Classify(base_, *names) : Inventory();
    TRY(const std::optional<FileInfo> again, StatActive());
    const bool same =
        active.has_value() == again.has_value() && (!active || active->inode == again->inode);
    if (same || tries == kSurveyTries) break;
  }
  std::vector<KnownSegment> before = std::exchange(segments_, {});
  std::optional<KnownSegment> was_active;
  if (KnownSegment* known = FindActive(before)) {
    was_active = *known;
    before.erase(before.begin() + (known - before.data()));
  }
  bool is_placed = !was_active || (active && active->inode == was_active->inode);
  for (const Segment& segment : inventory.sealed) {
    KnownSegment known{
        .sequence = segment.sequence, .sealed = segment.sealed, .compressed = segment.compressed};
    if (KnownSegment* old = Find(before, segment)) {
      Inherit(known, *old);
      before.erase(before.begin() + (old - before.data()));
    } else if (!is_placed && IsSame(known, *was_active)) {
      Inherit(known, *was_active);
      is_placed = true;
    }
    if (known.order == 0) known.order = ++last_order_;
    segments_.push_back(known);
  }
  // One that is being sealed is written to until the new file is there.
  if (!active && !segments_.empty()) segments_.back().is_final = false;
  for (const KnownSegment& old : before) {
    if (old.is_taken) {
      segments_.push_back(old);
    } else {
      AddGone(old);
    }
  }
  if (!is_placed) {
    was_active->is_active = false;
    was_active->is_taken = was_active->is_final = true;
    segments_.push_back(*was_active);
  }
  if (!active) return {};
  KnownSegment now{.sequence = inventory.sequence_max + 1, .is_active = true, .is_final = false};
  now.inode = active->inode;
  if (was_active && was_active->inode == active->inode) {
    now.sequence = std::max(now.sequence, was_active->sequence);
    Inherit(now, *was_active);
    if (active->size < now.counted_bytes) Emptied(now);
  }
  if (now.order == 0) now.order = ++last_order_;
  segments_.push_back(now);
  return {};
}

Result<bool> SegmentList::Refresh() {
  KnownSegment* known = FindActive(segments_);
  TRY(const std::optional<FileInfo> active, StatActive());
  if (known == nullptr || !active || active->inode != known->inode) {
    TRY_VOID(Survey());
    return true;
  }
  if (active->size < known->counted_bytes) Emptied(*known);
  return false;
}

Result<std::unique_ptr<SegmentText>> SegmentList::Open(KnownSegment& segment) {
  if (segment.is_taken) return Error(Errc::kNotFound, "a log file that was taken away");
  auto fd = files_.OpenRead(PathOf(segment));
  if (!fd && IsNotFound(fd.error()) && !segment.is_active && !segment.compressed) {
    // It was compressed since we looked.
    KnownSegment archive = segment;
    archive.compressed = true;
    fd = files_.OpenRead(PathOf(archive));
    segment.compressed = fd.has_value();
  }
  if (!fd) return std::move(fd).error();
  if (segment.is_active) {
    TRY(const FileInfo info, files_.StatFd(fd->get()));
    if (info.inode != segment.inode) return Error(Errc::kNotFound, "a log file that was sealed");
  }
  return SegmentText::Open(files_, *std::move(fd), segment.compressed, buffer_);
}

Result<bool> SegmentList::CheckMark(KnownSegment& segment, SegmentText& text) {
  // Only what is written to can become another.
  if (segment.mark != 0 && !segment.is_active) return true;
  TRY(const SegmentText::Piece piece, text.At(0, kMarkMax));
  const std::uint64_t mark = MarkOf(piece.text);
  if (segment.mark == mark || segment.mark == 0) {
    segment.mark = mark;
    return true;
  }
  Emptied(segment);
  segment.mark = mark;
  return false;
}

Result<> SegmentList::Count(KnownSegment& segment, SegmentText& text, std::uint64_t& bytes_max) {
  std::uint64_t at = segment.counted_bytes;
  while (bytes_max > 0) {
    TRY(const SegmentText::Piece piece, text.At(at, kCountBlock));
    if (piece.is_end()) {
      segment.is_counted = segment.is_final;
      return {};
    }
    bytes_max -= std::min<std::uint64_t>(bytes_max, piece.end - at);
    if (const std::size_t last = piece.text.rfind('\n'); last != std::string_view::npos) {
      const std::string_view lines = piece.text.substr(0, last + 1);
      segment.counted_lines +=
          static_cast<std::uint64_t>(std::count(lines.begin(), lines.end(), '\n'));
      segment.counted_bytes = at + lines.size();
    } else if (piece.lost > 0) {
      ++segment.counted_lines;
      segment.counted_bytes = piece.end;
    }
    at = piece.end;
  }
  return {};
}

}  // namespace tend::rotate
