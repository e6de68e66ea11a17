// The logs of all apps, as the loop sees them: a RecordSink in front, the disk thread behind. The
// loop never touches a file; the disk thread never touches anything of the loop but Post().
//
// Owned by the sidecar. Thread: loop; every callback runs there. The disk thread is "tend-disk".
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/fact.h"
#include "base/files.h"
#include "base/loop.h"
#include "base/record.h"
#include "base/result.h"
#include "config/config.h"
#include "rotate/app_log.h"
#include "rotate/log_stats.h"

namespace tend::rotate {

class LogStore final : public RecordSink {
 public:
  struct Options {
    std::string folder;  // <folder>/<app>/<app>.log
    std::uint64_t logs_total = config::LogConfig().total;
    std::size_t queue_max_bytes = 8 << 20;      // waiting for the disk, of all apps
    std::size_t queue_app_max_bytes = 2 << 20;  // of one
    std::string journals;                       // see DiskWorker::Options
    bool locks = false;                         // see DiskWorker::Options
    std::function<void(Fact)> on_fact;
    // There is room again for an app whose HasRoom() was false.
    std::function<void(const std::string& app)> on_room;
  };
  using Done = std::function<void(Result<>)>;

  // `loop` and `files` outlive the store.
  LogStore(Loop& loop, Files& files, Options options);
  // Shutdown() with two seconds, unless that has been done.
  ~LogStore() override;

  // Errc::kExists if the app, or another one with the same folder, is open already. What goes wrong
  // on disk is stated as a fact and tried again.
  Result<> OpenApp(const std::string& app,
                   const config::LogConfig& limits,
                   std::vector<ExtraFile> extras);
  // Errc::kNotFound if the app is not open.
  Result<> Reconfigure(const std::string& app,
                       const config::LogConfig& limits,
                       std::vector<ExtraFile> extras);
  // Writes what waits and closes the files, which stay.
  void CloseApp(const std::string& app);
  void SetLogsTotal(std::uint64_t bytes);

  bool HasRoom(const WorkerRef& worker) const override;
  void Publish(RecordBatchPtr batch) override;

  // Lines of `app` that were lost on their way here: counted, and a line says so behind what was
  // published before.
  void NoteLost(const std::string& app, LostLines lost);

  // Removes all segments of the app and empties its active files.
  void Flush(const std::string& app, Done done);
  // Seals the active files now, unless they are empty.
  void Rotate(const std::string& app, Done done);
  // Looks whether the active files are still where they were, and opens them anew if not.
  void Reopen(const std::string& app, Done done);
  // Runs `done` when all that was published for the app before is written, or dropped. An app that
  // is held back (on_full: block) does not hold this up.
  void Barrier(const std::string& app, std::function<void()> done);

  // As of the last thing the disk thread did.
  LogStoreStats Stats() const;
  // "<folder>/<app>", for readers.
  std::string FolderOf(const std::string& app) const;

  // Writes everything queued, syncs, ends the thread. False if it did not get there in time: then
  // the thread is left to itself, and the process should end.
  bool Shutdown(std::chrono::nanoseconds time_max);

 private:
  struct Core;
  void Submit(const std::string& app, std::function<Result<>()> command, Done done);
  void SubmitConfigure(const std::string& app,
                       const config::LogConfig& limits,
                       std::vector<ExtraFile> extras);

  Loop& loop_;
  const std::string folder_;
  std::map<std::string, std::string> open_;  // app → folder name
  std::shared_ptr<Core> core_;               // shared with the disk thread
  bool running_ = true;
  bool wakes_ = false;  // it is posted that the disk thread is woken
};

}  // namespace tend::rotate
