#include "rotate/disk_worker.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "rotate/mount_point.h"

namespace tend::rotate {
namespace {

using std::chrono::seconds;

constexpr auto kTick = seconds(1);
// For each segment of a file but the newest that is not compressed, writing waits so long after
// each turn, and with it, through full pipes, the workers that write so much.
constexpr std::chrono::nanoseconds kCatchUp = std::chrono::milliseconds(20);
constexpr std::chrono::nanoseconds kCatchUpMax = std::chrono::milliseconds(100);
// The free space is looked at again after so many bytes, or sooner than it could be used up.
constexpr std::uint64_t kMeasureBytes = 256 << 10;
constexpr auto kHousekeeping = seconds(60);
constexpr auto kCompressRetry = seconds(60);
constexpr auto kCommitRetry = seconds(1);
constexpr std::size_t kBufferKeepBytes = 2 << 20;

Error NoSuchApp(const std::string& app) {
  return Error(Errc::kNotFound, "no log of an app \"" + app + "\" is open");
}

}  // namespace

DiskWorker::DiskWorker(Files& files, Options options, Hooks hooks)
    : files_(files), options_(std::move(options)), hooks_(std::move(hooks)) {}

DiskWorker::~DiskWorker() {
  if (job_) job_->work.Abandon();
}

AppLog* DiskWorker::Find(const std::string& app) {
  const auto at = apps_.find(app);
  return at == apps_.end() ? nullptr : at->second.get();
}

void DiskWorker::Configure(const std::string& app,
                           const config::LogConfig& limits,
                           const std::vector<ExtraFile>& extras,
                           Moment now) {
  AppLog* log = Find(app);
  if (log == nullptr) {
    const TellFact tell = [this, app](FactId id, FactFields fields) {
      if (id == FactId::kLogRotated) {
        rotated_ = true;
        next_tick_ = {};  // There may be something to remove or to compress.
      }
      changed_.insert(app);
      Fact fact;
      fact.id = id;
      fact.app = app;
      fact.fields = std::move(fields);
      hooks_.tell(std::move(fact));
    };
    auto made = std::make_unique<AppLog>(files_, app, options_.folder + '/' + SafeAppName(app),
                                         options_.journals, tell);
    log = made.get();
    apps_.emplace(app, std::move(made));
  }
  if (!space_) {
    // An error shows when the app's own folder is made.
    (void)files_.MakeDirectories(options_.folder, 0750);
    MeasureSpace(now);
  }
  // Its files may be other objects afterwards.
  DropJobOf(log, nullptr, std::nullopt);
  log->Configure(limits, extras, space_ ? space_->size : 0, now);
  if (options_.locks) log->HoldFolder();
  changed_.insert(app);
  rotated_ = true;
  next_tick_ = now.mono;
}

void DiskWorker::Close(const std::string& app, Moment now) {
  AppLog* log = Find(app);
  if (log == nullptr) return;
  Pump(*log, now);
  log->Sync();
  const AppLog::Abandoned abandoned = log->Abandon();
  lines_without_app_ += abandoned.lines;
  if (abandoned.queued_bytes > 0) hooks_.released(app, abandoned.queued_bytes);
  DropJobOf(log, nullptr, std::nullopt);
  apps_.erase(app);
  changed_.insert(app);
}

void DiskWorker::Write(const std::string& app,
                       const std::vector<RecordBatchPtr>& batches,
                       Moment now) {
  AppLog* log = Find(app);
  if (log == nullptr) {
    std::size_t bytes = 0;
    for (const RecordBatchPtr& batch : batches) {
      bytes += QueuedBytes(*batch);
      lines_without_app_ += batch->lines.size();
      batch->mark.Consume();
    }
    hooks_.released(app, bytes);
    return;
  }
  for (const RecordBatchPtr& batch : batches)
    log->Take(batch);
  Pump(*log, now);
  next_tick_ = std::min(next_tick_, now.mono + kTick);
}

void DiskWorker::Pump(AppLog& app, Moment now) {
  const std::size_t bytes = app.Pump(buffer_, now);
  if (bytes > 0) hooks_.released(app.name(), bytes);
  if (buffer_.capacity() > kBufferKeepBytes) std::string().swap(buffer_);
  changed_.insert(app.name());
  unmeasured_bytes_ += bytes;
  if (unmeasured_bytes_ >= measure_after_bytes_) next_tick_ = now.mono;
}

void DiskWorker::NoteLost(const std::string& app, const LostLines& lost, Moment now) {
  AppLog* log = Find(app);
  if (log == nullptr) {
    lines_without_app_ += lost.lines;
    return;
  }
  log->NoteLost(lost, now);
  changed_.insert(app);
  next_tick_ = std::min(next_tick_, now.mono + kTick);
}

Result<> DiskWorker::Flush(const std::string& app) {
  AppLog* log = Find(app);
  if (log == nullptr) return NoSuchApp(app);
  DropJobOf(log, nullptr, std::nullopt);
  changed_.insert(app);
  return log->Clear();
}

Result<> DiskWorker::Rotate(const std::string& app, Moment now) {
  AppLog* log = Find(app);
  if (log == nullptr) return NoSuchApp(app);
  changed_.insert(app);
  next_tick_ = now.mono;
  return log->Seal(now);
}

Result<> DiskWorker::Reopen(const std::string& app, Moment now) {
  AppLog* log = Find(app);
  if (log == nullptr) return NoSuchApp(app);
  changed_.insert(app);
  return log->Reopen(now);
}

void DiskWorker::SyncAll() {
  for (auto& entry : apps_)
    entry.second->Sync();
}

void DiskWorker::Finish(Moment now) {
  if (rotated_) Prune(now);
  SyncAll();
}

Mono DiskWorker::Tick(Moment now) {
  if (now.mono < next_tick_) return next_tick_;
  bool active = false;
  for (auto& entry : apps_) {
    AppLog& app = *entry.second;
    const bool again = app.Tick(now);
    if (app.has_pending()) Pump(app, now);
    if (again) changed_.insert(entry.first);
    active = active || again || app.has_pending();
  }
  const bool housekeeping = now.mono >= next_housekeeping_;
  const bool measure = unmeasured_bytes_ >= measure_after_bytes_;
  if (active || disk_low_ || housekeeping || measure) MeasureSpace(now);
  if (housekeeping) {
    for (auto& entry : apps_) {
      entry.second->Refresh();
      if (options_.locks) entry.second->HoldFolder();
    }
    next_housekeeping_ = now.mono + kHousekeeping;
  }
  if (rotated_ || housekeeping || BytesToFree() > 0) Prune(now);
  next_compress_.reset();
  if (!job_) ChooseJob(now);

  Mono next = active || disk_low_ || job_ ? now.mono + kTick : Mono::max();
  for (const auto& entry : apps_)
    next = std::min(next, entry.second->NextDue(now));
  if (next_compress_) next = std::min(next, *next_compress_);
  const bool has_sealed = std::any_of(apps_.begin(), apps_.end(), [](const auto& entry) {
    for (const LogFile* file : entry.second->files()) {
      if (!file->sealed().empty()) return true;
    }
    return false;
  });
  if (has_sealed) next = std::min(next, next_housekeeping_);
  next_tick_ = next;
  return next;
}

void DiskWorker::MeasureSpace(Moment now) {
  unmeasured_bytes_ = 0;
  measure_after_bytes_ = kMeasureBytes;
  auto space = files_.Space(options_.folder);
  if (!space) return;
  space_ = *space;
  measure_after_bytes_ = std::max(kMeasureBytes, Above(space_->available, Floor()) / 2);
  if (const auto info = files_.Stat(options_.folder)) {
    const bool is_other = std::exchange(device_, info->device) != info->device;
    if (is_other || mount_point_.empty())
      mount_point_ = FindMountPoint(files_, options_.folder, device_);
  }
  disk_low_ = false;
  for (auto& entry : apps_) {
    const bool low = space_->available < FreeFloor(entry.second->limits().min_free, space_->size);
    entry.second->SetDiskLow(device_, low, now);
    disk_low_ = disk_low_ || low;
  }
}

// Of the apps' floors, the highest.
std::uint64_t DiskWorker::Floor() const {
  std::uint64_t floor = 0;
  for (const auto& entry : apps_)
    floor = std::max(floor, FreeFloor(entry.second->limits().min_free, space_->size));
  return floor;
}

std::uint64_t DiskWorker::BytesToFree() const {
  if (!space_) return 0;
  const std::uint64_t floor = Floor();
  bool full = false;
  for (const auto& entry : apps_)
    full = full || entry.second->main().disk_full();
  // A quota is not seen in the free space: then one segment at a time goes.
  return std::max<std::uint64_t>(Above(floor, space_->available), full ? 1 : 0);
}

std::vector<Consumer> DiskWorker::Consumers() {
  std::vector<Consumer> consumers;
  for (auto& entry : apps_) {
    Consumer consumer;
    const std::vector<LogFile*> files = entry.second->files();
    for (std::size_t i = 0; i < files.size(); ++i) {
      consumer.bytes += files[i]->bytes();
      for (const Segment& segment : files[i]->sealed()) {
        consumer.candidates.push_back({.segment = segment, .app = entry.first, .file = i});
      }
    }
    consumers.push_back(std::move(consumer));
  }
  return consumers;
}

void DiskWorker::Prune(Moment now) {
  rotated_ = false;
  for (auto& entry : apps_) {
    const config::LogConfig& limits = entry.second->limits();
    const std::vector<LogFile*> files = entry.second->files();
    for (std::size_t i = 0; i < files.size(); ++i) {
      Remove(ExpireByLimits(entry.first, i, files[i]->sealed(), limits.max_age, limits.max_files,
                            now.wall));
    }
  }
  std::vector<Consumer> consumers = Consumers();
  std::size_t at = 0;
  for (auto& entry : apps_) {
    const std::uint64_t max_total = entry.second->limits().max_total;
    const Consumer& one = consumers[at++];
    if (max_total == 0 || one.bytes <= max_total) continue;
    Remove(ExpireToFree({one}, one.bytes - max_total, ExpireReason::kBytes));
  }
  consumers = Consumers();
  std::uint64_t bytes = 0;
  for (const Consumer& consumer : consumers)
    bytes += consumer.bytes;
  if (options_.logs_total > 0 && bytes > options_.logs_total) {
    const auto expired =
        ExpireToFree(std::move(consumers), bytes - options_.logs_total, ExpireReason::kBytes);
    for (const Expired& gone : Remove(expired)) {
      ++apps_.at(gone.app)->counters().expired_at_total;
      ++expired_at_limit_;
    }
  }
  if (const std::uint64_t excess = BytesToFree(); excess > 0) {
    Remove(ExpireToFree(Consumers(), excess, ExpireReason::kDiskLow));
    MeasureSpace(now);
  }
}

std::vector<Expired> DiskWorker::Remove(const std::vector<Expired>& expired) {
  std::vector<Expired> removed;
  for (const Expired& segment : expired) {
    AppLog& app = *apps_.at(segment.app);
    LogFile* file = app.files()[segment.file];
    DropJobOf(&app, file, segment.sequence);
    changed_.insert(segment.app);
    // One that cannot be removed is tried again with the next housekeeping.
    if (file->Remove(segment.sequence, ExpireReasonName(segment.reason))) {
      ++app.counters().expired_files[static_cast<std::size_t>(segment.reason)];
      removed.push_back(segment);
    }
  }
  return removed;
}

void DiskWorker::ChooseJob(Moment now) {
  compress_queue_ = 0;
  AppLog* app = nullptr;
  LogFile* file = nullptr;
  Segment chosen;
  for (auto& entry : apps_) {
    const config::LogConfig& limits = entry.second->limits();
    if (!limits.compress) continue;
    for (LogFile* candidate : entry.second->files()) {
      const auto sealed = candidate->sealed();
      for (const Segment& segment : sealed) {
        if (segment.compressed) continue;
        ++compress_queue_;
        // A tailer may still read the newest one; the clock may have been set back.
        const bool newest = segment.sequence == sealed.back().sequence;
        const auto wait =
            std::min(limits.compress_delay,
                     std::chrono::nanoseconds(segment.sealed + limits.compress_delay - now.wall));
        if (newest && wait.count() > 0) {
          const Mono due = now.mono + wait;
          next_compress_ = next_compress_ ? std::min(*next_compress_, due) : due;
          continue;
        }
        if (file != nullptr && segment.sealed >= chosen.sealed) continue;
        app = entry.second.get();
        file = candidate;
        chosen = segment;
      }
    }
  }
  if (file == nullptr) {
    compressor_.Release();
    return;
  }
  if (now.mono < compress_after_) {
    next_compress_ = next_compress_ ? std::min(*next_compress_, compress_after_) : compress_after_;
    return;
  }
  CompressJob::Target target{.folder = file->folder(),
                             .base = file->base(),
                             .segment = chosen,
                             .level = app->limits().compress_level};
  job_.reset(
      new Job{app, file, CompressJob(files_, compressor_, std::move(target)), now.mono, now.mono});
}

std::chrono::nanoseconds DiskWorker::SliceTime() const {
  std::ptrdiff_t behind = 0;
  for (const auto& entry : apps_) {
    for (const LogFile* file : entry.second->files()) {
      const auto sealed = file->sealed();
      const auto newest_compressed =
          std::find_if(sealed.rbegin(), sealed.rend(),
                       [](const Segment& segment) { return segment.compressed; });
      behind = std::max(behind, newest_compressed - sealed.rbegin());
    }
  }
  return std::min(kCatchUpMax, kCatchUp * std::max<std::ptrdiff_t>(behind - 1, 0));
}

void DiskWorker::Slice(Moment now) {
  auto stepped = job_->work.Step();
  if (!stepped) return JobFailed(stepped.error(), now);
  if (!*stepped) return;
  AppLogStats& counters = job_->app->counters();
  counters.compress_in_bytes += job_->work.bytes_in();
  counters.compress_out_bytes += job_->work.bytes_out();
  ++compressed_files_;
  compress_times_.Add(std::chrono::duration<double>(now.mono - job_->began).count());
  job_->file->MarkCompressed(job_->work.segment().sequence, job_->work.bytes_out());
  changed_.insert(job_->app->name());
  job_.reset();
  next_tick_ = now.mono;
}

void DiskWorker::JobFailed(const Error& error, Moment now) {
  if (job_->work.committed()) {
    job_->retry_at = now.mono + kCommitRetry;
    return;
  }
  job_->work.Abandon();
  const Segment segment = job_->work.segment();
  const std::string name = FormatSegmentName(job_->file->base(), segment.Name());
  if (error.code() == Errc::kNotFound) {
    job_->file->Forget(segment.sequence);
  } else {
    ++job_->app->counters().compress_failures;
    compress_after_ = now.mono + kCompressRetry;
    Fact fact;
    fact.id = FactId::kLogCompressFailed;
    fact.app = job_->app->name();
    fact.fields = {{"file", name}, {"error", error.message()}};
    hooks_.tell(std::move(fact));
  }
  changed_.insert(job_->app->name());
  job_.reset();
  next_tick_ = now.mono;
}

void DiskWorker::DropJobOf(const AppLog* app,
                           const LogFile* file,
                           std::optional<std::uint64_t> sequence) {
  if (!job_ || job_->app != app) return;
  if (file != nullptr && job_->file != file) return;
  if (sequence && job_->work.segment().sequence != *sequence) return;
  job_->work.Abandon();
  job_.reset();
}

void DiskWorker::Export(LogStoreStats& stats) {
  for (const std::string& name : changed_) {
    const AppLog* log = Find(name);
    if (log != nullptr) {
      stats.apps[name] = log->Stats();
    } else {
      stats.apps.erase(name);
    }
  }
  changed_.clear();
  stats.lines_without_app = lines_without_app_;
  stats.compress_queue_files = compress_queue_;
  stats.compressed_files = compressed_files_;
  stats.compress_times = compress_times_;
  if (space_) {
    stats.file_system_mount_point = mount_point_;
    stats.file_system_free_bytes = space_->available;
    stats.file_system_size_bytes = space_->size;
    stats.file_system_floor_bytes = Floor();
  }
  stats.limit_bytes = options_.logs_total;
  stats.expired_at_limit = expired_at_limit_;
}

}  // namespace tend::rotate
