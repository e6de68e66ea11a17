#include "rotate/app_cursor.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "rotate/line_format.h"
#include "rotate/recovery.h"

namespace tend::rotate {
namespace {

constexpr std::size_t kCollectedBytesMax = 16 << 20;
constexpr int kSurveyTries = 5;

bool IsNotFound(const Error& error) {
  return error.code() == Errc::kNotFound;
}

char Lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

bool Contains(std::string_view text, std::string_view word, bool ignore_case) {
  if (!ignore_case) return text.find(word) != std::string_view::npos;
  return std::search(text.begin(), text.end(), word.begin(), word.end(),
                     [](char a, char b) { return Lower(a) == Lower(b); }) != text.end();
}

}  // namespace

AppCursor::AppCursor(Files& files, LogQuery::App app, const LogQuery& query)
    : files_(files), app_(std::move(app)), query_(query), base_(ActiveName(app_.name)) {}

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

Result<bool> AppCursor::OpenNext() {
  while (!ahead_.empty()) {
    Segment segment = ahead_.front();
    ahead_.pop_front();
    auto fd = OpenSegment(segment);
    if (!fd && IsNotFound(fd.error())) continue;  // Pruned meanwhile.
    if (!fd) return std::move(fd).error();
    raw_time_ = segment.sealed;
    current_ = std::make_unique<SegmentReader>(files_, *std::move(fd), segment.compressed);
    on_active_ = false;
    return true;
  }
  if (!active_.valid()) return false;
  current_ = std::make_unique<SegmentReader>(files_, std::move(active_), false);
  on_active_ = true;
  finishing_ = false;
  return true;
}

std::optional<StoredLine> AppCursor::Match(std::string_view line) {
  const ParsedLine parsed = ParseLine(app_.name, line, scratch_);
  const Wall time = parsed.has_time ? parsed.time : raw_time_;
  before_ = query_.since && time < *query_.since;
  after_ = query_.until && time > *query_.until;
  if (before_ || after_) return std::nullopt;
  if (!(parsed.stream == Stream::kStdout ? query_.out : query_.err)) return std::nullopt;
  if (!app_.slots.empty() && parsed.slot >= 0 &&
      std::find(app_.slots.begin(), app_.slots.end(), parsed.slot) == app_.slots.end()) {
    return std::nullopt;
  }
  if (query_.matches) {
    if (query_.matches(parsed.text) == query_.invert) return std::nullopt;
  } else if (!query_.contains.empty() &&
             Contains(parsed.text, query_.contains, query_.ignore_case) == query_.invert) {
    return std::nullopt;
  }
  StoredLine stored;
  stored.time = time;
  stored.stream = parsed.stream;
  stored.flags = parsed.flags;
  stored.app = app_.name;
  stored.slot = parsed.slot;
  stored.text = parsed.text;
  return stored;
}

Result<bool> AppCursor::Advance() {
  head_.reset();
  for (;;) {
    if (!current_) {
      TRY(const bool opened, OpenNext());
      if (!opened) return false;
    }
    auto line = current_->Next();
    if (!line) {
      // An archive that is damaged ends where the damage begins.
      if (line.error().code() != Errc::kInvalid) return std::move(line).error();
      current_.reset();
      continue;
    }
    if (*line) {
      head_ = Match(**line);
      if (head_) return true;
      continue;
    }
    if (on_active_ && !finishing_) return false;
    const std::string_view tail = current_->TakeTail();
    if (!tail.empty()) head_ = Match(tail);
    current_.reset();
    if (head_) return true;
  }
}

Result<> AppCursor::Refresh() {
  auto info = files_.Stat(app_.folder + '/' + base_);
  // Missing: there is none yet, or it is being sealed just now.
  if (!info && IsNotFound(info.error())) return {};
  if (!info) return std::move(info).error();
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
  bool may_be_own = finishing_;
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

Result<> AppCursor::CollectPlain(int fd,
                                 std::uint64_t end,
                                 std::size_t count,
                                 std::deque<StoredLine>& lines) {
  BackwardReader reader(files_, fd, end);
  while (lines.size() < count && collected_bytes_ < kCollectedBytesMax) {
    TRY(const auto line, reader.Previous());
    if (!line) return {};
    auto stored = Match(*line);
    if (before_) return {};
    if (!stored) continue;
    collected_bytes_ += stored->text.size();
    lines.push_front(*std::move(stored));
  }
  return {};
}

Result<> AppCursor::CollectArchive(Fd fd, std::size_t count, std::deque<StoredLine>& lines) {
  SegmentReader reader(files_, std::move(fd), true);
  std::deque<StoredLine> found;
  std::size_t bytes = collected_bytes_;
  for (;;) {
    auto line = reader.Next();
    if (!line && line.error().code() != Errc::kInvalid) return std::move(line).error();
    if (!line || !*line) break;
    auto stored = Match(**line);
    if (after_) break;
    if (!stored) continue;
    bytes += stored->text.size();
    found.push_back(*std::move(stored));
    while (!found.empty() && (found.size() > count - lines.size() || bytes > kCollectedBytesMax)) {
      bytes -= found.front().text.size();
      found.pop_front();
    }
  }
  collected_bytes_ = bytes;
  lines.insert(lines.begin(), std::make_move_iterator(found.begin()),
               std::make_move_iterator(found.end()));
  return {};
}

Result<std::vector<StoredLine>> AppCursor::TakeLast(std::size_t count) {
  std::deque<StoredLine> lines;
  if (active_.valid()) {
    TRY(const FileInfo info, files_.StatFd(active_.get()));
    // A line that is just being written is left to those who follow.
    std::uint64_t end = info.size;
    BackwardReader tail(files_, active_.get(), end);
    char last = '\n';
    if (end > 0) {
      TRY(const std::size_t n, files_.ReadAt(active_.get(), std::span(&last, 1), end - 1));
      if (n == 1 && last != '\n') {
        TRY(const auto unfinished, tail.Previous());
        if (unfinished) end -= unfinished->size();
      }
    }
    TRY_VOID(CollectPlain(active_.get(), end, count, lines));
    current_ = std::make_unique<SegmentReader>(files_, std::move(active_), false, end);
    on_active_ = true;
  }
  while (!ahead_.empty() && !before_ && lines.size() < count &&
         collected_bytes_ < kCollectedBytesMax) {
    Segment segment = ahead_.back();
    ahead_.pop_back();
    auto fd = OpenSegment(segment);
    if (!fd && IsNotFound(fd.error())) continue;
    if (!fd) return std::move(fd).error();
    raw_time_ = segment.sealed;
    if (segment.compressed) {
      TRY_VOID(CollectArchive(*std::move(fd), count, lines));
      continue;
    }
    TRY(const FileInfo info, files_.StatFd(fd->get()));
    TRY_VOID(CollectPlain(fd->get(), info.size, count, lines));
  }
  ahead_.clear();
  return std::vector<StoredLine>(std::make_move_iterator(lines.begin()),
                                 std::make_move_iterator(lines.end()));
}

}  // namespace tend::rotate
