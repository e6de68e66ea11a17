#include "rotate/app_cursor.h"

#include <algorithm>
#include <chrono>
#include <iterator>
#include <utility>

#include "rotate/recovery.h"
#include "rotate/time_search.h"

namespace tend::rotate {
namespace {

constexpr int kSurveyTries = 5;

}  // namespace

void ContextWindow::Offer(StoredLine line, std::deque<StoredLine>& out) {
  if (line.is_match) {
    out.insert(out.end(), std::make_move_iterator(before_.begin()),
               std::make_move_iterator(before_.end()));
    before_.clear();
    after_left_ = lines_;
    out.push_back(std::move(line));
  } else if (after_left_ > 0) {
    --after_left_;
    out.push_back(std::move(line));
  } else {
    before_.push_back(std::move(line));
    if (before_.size() > lines_) before_.pop_front();
  }
}

void ContextWindow::Clear() {
  before_.clear();
  after_left_ = 0;
}

AppCursor::AppCursor(Files& files, LogQuery::App app, const LogQuery& query, FrameScanner& scanner)
    : files_(files),
      app_(std::move(app)),
      query_(query),
      filter_(app_, query),
      scanner_(scanner),
      base_(ActiveName(app_.name)),
      window_(query.context) {}

Result<std::vector<Segment>> AppCursor::ListSegments() const {
  auto names = files_.List(app_.folder);
  if (!names && IsNotFound(names.error())) return std::vector<Segment>();
  if (!names) return std::move(names).error();
  return Classify(base_, *names).sealed;
}

Result<> AppCursor::OpenActive() {
  auto fd = files_.OpenRead(app_.folder + '/' + base_);
  if (!fd && IsNotFound(fd.error())) {
    active_.Reset();
    return {};
  }
  if (!fd) return std::move(fd).error();
  TRY(const FileInfo info, files_.StatFd(fd->get()));
  active_ = *std::move(fd);
  inode_ = info.inode;
  raw_time_ = info.modified;
  return {};
}

// The active file is opened before the segments are listed; if it has been sealed in between, it is
// in the list as well, and we look again.
Result<std::vector<Segment>> AppCursor::Survey() {
  for (int tries = 1;; ++tries) {
    TRY_VOID(OpenActive());
    TRY(std::vector<Segment> sealed, ListSegments());
    const auto now = files_.Stat(app_.folder + '/' + base_);
    const bool same = active_.valid() ? now && now->inode == inode_ : !now;
    if (same || tries == kSurveyTries) return sealed;
  }
}

Result<> AppCursor::Start() {
  TRY(const std::vector<Segment> sealed, Survey());
  ahead_.assign(sealed.begin(), sealed.end());
  if (!sealed.empty()) sequence_ = sealed.back().sequence;
  if (query_.since) {
    // A segment's name has whole seconds.
    const auto ends_before = [&](const Segment& segment) {
      return segment.sealed + std::chrono::seconds(1) <= *query_.since;
    };
    while (!ahead_.empty() && ends_before(ahead_.front()))
      ahead_.pop_front();
  }
  return {};
}

Result<Fd> AppCursor::OpenSegment(Segment& segment) const {
  auto fd = files_.OpenRead(app_.folder + '/' + FormatSegmentName(base_, segment.Name()));
  if (fd || segment.compressed || !IsNotFound(fd.error())) return fd;
  // It was compressed since we looked.
  segment.compressed = true;
  return files_.OpenRead(app_.folder + '/' + FormatSegmentName(base_, segment.Name()));
}

Result<std::uint64_t> AppCursor::BeginOf(int fd) const {
  if (!query_.since) return std::uint64_t{0};
  TRY(const FileInfo info, files_.StatFd(fd));
  TRY(const TimePlace place, FindTime(files_, fd, info.size, app_.name, *query_.since));
  return place.begin;
}

Result<bool> AppCursor::OpenNext() {
  while (!ahead_.empty()) {
    Segment segment = ahead_.front();
    ahead_.pop_front();
    auto fd = OpenSegment(segment);
    if (!fd && IsNotFound(fd.error())) continue;  // Pruned meanwhile.
    raw_time_ = segment.sealed;
    place_ = {LineFilter::Side::kWithin, raw_time_};
    reading_ = FormatSegmentName(base_, segment.Name());
    if (!fd) {
      OfferLine(
          Damage(reading_, "cannot be read: " + std::string(fd.error().message()), raw_time_));
      return true;
    }
    TRY(const std::uint64_t begin,
        segment.compressed ? Result<std::uint64_t>(0) : BeginOf(fd->get()));
    current_ = std::make_unique<SegmentReader>(files_, *std::move(fd), segment.compressed, begin);
    on_active_ = false;
    return true;
  }
  if (!active_.valid()) return false;
  place_.time = raw_time_;
  reading_ = base_;
  TRY(const std::uint64_t begin, BeginOf(active_.get()));
  current_ = std::make_unique<SegmentReader>(files_, std::move(active_), false, begin);
  on_active_ = true;
  finishing_ = false;
  return true;
}

Result<bool> AppCursor::OpenArchive(bool backward) {
  while (!ahead_.empty()) {
    Segment& next = backward ? ahead_.back() : ahead_.front();
    if (!next.compressed || (unindexed_ && *unindexed_ == next)) return false;
    Segment segment = next;
    auto fd = OpenSegment(segment);
    const bool is_gone = !fd && IsNotFound(fd.error());
    // Who reads one line after the other tells of what cannot be read.
    if (!fd && !is_gone) return false;
    if (fd) {
      const auto read = ReadArchiveIndex(files_, fd->get());
      const auto index = read ? *read : std::nullopt;
      // A line that goes on in the next frame is for who reads one after the other.
      const auto& frames = index ? index->frames() : std::vector<ArchiveFrame>();
      const bool is_usable = index && std::all_of(frames.begin(), frames.end(), [&](const auto& f) {
                               return f.is_whole || &f == &frames.back();
                             });
      if (!is_usable) {
        unindexed_ = segment;
        return false;
      }
      archive_.file = std::make_shared<const ArchiveFile>(
          ArchiveFile{*std::move(fd), FormatSegmentName(base_, segment.Name()), segment.sealed});
      std::copy_if(frames.begin(), frames.end(), std::back_inserter(archive_.frames),
                   [&](const auto& f) { return filter_.SideOf(f) == LineFilter::Side::kWithin; });
    }
    backward ? ahead_.pop_back() : ahead_.pop_front();
    if (!archive_.frames.empty()) return true;
  }
  return false;
}

Result<> AppCursor::ScanAhead(bool backward) {
  while (scans_.size() < scans_max_) {
    if (archive_.frames.empty()) {
      TRY(const bool opened, OpenArchive(backward));
      if (!opened) return {};
    }
    auto task = std::make_shared<FrameTask>();
    task->archive = archive_.file;
    task->frame = backward ? archive_.frames.back() : archive_.frames.front();
    task->filter = &filter_;
    backward ? archive_.frames.pop_back() : archive_.frames.pop_front();
    scans_.push_back(task);
    scanner_.Scan(std::move(task));
  }
  return {};
}

// In place of lines that cannot be read; those behind them follow.
StoredLine AppCursor::Damage(const std::string& file, std::string_view what, Wall time) const {
  if (query_.since) time = std::max(time, *query_.since);
  if (query_.until) time = std::min(time, *query_.until);
  StoredLine line;
  line.time = time;
  line.stream = Stream::kStderr;
  line.app = app_.name;
  line.text = "[tend: " + file + ": " + std::string(what) + ']';
  line.is_damage = true;
  return line;
}

Result<> AppCursor::TakeScanned(bool backward) {
  const std::shared_ptr<FrameTask> task = std::move(scans_.front());
  scans_.pop_front();
  scanner_.Wait(*task);
  if (task->failed) {
    const ArchiveFrame& frame = task->frame;
    const Wall time =
        frame.is_timed ? (backward ? frame.last : frame.first) : task->archive->raw_time;
    OfferLine(Damage(task->archive->name,
                     "lines of " + std::to_string(frame.text_bytes) +
                         " bytes cannot be read: " + task->failed->message(),
                     time));
    return {};
  }
  if (backward) std::reverse(task->lines.begin(), task->lines.end());
  for (StoredLine& line : task->lines)
    OfferLine(std::move(line));
  return {};
}

void AppCursor::OfferLine(StoredLine line) {
  if (!line.is_damage) return window_.Offer(std::move(line), ready_);
  window_.Clear();
  ready_.push_back(std::move(line));
}

Result<bool> AppCursor::Advance() {
  head_.reset();
  for (std::size_t lines = 1;; ++lines) {
    if (!ready_.empty()) {
      head_ = std::move(ready_.front());
      ready_.pop_front();
      return true;
    }
    if (lines % 1000 == 0 && IsStopped()) return false;
    if (!current_) {
      TRY_VOID(ScanAhead(false));
      if (!scans_.empty()) {
        if (IsStopped()) return false;
        TRY_VOID(TakeScanned(false));
        continue;
      }
      TRY(const bool opened, OpenNext());
      if (!opened) return false;
      continue;
    }
    TRY(const bool more, TakeLine());
    if (more) continue;
    if (on_active_ && !finishing_) {
      if (place_.side != LineFilter::Side::kAfter) return false;
      passed_active_ = true;
    }
    current_.reset();
  }
}

void AppCursor::TellDamage() {
  for (const std::string& what : untold_)
    OfferLine(Damage(reading_, what, place_.time));
  untold_.clear();
}

Result<bool> AppCursor::TakeLine() {
  auto line = current_->Next();
  if (!line && line.error().code() != Errc::kInvalid) return std::move(line).error();
  if (!line) {
    // It has the time of the line behind it.
    untold_.push_back(line.error().message());
    return true;
  }
  const bool is_end = !*line;
  if (is_end && on_active_ && !finishing_) {
    const bool is_told = untold_.empty();
    TellDamage();
    return !is_told;
  }
  const std::string_view text = is_end ? current_->TakeTail() : **line;
  if (!is_end || !text.empty()) {
    auto stored = filter_.Take(text, raw_time_, scratch_, place_);
    TellDamage();
    if (stored && current_->is_partial()) stored->flags |= kLinePartial;
    if (stored) window_.Offer(*std::move(stored), ready_);
  }
  if (is_end) TellDamage();
  return !is_end && place_.side != LineFilter::Side::kAfter;
}

Result<> AppCursor::Refresh() {
  auto info = files_.Stat(app_.folder + '/' + base_);
  // Missing: there is none yet, or it is being sealed just now.
  if (!info && IsNotFound(info.error())) return {};
  if (!info) return std::move(info).error();
  if (passed_active_ && info->inode == inode_) return {};
  if (!current_ || info->inode != inode_) return TakeNewer();
  raw_time_ = info->modified;
  if (info->size < current_->offset()) {
    TRY_VOID(OpenActive());
    current_ = std::make_unique<SegmentReader>(files_, std::move(active_), false);
  }
  return {};
}

// The file that was active, if there was one, has been sealed: it is read to its end, then come
// what was sealed after it and the new active file.
Result<> AppCursor::TakeNewer() {
  const std::uint64_t own_inode = inode_;
  TRY(const std::vector<Segment> sealed, Survey());
  finishing_ = current_ != nullptr;
  bool may_be_own = std::exchange(passed_active_, false) || finishing_;
  for (const Segment& segment : sealed) {
    if (segment.sequence <= sequence_) continue;
    sequence_ = segment.sequence;
    if (std::exchange(may_be_own, false) && IsOwn(segment, own_inode)) continue;
    ahead_.push_back(segment);
  }
  return {};
}

// Whether `segment`, the first that was sealed since, is the file we hold. One that was compressed
// already cannot tell, but nothing else can have been sealed first.
bool AppCursor::IsOwn(const Segment& segment, std::uint64_t inode) const {
  if (segment.compressed) return true;
  const auto info = files_.Stat(app_.folder + '/' + FormatSegmentName(base_, segment.Name()));
  return !info || info->inode == inode;
}

}  // namespace tend::rotate
