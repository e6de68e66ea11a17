#include "rotate/app_log.h"

#include <algorithm>
#include <utility>

#include "rotate/folder_lock.h"
#include "rotate/retention.h"
#include "rotate/segment_name.h"
#include "rotate/zone.h"

namespace tend::rotate {
namespace {

constexpr std::size_t kGroupBytes = 256 << 10;  // that are formatted and written at a time
// The clock may be set, or the machine sleep, while we wait for a time of the day.
constexpr std::chrono::nanoseconds kClockWaitMax = std::chrono::seconds(60);
constexpr std::chrono::nanoseconds kSealRetry = std::chrono::seconds(1);

}  // namespace

AppLog::AppLog(
    Files& files, std::string app, std::string folder, std::string journals, TellFact tell)
    : files_(files),
      app_(std::move(app)),
      folder_(std::move(folder)),
      journals_(std::move(journals)),
      tell_(std::move(tell)) {}

AppLog::Outlet AppLog::MakeOutlet(const std::string& folder,
                                  const std::string& base,
                                  const LineStyle& style) {
  FileSink::Setup setup{.app = app_, .folder = folder, .base = base, .style = style};
  Outlet outlet;
  outlet.sink = std::make_unique<FileSink>(files_, std::move(setup), stats_, tell_);
  return outlet;
}

void AppLog::Configure(const config::LogConfig& limits,
                       const std::vector<ExtraFile>& extras,
                       std::uint64_t file_system_size,
                       Moment now) {
  const bool other_times = limits.rotate != limits_.rotate || limits.timezone != limits_.timezone;
  limits_ = limits;
  if (other_times) SetSchedule();
  owes_ = !FinishOwed();
  std::vector<Outlet> old = std::move(outlets_);
  outlets_.clear();
  const auto reuse = [&](const std::string& path) -> Outlet {
    Outlet same;
    for (Outlet& outlet : old) {
      if (!outlet.sink || outlet.sink->file().path() != path) continue;
      same.sink = std::move(outlet.sink);
      if (!other_times) same.due = outlet.due;
    }
    return same;
  };
  const auto add = [&](const std::string& folder, const std::string& base,
                       const LineStyle& style) -> Outlet& {
    Outlet outlet = reuse(folder + '/' + base);
    const bool is_new = !outlet.sink;
    if (is_new) outlet = MakeOutlet(folder, base, style);
    outlet.sink->SetStyle(style);
    outlet.sink->SetPolicy(limits.on_full, SegmentSizeMax(limits, file_system_size));
    outlet.sink->file().SetSyncAtSeal(limits.fsync != config::kFsyncNever);
    if (is_new && !owes_) outlet.sink->Open(now);
    outlets_.push_back(std::move(outlet));
    return outlets_.back();
  };
  KeepName();
  add(folder_, ActiveName(app_), {.format = limits.format});
  const std::string own_path = main().file().path();
  for (const ExtraFile& extra : extras) {
    const std::size_t slash = extra.path.rfind('/');
    if (slash == std::string::npos || slash + 1 == extra.path.size()) continue;
    if (extra.path == "/dev/null" || extra.path == own_path) continue;
    const auto same = std::find_if(outlets_.begin() + 1, outlets_.end(), [&](const Outlet& o) {
      return o.sink->file().path() == extra.path;
    });
    if (same != outlets_.end()) {
      same->takes.push_back(extra);
      continue;
    }
    add(extra.path.substr(0, slash), extra.path.substr(slash + 1), extra.style)
        .takes.push_back(extra);
  }
}

void AppLog::KeepName() {
  const auto kept = KeepAppName(files_, folder_, app_);
  if (kept.has_value() != told_name_) return;
  told_name_ = !kept;
  const std::string path = AppNamePath(folder_);
  if (kept) return tell_(FactId::kLogWriteResumed, {{"file", path}});
  tell_(FactId::kLogWriteFailed, {{"file", path}, {"error", kept.error().message()}});
}

bool AppLog::Takes(const Outlet& outlet, const RecordBatch& batch) {
  if (outlet.takes.empty()) return true;
  return std::any_of(outlet.takes.begin(), outlet.takes.end(), [&](const ExtraFile& file) {
    const bool stream = batch.stream == Stream::kStdout ? file.out : file.err;
    return stream && (file.slot < 0 || file.slot == batch.worker->slot);
  });
}

bool AppLog::Holds() const {
  return owes_ || std::any_of(outlets_.begin(), outlets_.end(),
                              [](const Outlet& outlet) { return outlet.sink->holds(); });
}

std::size_t AppLog::Pump(std::string& buffer, Moment now) {
  std::size_t done = 0;
  while (!pending_.empty() && !Holds()) {
    std::size_t count = 0;
    for (std::size_t bytes = 0; count < pending_.size() && bytes < kGroupBytes; ++count) {
      bytes += pending_[count]->bytes.size();
    }
    WriteGroup(count, buffer, now);
    for (std::size_t i = 0; i < count; ++i) {
      done += QueuedBytes(*pending_.front());
      pending_.pop_front();
    }
  }
  return done;
}

bool AppLog::FinishOwed() {
  if (!journals_.empty() && !std::exchange(journal_tried_, true)) {
    // Without one, lines are written all the same.
    if (auto journal = WriteJournal::Open(WriteJournal::PathIn(journals_, app_))) {
      journal_ = *std::move(journal);
    }
    owes_ = journal_ && journal_->is_open();
  }
  if (!owes_) return true;
  for (const OwedWrite& owed : journal_->Owed()) {
    const auto written = FinishWrite(files_, *journal_, owed);
    if (written) {
      stats_.bytes_written += *written;
      continue;
    }
    if (limits_.on_full == config::OnFull::kBlock) return false;
    const auto lines =
        static_cast<std::uint64_t>(std::count(owed.text.begin(), owed.text.end(), '\n'));
    stats_.Dropped(DropReason::kWriteError) += lines;
    stats_.bytes_dropped[static_cast<std::size_t>(DropReason::kWriteError)] += owed.text.size();
    tell_(FactId::kLinesDropped,
          {{"file", owed.path},
           {"lines", std::to_string(lines)},
           {"bytes", std::to_string(owed.text.size())},
           {"reason", std::string(DropReasonName(DropReason::kWriteError))}});
    journal_->Settle(owed.part);
  }
  journal_->Close();
  return true;
}

bool AppLog::FinishOwedAndOpen(Moment now) {
  if (!owes_) return true;
  owes_ = !FinishOwed();
  if (owes_) return false;
  for (Outlet& outlet : outlets_) {
    if (!outlet.sink->file().is_open()) outlet.sink->Open(now);
  }
  return true;
}

AppLog::Abandoned AppLog::Abandon() {
  Abandoned abandoned;
  for (const RecordBatchPtr& batch : pending_) {
    abandoned.queued_bytes += QueuedBytes(*batch);
    abandoned.lines += batch->lines.size();
    batch->mark.Consume();
  }
  pending_.clear();
  for (const Outlet& outlet : outlets_)
    abandoned.lines += outlet.sink->held_lines();
  if (journal_ && !journal_->is_open()) journal_->Remove();
  return abandoned;
}

void AppLog::CollectMarks(std::size_t count) {
  marks_.clear();
  for (std::size_t i = count; i > 0; --i) {
    const SpoolMark& mark = pending_[i - 1]->mark;
    const bool is_known =
        !mark.origin || std::any_of(marks_.begin(), marks_.end(), [&](const SpoolMark& known) {
          return known.origin == mark.origin;
        });
    if (!is_known) marks_.push_back(mark);
  }
}

bool AppLog::Announce(std::string_view text) {
  // The end of an earlier line is owed until the disk takes it; it is not replaced.
  if (!journal_ || journal_->is_open() || marks_.empty() || text.empty()) return false;
  parts_.clear();
  for (const Outlet& outlet : outlets_) {
    if (outlet.begin == outlet.end) continue;
    parts_.push_back({outlet.sink->file().path(), outlet.begin, outlet.end});
  }
  return journal_->Begin(text, parts_, marks_);
}

void AppLog::WriteGroup(std::size_t count, std::string& buffer, Moment now) {
  // The first lines after a silence: nobody has looked since.
  const bool first = !std::exchange(written_, true);
  unsynced_ = limits_.fsync > config::kFsyncAtRotation;
  buffer.clear();
  for (Outlet& outlet : outlets_) {
    if (first) outlet.sink->Check(now);
    // What can be written again is announced again.
    outlet.sink->Retry(now);
    SealIfDue(outlet, now);
    outlet.begin = buffer.size();
    outlet.lines = 0;
    for (std::size_t i = 0; i < count; ++i) {
      const RecordBatch& batch = *pending_[i];
      if (!Takes(outlet, batch)) continue;
      outlet.sink->formatter().Append(batch, buffer);
      outlet.lines += batch.lines.size();
    }
    outlet.end = buffer.size();
  }
  CollectMarks(count);
  const bool is_announced = Announce(buffer);
  const auto consume = [this] {
    for (const SpoolMark& mark : marks_)
      mark.Consume();
  };
  if (is_announced) consume();
  std::size_t part = 0;
  for (Outlet& outlet : outlets_) {
    if (outlet.begin == outlet.end) continue;
    const std::string_view text =
        std::string_view(buffer).substr(outlet.begin, outlet.end - outlet.begin);
    const FileSink::Announced announced{is_announced ? journal_.get() : nullptr, part++,
                                        outlet.end};
    outlet.sink->Write(text, outlet.lines, now, announced);
  }
  // A line that may be there twice is better than one that is not there.
  if (!is_announced) consume();
  marks_.clear();
}

void AppLog::NoteLost(const LostLines& lost, Moment now) {
  written_ = true;
  main().NoteLost(lost, now);
}

bool AppLog::Tick(Moment now) {
  bool again = written_ || owes_;
  if (!FinishOwedAndOpen(now)) return true;
  if (!written_ && journal_) journal_->Shrink();
  for (Outlet& outlet : outlets_) {
    FileSink& sink = *outlet.sink;
    // One that recovers now has something to tell, too.
    again = again || sink.failing();
    if (sink.failing()) {
      sink.Retry(now);
    } else if (written_) {
      sink.Check(now);
    }
    SealIfDue(outlet, now);
  }
  if (again) LookAtFolder();
  written_ = false;
  SyncIfDue(now);
  return again;
}

void AppLog::LookAtFolder() {
  if (!lock_.valid()) return;
  const auto held = files_.StatFd(lock_.get());
  const auto there = files_.Stat(folder_);
  const bool is_same =
      held && there && held->device == there->device && held->inode == there->inode;
  const bool is_failing = std::any_of(outlets_.begin(), outlets_.end(),
                                      [](const Outlet& outlet) { return outlet.sink->failing(); });
  if (is_same && !is_failing) return;
  lock_.Reset();
  if (!is_failing) HoldFolder();
}

void AppLog::HoldFolder() {
  if (lock_.valid()) return;
  auto lock = LockFolder(folder_);
  if (lock) {
    lock_ = *std::move(lock);
    return;
  }
  // What a worker writes comes first: it is written all the same.
  if (lock.error().code() != Errc::kBusy || std::exchange(told_shared_, true)) return;
  tell_(FactId::kLogShared, {{"error", lock.error().message()}});
}

void AppLog::SetSchedule() {
  schedule_.reset();
  if (limits_.rotate.empty()) return;
  auto schedule = Schedule::Parse(limits_.rotate);
  auto zone = FindZone(limits_.timezone);
  if (!zone) {
    // The machine's own is often not said; a name was checked, and its file has gone since.
    tell_(FactId::kLogScheduleFailed, {{"error", zone.error().message()}, {"instead", "UTC"}});
    zone = ZoneOffsets([](Wall) { return OffsetSpan{}; });
  }
  if (!schedule) {
    return tell_(FactId::kLogScheduleFailed, {{"error", schedule.error().message()}});
  }
  schedule_ = *std::move(schedule);
  zone_ = *std::move(zone);
}

void AppLog::SealIfDue(Outlet& outlet, Moment now) {
  LogFile& file = outlet.sink->file();
  if (!schedule_ || !file.is_open() || outlet.sink->failing()) return;
  if (!outlet.due) {
    // What lies there from before may be due already.
    const Wall since = std::min(file.written_before().value_or(now.wall), now.wall);
    outlet.due = schedule_->Next(since, zone_);
  }
  if (now.wall < *outlet.due) return;
  // One that cannot be sealed now is tried again.
  if (file.active_bytes() > 0 && !file.Seal(RotateReason::kTime, now)) return;
  outlet.due = schedule_->Next(now.wall, zone_);
}

void AppLog::SyncIfDue(Moment now) {
  if (!unsynced_ || now.mono < next_sync_) return;
  Sync();
  unsynced_ = false;
  next_sync_ = now.mono + limits_.fsync;
}

Mono AppLog::NextDue(Moment now) const {
  Mono next = unsynced_ ? next_sync_ : Mono::max();
  for (const Outlet& outlet : outlets_) {
    if (!outlet.due || outlet.sink->file().active_bytes() == 0) continue;
    // One that is overdue could not be sealed.
    const std::chrono::nanoseconds wait =
        *outlet.due > now.wall ? *outlet.due - now.wall : kSealRetry;
    next = std::min(next, now.mono + std::min(wait, kClockWaitMax));
  }
  return next;
}

Result<> AppLog::Seal(Moment now) {
  for (Outlet& outlet : outlets_) {
    if (!outlet.sink->file().is_open()) continue;
    TRY_VOID(outlet.sink->file().Seal(RotateReason::kManual, now));
  }
  return {};
}

Result<> AppLog::Reopen(Moment now) {
  if (!FinishOwedAndOpen(now)) {
    return Error(Errc::kBusy, "earlier lines of " + app_ + " cannot be written yet");
  }
  for (Outlet& outlet : outlets_)
    TRY_VOID(outlet.sink->ReopenNow(now));
  return {};
}

Result<> AppLog::Clear() {
  for (Outlet& outlet : outlets_)
    TRY_VOID(outlet.sink->file().Clear());
  return {};
}

void AppLog::Sync() {
  if (limits_.fsync == config::kFsyncNever) return;
  for (Outlet& outlet : outlets_)
    outlet.sink->file().Sync();
}

void AppLog::Refresh() {
  KeepName();
  // A folder that cannot be read now is read the next time.
  for (Outlet& outlet : outlets_)
    (void)outlet.sink->file().Refresh();
}

std::vector<LogFile*> AppLog::files() {
  std::vector<LogFile*> files;
  for (Outlet& outlet : outlets_)
    files.push_back(&outlet.sink->file());
  return files;
}

void AppLog::SetDiskLow(std::uint64_t device, bool low, Moment now) {
  for (Outlet& outlet : outlets_) {
    const std::uint64_t own = outlet.sink->file().device();
    if (own == device || own == 0) outlet.sink->SetDiskLow(low, now);
  }
}

AppLogStats AppLog::Stats() const {
  AppLogStats stats = stats_;
  for (const Outlet& outlet : outlets_) {
    const LogFile& file = outlet.sink->file();
    stats.failing = stats.failing || outlet.sink->failing();
    if (file.is_open()) ++stats.active.files;
    stats.active.bytes += file.active_bytes();
    for (const Segment& segment : file.sealed()) {
      FileCount& count = segment.compressed ? stats.compressed : stats.rotated;
      ++count.files;
      count.bytes += segment.bytes;
    }
  }
  stats.limit_bytes = limits_.max_total;
  stats.lines_written = outlets_.empty() ? 0 : outlets_.front().sink->lines_written();
  return stats;
}

}  // namespace tend::rotate
