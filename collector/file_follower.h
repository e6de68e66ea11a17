// Follows files that somebody else writes, as `tail -F` does, into the log of one worker: what is
// appended, over rotation by renaming (the old file is read to its end before the new one, and
// looked at for a while after) and by copying and emptying, files that come, go and come back,
// links, and patterns of names.
//
// inotify says when to look; what is true is what stat says, which is asked at least once a second.
// An unfinished line waits for its end. What the sink has no room for stays in the file. With
// positions, a new process goes on where this one stopped.
//
// Owned by the composition root. Thread: the loop's. Memory: an unfinished line a file.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/fact.h"
#include "base/fd.h"
#include "base/loop.h"
#include "base/record.h"
#include "collector/collector.h"
#include "collector/file_positions.h"
#include "collector/followed_file.h"

namespace tend::collector {

class FileFollower {
 public:
  struct Source {
    std::string pattern;  // an absolute path, or a glob of them
    Stream stream = Stream::kStdout;
  };
  struct Options {
    std::vector<Source> sources;
    bool from_start = false;  // else what a file has when it is first seen is not read
    std::size_t take_max_bytes = 256 * 1024;  // of one file, in one turn of the loop
    std::chrono::nanoseconds coalesce = std::chrono::milliseconds(5);
    std::chrono::nanoseconds look = std::chrono::seconds(1);
    // A file that was renamed or removed is read on until nothing was added for so long.
    std::chrono::nanoseconds linger = std::chrono::seconds(30);
    std::size_t files_max = 128;  // open at a time
  };
  using Tell = std::function<void(FactId, std::vector<std::pair<std::string, std::string>>)>;

  // `positions` may be null: then nothing is remembered.
  FileFollower(Loop& loop,
               Collector& collector,
               const WorkerRef& worker,
               std::shared_ptr<FilePositions> positions,
               Options options,
               Tell tell);
  ~FileFollower();
  FileFollower(const FileFollower&) = delete;
  FileFollower& operator=(const FileFollower&) = delete;

  // Goes on where an earlier process stopped. Once.
  void Begin();
  // The sink has room again.
  void Resume();
  // The last act: takes what is in the files now, as far as the sink has room. Unfinished lines
  // stay in their files.
  void Finish();

  std::size_t open_files() const;
  // Paths that are followed by name and are not there.
  std::vector<std::string> Missing() const;

 private:
  struct File {
    std::unique_ptr<FollowedFile> file;
    std::string name;  // that it was followed under
    bool dirty = true;
    bool told_error = false;
    int watch = -1;
    Mono grew{};
  };
  struct Path {
    Stream stream = Stream::kStdout;
    bool by_glob = false;
    bool told_error = false;
    FileState there{};  // inode 0: nothing is
    std::unique_ptr<File> current;
  };

  // file_follower_names.cc: which files there are.
  void Restore();
  void RestoreOne(const std::shared_ptr<FilePosition>& left, Stream stream);
  bool IsFollowed(const FileIdentity& identity);
  void TakeRotated(const std::string& name, int after, Stream stream);
  std::unique_ptr<FollowedFile> OpenLeft(const FilePosition& left, Stream stream) const;
  const Source* SourceOf(const std::string& path) const;
  void Expand();
  void CheckPath(const std::string& name, Path& path);
  std::unique_ptr<File> AdoptedBy(const std::string& name, const Path& path);
  void OpenNew(const std::string& name, Path& path);
  std::uint64_t StartOf(const std::string& name, const FollowedFile& file) const;
  void Leave(std::unique_ptr<File> file);
  bool IsOver(const File& file) const;
  void DropFinished();
  void WatchFolders() const;
  void Look();
  void LookSoon();

  // file_follower.cc: what is in them.
  std::unique_ptr<File> Hold(std::unique_ptr<FollowedFile> file, const std::string& name);
  void Record(File& file, std::uint64_t cursor);
  void CheckFile(File& file);
  void Emptied(File& file, std::uint64_t size);
  void Close(File& file);
  void Listen();
  void ReadEvents();
  void TakeTurn();
  // False: there may be more to take.
  bool TakeFrom(File& file);
  bool HasRoom() const { return collector_.HasRoom(*worker_); }
  void Publish(File& file, std::shared_ptr<RecordBatch> batch);
  void TellError(bool& told, const std::string& name, const Error& error) const;
  std::vector<File*> Files();  // older before newer ones

  Loop& loop_;
  Collector& collector_;
  const std::shared_ptr<const WorkerRef> worker_;
  const std::shared_ptr<FilePositions> positions_;
  const Options options_;
  const Tell tell_;
  std::map<std::string, std::unique_ptr<Path>> paths_;
  std::deque<std::unique_ptr<File>> leaving_;  // no longer under the name that is followed
  std::vector<std::string> known_;             // names that an earlier process followed
  bool begun_ = false;                         // what appears now is new
  bool told_too_many_ = false;
  bool waits_for_room_ = false;
  std::string buffer_;
  Fd inotify_;                    // not valid: files are looked at every second only
  std::map<int, File*> watches_;  // by watch descriptor
  Loop::Watch readable_, turn_, look_, soon_;
  Mono looked_{};
};

}  // namespace tend::collector
