// The log of one app: its own file, and the plain files that PM2 users ask for (out_file,
// error_file, log_file). Takes batches, formats them once per file, and writes them in few calls.
//
// Owned by the disk worker. Thread: disk.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/record.h"
#include "base/schedule.h"
#include "config/config.h"
#include "rotate/app_name.h"
#include "rotate/file_sink.h"

namespace tend::rotate {

// A file beside the app's own. "/dev/null" and "" mean none. Rows with the same path are one
// file.
struct ExtraFile {
  std::string path;
  bool out = true;  // takes stdout
  bool err = true;  // takes stderr
  int slot = -1;    // of this worker only; -1: of all
  LineStyle style = {.format = config::LineFormat::kRaw};
  friend bool operator==(const ExtraFile&, const ExtraFile&) = default;
};

// Bytes that a waiting batch is accounted with.
inline std::size_t QueuedBytes(const RecordBatch& batch) {
  return sizeof(RecordBatch) + batch.bytes.size() + batch.lines.size() * sizeof(LineSpan);
}

class AppLog {
 public:
  // `journals`: the folder for its WriteJournal; "": nothing is announced, and a crash may lose
  // lines.
  AppLog(Files& files, std::string app, std::string folder, std::string journals, TellFact tell);
  AppLog(const AppLog&) = delete;
  AppLog& operator=(const AppLog&) = delete;

  // Opens what is new, closes what is no longer asked for.
  void Configure(const config::LogConfig& limits,
                 const std::vector<ExtraFile>& extras,
                 std::uint64_t file_system_size,
                 Moment now);
  void Take(RecordBatchPtr batch) { pending_.push_back(std::move(batch)); }
  // Writes what may be written now, using `buffer` for the text: the QueuedBytes of the batches
  // that are done with.
  std::size_t Pump(std::string& buffer, Moment now);
  void NoteLost(const LostLines& lost, Moment now);
  struct Abandoned {
    std::uint64_t lines = 0;
    std::size_t queued_bytes = 0;
  };
  // What still waits, or is held, will not be written: the app is gone. What is owed stays owed.
  Abandoned Abandon();

  // Once a second while there is something to do: tries failing files again, looks whether the
  // files are still where they were. True if anything was or is going on: then call it again.
  bool Tick(Moment now);

  // When the next Tick is due by the clock: to seal a file, or to sync it. Mono::max(): never.
  Mono NextDue(Moment now) const;

  Result<> Seal(Moment now);
  Result<> Reopen(Moment now);
  Result<> Clear();
  void Sync();
  void Refresh();
  // Nobody else is to write here: tells if somebody does. No effect once that is so.
  void HoldFolder();

  const std::string& name() const { return app_; }
  const config::LogConfig& limits() const { return limits_; }
  std::vector<LogFile*> files();
  // The app's own file.
  FileSink& main() { return *outlets_.front().sink; }
  bool has_pending() const { return !pending_.empty(); }
  // Tells all files on `device` whether the disk is too full to be written.
  void SetDiskLow(std::uint64_t device, bool low, Moment now);
  AppLogStats& counters() { return stats_; }
  AppLogStats Stats() const;

 private:
  struct Outlet {
    std::unique_ptr<FileSink> sink;
    std::vector<ExtraFile> takes;  // empty: everything
    std::optional<Wall> due;       // when it is sealed by the schedule
    // Of the group that is being written.
    std::size_t begin = 0, end = 0;
    std::uint64_t lines = 0;
  };
  // What cannot be kept is tried again at the next Refresh(); said once, and when it is done.
  void KeepName();
  static bool Takes(const Outlet& outlet, const RecordBatch& batch);
  // Writes what an earlier process owes. False: that failed, and must be done before anything else.
  bool FinishOwed();
  bool FinishOwedAndOpen(Moment now);
  // Marks of the first `count` batches that wait: one per spool, the last.
  void CollectMarks(std::size_t count);
  bool Announce(std::string_view text);
  Outlet MakeOutlet(const std::string& folder, const std::string& base, const LineStyle& style);
  bool Holds() const;
  // Lets go of a folder that is another one now, or whose file system fails: it must not be kept
  // from being unmounted and repaired.
  void LookAtFolder();
  void SetSchedule();
  void SealIfDue(Outlet& outlet, Moment now);
  void SyncIfDue(Moment now);
  void WriteGroup(std::size_t count, std::string& buffer, Moment now);

  Files& files_;
  const std::string app_;
  const std::string folder_;
  const std::string journals_;
  const TellFact tell_;
  Fd lock_;  // of folder_
  bool told_shared_ = false;
  bool told_name_ = false;  // that the app's name cannot be kept
  config::LogConfig limits_;
  AppLogStats stats_;
  std::vector<Outlet> outlets_;  // the first is the app's own
  std::optional<Schedule> schedule_;
  ZoneOffsets zone_;
  bool unsynced_ = false;
  Mono next_sync_{};
  std::deque<RecordBatchPtr> pending_;
  bool written_ = false;  // since the last Tick
  std::unique_ptr<WriteJournal> journal_;
  bool journal_tried_ = false;
  bool owes_ = false;  // what an earlier process announced; nothing is written before
  std::vector<SpoolMark> marks_;
  std::vector<WritePart> parts_;
};

}  // namespace tend::rotate
