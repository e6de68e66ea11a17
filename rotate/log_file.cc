#include "rotate/log_file.h"

#include <algorithm>
#include <cerrno>
#include <chrono>

#include "base/check.h"
#include "rotate/recovery.h"

namespace tend::rotate {
namespace {

constexpr unsigned kFolderMode = 0750;
constexpr unsigned kFileMode = 0640;
constexpr auto kSealRetry = std::chrono::seconds(1);
constexpr std::size_t kWriteMax = 1 << 20;     // bytes a write(2)
constexpr std::uint64_t kUnseenMax = 4 << 20;  // bytes between two looks at the path

}  // namespace

LogFile::LogFile(
    Files& files, std::string folder, std::string base, AppLogStats& stats, const TellFact& tell)
    : files_(files),
      folder_(std::move(folder)),
      base_(std::move(base)),
      stats_(stats),
      tell_(tell) {}

Result<> LogFile::Open() {
  TRY_VOID(files_.MakeDirectories(folder_, kFolderMode));
  if (!recovered_) {
    TRY(Inventory inventory, Recover(files_, folder_, base_));
    sealed_ = std::move(inventory.sealed);
    next_sequence_ = inventory.sequence_max + 1;
    recovered_ = true;
  }
  return OpenActive();
}

Result<> LogFile::OpenActive() {
  TRY(Fd fd, files_.OpenAppend(path(), kFileMode));
  TRY(const FileInfo info, files_.StatFd(fd.get()));
  std::uint64_t size = info.size;
  if (info.is_regular) {
    auto completed = CompleteLastLine(files_, fd.get(), path(), size);
    // A file that we may write but not read keeps whatever end it has.
    if (!completed && completed.error().code() != Errc::kPermission) {
      return std::move(completed).error();
    }
    if (completed && *completed) ++size;
    auto line = Result<std::string>(std::string());
    if (size > 0) {
      line = ReadLastLine(files_, path());
    } else if (!sealed_.empty() && !sealed_.back().compressed) {
      line = ReadLastLine(files_, folder_ + '/' + FormatSegmentName(base_, sealed_.back().Name()));
    }
    // Only the stamps' order depends on it, and the clock nearly always sees to that.
    if (line) last_line_ = *std::move(line);
  }
  fd_ = std::move(fd);
  is_regular_ = info.is_regular;
  inode_ = info.inode;
  device_ = info.device;
  size_ = seen_ = is_regular_ ? size : 0;
  written_before_.reset();
  if (size_ > 0) written_before_ = info.modified;
  displaced_ = nameless_ = false;
  at_line_end_ = true;
  step_ = SealStep::kNone;
  return {};
}

std::size_t LogFile::FittingPrefix(std::string_view lines, std::uint64_t size_max) const {
  if (!is_regular_) return lines.size();
  const std::uint64_t room = size_max > size_ ? size_max - size_ : 0;
  if (lines.size() <= room) return lines.size();
  const std::size_t end = room == 0 ? std::string_view::npos : lines.rfind('\n', room - 1);
  if (end != std::string_view::npos) return end + 1;
  if (size_ > 0 && at_line_end_) return 0;
  // A single line that is larger than a segment, or the end of one that has been begun.
  const std::size_t line_end = lines.find('\n');
  return line_end == std::string_view::npos ? lines.size() : line_end + 1;
}

LogFile::Appended LogFile::Append(std::string_view lines,
                                  std::uint64_t size_max,
                                  Moment now,
                                  const Announce& announce) {
  TEND_CHECK(is_open());
  Appended done;
  if (auto finished = FinishLine(); !finished) {
    done.error = std::move(finished).error();
    return done;
  }
  if (step_ != SealStep::kNone && now.mono >= seal_retry_) (void)Advance(now);
  if (size_ > seen_ + kUnseenMax) {
    auto checked = CheckPath(now);
    if (!checked && at_risk()) {
      done.error = std::move(checked).error();
      return done;
    }
  }
  while (done.bytes < lines.size()) {
    const std::string_view left = lines.substr(done.bytes);
    std::size_t size = FittingPrefix(left, size_max);
    if (size == 0) {
      // When the file cannot be sealed, a segment that is too long is better than a lost line.
      if (step_ == SealStep::kNone && now.mono >= seal_retry_ && Seal(RotateReason::kSize, now)) {
        continue;
      }
      size = left.size();
    }
    if (announce) announce({device_, inode_, size_}, left.size());
    std::size_t taken = 0;
    done.error = Write(left.substr(0, size), taken);
    done.bytes += taken;
    if (done.error) return done;
  }
  return done;
}

std::optional<Error> LogFile::Write(std::string_view lines, std::size_t& taken) {
  while (taken < lines.size()) {
    auto n = files_.Write(fd_.get(), lines.substr(taken, kWriteMax));
    if (n && *n > 0) {
      taken += *n;
      size_ += *n;
      stats_.bytes_written += *n;
      at_line_end_ = lines[taken - 1] == '\n';
      continue;
    }
    if (taken > 0 && !at_line_end_) {
      const std::size_t line_end = lines.find('\n', taken);
      const std::size_t end = line_end == std::string_view::npos ? lines.size() : line_end + 1;
      rest_ = lines.substr(taken, end - taken);
      taken = end;
    }
    return n ? SysError("write", ENOSPC) : std::move(n).error();
  }
  return std::nullopt;
}

Result<> LogFile::FinishLine() {
  while (!rest_.empty()) {
    TRY(const std::size_t n, files_.Write(fd_.get(), rest_));
    if (n == 0) return SysError("write", ENOSPC);
    size_ += n;
    stats_.bytes_written += n;
    at_line_end_ = rest_[n - 1] == '\n';
    rest_.erase(0, n);
  }
  return {};
}

Result<> LogFile::Seal(RotateReason reason, Moment now) {
  TEND_CHECK(is_open());
  if (!is_regular_) return {};
  if (step_ == SealStep::kNone) {
    TRY_VOID(FinishLine());
    if (size_ == 0) return {};
    step_ = SealStep::kSync;
    seal_reason_ = reason;
  }
  return Advance(now);
}

Result<> LogFile::Advance(Moment now) {
  Result<> done;
  while (done && step_ != SealStep::kNone) {
    switch (step_) {
      case SealStep::kNone:
        break;
      case SealStep::kSync:
        if (sync_at_seal_) Sync();
        step_ = SealStep::kRename;
        break;
      case SealStep::kRename:
        done = SealByRename(now);
        break;
      case SealStep::kCreate: {
        auto made = files_.CreateNew(path(), kFileMode);
        if (!made && made.error().code() == Errc::kExists) {
          made = files_.OpenAppend(path(), kFileMode);
        }
        if (!made) {
          done = std::move(made).error();
          break;
        }
        auto info = files_.StatFd(made->get());
        if (!info) {
          done = std::move(info).error();
          break;
        }
        sealed_.back().bytes = size_;
        fd_ = *std::move(made);
        inode_ = info->inode;
        size_ = seen_ = info->size;
        written_before_.reset();
        at_line_end_ = true;
        step_ = SealStep::kSyncFolder;
        break;
      }
      case SealStep::kSyncFolder:
        // Without it a power cut may bring back the old name: recovery goes on from there.
        if (sync_at_seal_) (void)files_.SyncDirectory(folder_);
        step_ = SealStep::kNone;
        break;
    }
  }
  if (!done) seal_retry_ = now.mono + kSealRetry;
  return done;
}

Result<> LogFile::SealByRename(Moment now) {
  auto info = files_.Stat(path());
  if (!info && !IsNotFound(info.error())) return std::move(info).error();
  if (!info || !IsOurs(*info)) {
    step_ = SealStep::kNone;
    return Replace();
  }
  const Wall sealed_at = std::chrono::floor<std::chrono::seconds>(std::max(now.wall, not_before_));
  for (;;) {
    const Segment segment{.sequence = next_sequence_, .sealed = sealed_at, .bytes = size_};
    auto renamed =
        files_.RenameNoReplace(path(), folder_ + '/' + FormatSegmentName(base_, segment.Name()));
    if (!renamed && renamed.error().code() == Errc::kExists) {
      ++next_sequence_;
      continue;
    }
    if (!renamed && !IsNotFound(renamed.error())) return renamed;
    if (!renamed) {
      // Somebody took the file away; CheckPath makes it anew.
      step_ = SealStep::kNone;
      return renamed;
    }
    ++next_sequence_;
    sealed_.push_back(segment);
    ++stats_.rotations[static_cast<std::size_t>(seal_reason_)];
    tell_(FactId::kLogRotated, {{"file", FormatSegmentName(base_, segment.Name())},
                                {"bytes", std::to_string(size_)},
                                {"reason", std::string(RotateReasonName(seal_reason_))}});
    step_ = SealStep::kCreate;
    return {};
  }
}

Result<> LogFile::CheckPath(Moment now) {
  if (!is_open() || !is_regular_) return {};
  if (step_ != SealStep::kNone) {
    if (now.mono < seal_retry_) return {};
    return Advance(now);
  }
  auto info = files_.Stat(path());
  if (!info && !IsNotFound(info.error())) return std::move(info).error();
  if (!info || !IsOurs(*info)) return Replace();
  displaced_ = false;
  if (info->size < size_) {
    at_line_end_ = true;
    tell_(FactId::kLogFileTaken, {{"file", path()}, {"what", "emptied"}});
  }
  size_ = seen_ = info->size;
  return {};
}

Result<> LogFile::Replace() {
  TRY(const FileInfo own, files_.StatFd(fd_.get()));
  nameless_ = own.links == 0;
  std::string unseen;
  if (nameless_) {
    TRY(unseen, Unseen());
  } else if (!FinishLine() && !at_line_end_) {
    // The end of a line belongs to the file that has its beginning.
    ++stats_.Dropped(DropReason::kWriteError);
    rest_.erase(0, rest_.find('\n') + 1);
  }
  if (!std::exchange(displaced_, true)) {
    ++stats_.rotations[static_cast<std::size_t>(RotateReason::kExternal)];
    tell_(FactId::kLogFileTaken, {{"file", path()},
                                  {"what", nameless_ ? "removed" : "moved"},
                                  {"written_again", std::to_string(unseen.size())}});
  }
  TRY_VOID(files_.MakeDirectories(folder_, kFolderMode));
  TRY_VOID(OpenActive());
  rest_.insert(0, unseen);
  // A folder that cannot be read now is read the next time.
  (void)Refresh();
  return FinishLine();
}

// The lines that were written since the file was last seen.
Result<std::string> LogFile::Unseen() const {
  if (size_ <= seen_) return std::string();
  TRY(const Fd reader, files_.OpenRead("/proc/self/fd/" + std::to_string(fd_.get())));
  // From one byte before: it tells whether a line starts here.
  const std::uint64_t begin = seen_ - (seen_ > 0 ? 1 : 0);
  std::string bytes(size_ - begin, '\0');
  std::size_t done = 0;
  while (done < bytes.size()) {
    TRY(const std::size_t n,
        files_.ReadAt(reader.get(), std::span(bytes).subspan(done), begin + done));
    if (n == 0) break;  // Emptied before it was removed.
    done += n;
  }
  bytes.resize(done);
  if (begin < seen_) bytes.erase(0, std::min(bytes.find('\n'), bytes.size() - 1) + 1);
  return bytes;
}

Result<> LogFile::Clear() {
  const std::vector<Segment> all(sealed().begin(), sealed().end());
  for (const Segment& segment : all) {
    TRY_VOID(Remove(segment.sequence, "flush"));
  }
  rest_.clear();
  if (!is_open() || !is_regular_) return {};
  TRY_VOID(files_.Truncate(fd_.get(), 0));
  size_ = seen_ = 0;
  at_line_end_ = true;
  return {};
}

void LogFile::Sync() {
  if (!is_open() || !is_regular_) return;
  // The kernel tells of a write-back error once, and trying again would hide it; the lines are in
  // its cache either way, so that everything goes on.
  const auto synced = files_.Sync(fd_.get());
  if (synced) return;
  tell_(FactId::kLogSyncFailed, {{"file", path()}, {"error", synced.error().message()}});
}

Result<> LogFile::Refresh() {
  // The segment that is being sealed is still written to and not to be seen.
  if (!recovered_ || step_ != SealStep::kNone) return {};
  TRY(Inventory inventory, TakeInventory(files_, folder_, base_));
  sealed_ = std::move(inventory.sealed);
  next_sequence_ = std::max(next_sequence_, inventory.sequence_max + 1);
  return {};
}

Result<> LogFile::Remove(std::uint64_t sequence, std::string_view reason) {
  for (const Segment& segment : sealed()) {
    if (segment.sequence != sequence) continue;
    // An interrupted compression may have left both forms.
    for (const auto kind : {SegmentKind::kSealed, SegmentKind::kCompressed}) {
      auto gone =
          files_.Unlink(folder_ + '/' + FormatSegmentName(base_, {kind, segment.sealed, sequence}));
      if (!gone && !IsNotFound(gone.error())) return gone;
    }
    tell_(FactId::kLogPruned, {{"file", FormatSegmentName(base_, segment.Name())},
                               {"bytes", std::to_string(segment.bytes)},
                               {"reason", std::string(reason)}});
    break;
  }
  Forget(sequence);
  return {};
}

void LogFile::MarkCompressed(std::uint64_t sequence, std::uint64_t bytes) {
  for (Segment& segment : sealed_) {
    if (segment.sequence != sequence) continue;
    segment.compressed = true;
    segment.bytes = bytes;
  }
}

void LogFile::Forget(std::uint64_t sequence) {
  sealed_.erase(std::remove_if(sealed_.begin(), sealed_.end(),
                               [&](const Segment& s) { return s.sequence == sequence; }),
                sealed_.end());
}

std::uint64_t LogFile::bytes() const {
  std::uint64_t sum = size_;
  for (const Segment& segment : sealed_)
    sum += segment.bytes;
  return sum;
}

}  // namespace tend::rotate
