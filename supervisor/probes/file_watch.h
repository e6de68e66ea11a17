// Says that something changed below some paths, once it is quiet again. By inotify: new folders are
// picked up, a path that is not there (yet, or any more) is waited for, and what the kernel could
// not tell (its queue ran over) counts as a change. Links to folders are not followed.
//
// Thread: the loop's. Large trees are walked in steps.
#pragma once

#include <sys/inotify.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "base/fd.h"
#include "base/loop.h"
#include "supervisor/probes/watch_filter.h"

namespace tend::probes {

class FileWatch {
 public:
  static constexpr std::chrono::nanoseconds kQuietMin = std::chrono::milliseconds(100);
  // Where it is never quiet, so long after the first change (or as long as was asked for).
  static constexpr std::chrono::nanoseconds kQuietMax = std::chrono::seconds(10);

  struct Options {
    std::vector<std::string> paths;   // absolute; files and folders
    std::vector<std::string> ignore;  // WatchFilter's
    std::vector<std::string> own;     // WatchFilter's
    std::chrono::nanoseconds quiet = kQuietMin;
    std::size_t folders_max = 16384;
  };
  struct Callbacks {
    std::function<void(const std::string& path)> on_change;  // the first path that changed
    // Not all is watched: once for each FileWatch.
    std::function<void(const std::string& why)> on_incomplete;
  };
  // Callbacks come from the loop only. They may not destroy the watch.
  FileWatch(Loop& loop, Options options, Callbacks callbacks);
  FileWatch(const FileWatch&) = delete;
  FileWatch& operator=(const FileWatch&) = delete;

  // All that there is now is watched.
  bool settled() const { return walk_.empty(); }

 private:
  enum class Is : std::uint8_t { kMissing, kFile, kFolder };
  struct Root {
    std::string path;
    Is is = Is::kMissing;
  };
  // What a watch descriptor stands for.
  struct Folder {
    std::string path;
    int tree = -1;          // index of the root that all below it belongs to
    std::set<int> awaited;  // roots that are a name in here, or below one
  };
  struct Step {
    std::string path;
    int tree;
  };

  static Is Look(const std::string& path);
  void Begin();
  void Attach(int root);
  Folder* Add(const std::string& path);
  void WalkLater(std::string path, int tree);
  void Walk();
  void WalkOne(const Step& step);
  void OnReadable();
  void OnEvent(const inotify_event& event, const std::string& name);
  void InTree(const Folder& folder, const inotify_event& event, const std::string& name);
  void InAwaited(const Folder& folder, const std::string& name);
  bool WasTouched(const std::string& path) const;
  void Changed(const std::string& path);
  void Incomplete(const std::string& why);

  Loop& loop_;
  const Options options_;
  const WatchFilter filter_;
  const Callbacks callbacks_;
  std::vector<Root> roots_;
  Fd inotify_;
  std::map<int, Folder> folders_;  // by watch descriptor
  std::deque<Step> walk_;
  bool is_incomplete_ = false;
  bool begin_anew_ = false;  // too much moved to be followed
  std::string changed_;
  Mono changed_at_{};
  Loop::Watch readable_, step_, quiet_;
};

}  // namespace tend::probes
