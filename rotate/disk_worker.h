// All that is done to log files, for all apps: writes, rotation, compression, retention. It has no
// thread and no clock of its own, so that tests can drive it; LogStore runs it on the disk thread.
//
// Thread: one, the disk's.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/fact.h"
#include "rotate/app_log.h"
#include "rotate/compressor.h"
#include "rotate/log_stats.h"
#include "rotate/retention.h"

namespace tend::rotate {

class DiskWorker {
 public:
  struct Options {
    std::string folder;  // <folder>/<app>/<app>.log
    std::uint64_t logs_total = config::LogConfig().total;
    std::string journals = {};  // folder of what is announced before it is written; "": nothing is
    bool locks = false;         // each app's folder, see AppLog::HoldFolder
  };
  struct Hooks {
    std::function<void(Fact)> tell;
    // So many queued bytes of `app` are on disk, or given up.
    std::function<void(const std::string& app, std::size_t bytes)> released;
  };
  DiskWorker(Files& files, Options options, Hooks hooks);
  ~DiskWorker();
  DiskWorker(const DiskWorker&) = delete;
  DiskWorker& operator=(const DiskWorker&) = delete;

  // Opens an app, or gives an open one another configuration.
  void Configure(const std::string& app,
                 const config::LogConfig& limits,
                 const std::vector<ExtraFile>& extras,
                 Moment now);
  void Close(const std::string& app, Moment now);
  void SetLogsTotal(std::uint64_t bytes) { options_.logs_total = bytes; }

  // Lines of an app that is not open are counted as lost for it and forgotten.
  void Write(const std::string& app, const std::vector<RecordBatchPtr>& batches, Moment now);
  void NoteLost(const std::string& app, const LostLines& lost, Moment now);

  // Errc::kNotFound if the app is not open.
  Result<> Flush(const std::string& app);
  Result<> Rotate(const std::string& app, Moment now);
  Result<> Reopen(const std::string& app, Moment now);
  void SyncAll();
  // The last thing: limits hold on disk when nobody watches any more.
  void Finish(Moment now);

  // Does what is due: retries, checks, retention, choosing what to compress. When to call again;
  // Mono::max() when nothing is to be expected.
  Mono Tick(Moment now);
  // True if Slice() has something to do.
  bool HasSlice(Moment now) const { return job_ && now.mono >= job_->retry_at; }
  // One bounded step of compression.
  void Slice(Moment now);
  // For how long there should be slices before anything else is written: none or more than a moment
  // when segments come faster than they are compressed.
  std::chrono::nanoseconds SliceTime() const;

  // Brings `stats` up to date where something changed since the last call.
  void Export(LogStoreStats& stats);

 private:
  struct Job {
    AppLog* app;
    LogFile* file;
    CompressJob work;
    Mono retry_at{};
    Mono began{};
  };

  AppLog* Find(const std::string& app);
  void Pump(AppLog& app, Moment now);
  void MeasureSpace(Moment now);
  void Prune(Moment now);
  std::vector<Expired> Remove(const std::vector<Expired>& expired);  // those that are gone
  std::vector<Consumer> Consumers();                                 // in the order of apps_
  std::uint64_t Floor() const;                                       // REQUIRES: space_
  std::uint64_t BytesToFree() const;
  void ChooseJob(Moment now);
  void DropJobOf(const AppLog* app, const LogFile* file, std::optional<std::uint64_t> sequence);
  void JobFailed(const Error& error, Moment now);

  Files& files_;
  Options options_;
  Hooks hooks_;
  std::map<std::string, std::unique_ptr<AppLog>> apps_;
  std::set<std::string> changed_;  // since the last Export
  std::string buffer_;             // one for all apps' text
  Compressor compressor_;
  std::unique_ptr<Job> job_;
  Mono compress_after_{};              // not before, after a failure
  std::optional<Mono> next_compress_;  // when the next segment is due
  std::uint64_t compress_queue_ = 0;
  std::uint64_t compressed_files_ = 0;
  CompressTimes compress_times_;
  std::uint64_t lines_without_app_ = 0;
  std::uint64_t expired_at_limit_ = 0;
  std::optional<SpaceInfo> space_;
  std::uint64_t unmeasured_bytes_ = 0;     // written since the space was measured
  std::uint64_t measure_after_bytes_ = 0;  // how many of them are too many
  std::uint64_t device_ = 0;
  std::string mount_point_;  // of device_
  bool disk_low_ = false;
  bool rotated_ = false;  // since the last Prune
  Mono next_tick_{};
  Mono next_housekeeping_{};
};

}  // namespace tend::rotate
