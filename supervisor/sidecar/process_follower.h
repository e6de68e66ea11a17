// Keeps the sidecar told of processes that tend did not start: which there are, as workers of one
// app, from when they begin to when they end. They are looked at, never signalled.
//
// An end is seen at once where the kernel has pidfds (5.3), a new process within a second or two.
// Owned by attach_mode, pipe_mode. Thread: the loop's; by name they are looked for on a thread of
// its own, but for the first time.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/fd.h"
#include "base/link.h"
#include "base/loop.h"
#include "base/result.h"
#include "supervisor/sidecar/attached_workers.h"
#include "supervisor/sidecar/helper_thread.h"
#include "supervisor/sidecar/link_reader.h"
#include "supervisor/sidecar/process_finder.h"

namespace tend::supervisor {

class ProcessFollower {
 public:
  // `app` was announced to `sidecar`, which outlives this.
  ProcessFollower(Loop& loop, LinkListener& sidecar, std::string app, ProcessSelector selector);
  ProcessFollower(const ProcessFollower&) = delete;
  ProcessFollower& operator=(const ProcessFollower&) = delete;

  // Errors are those that waiting would not mend: of FindProcesses but kNotFound, and kNotFound for
  // a pid that is not there.
  static Result<> Check(const ProcessSelector& selector);
  // The first look.
  void Begin();

  const AttachedWorkers& workers() const { return workers_; }

 private:
  struct Watched {
    Fd pidfd;
    Loop::Watch ended;
  };
  void LookLater();
  void Look();
  void LookElsewhere();
  void Looked(Result<std::vector<FoundProcess>> found);
  void Take(std::vector<FoundProcess> found);
  void Watch(int pid);
  void Say(const std::string& text);
  void Tell(const AttachedWorkers::Changes& changes);

  Loop& loop_;
  LinkListener& sidecar_;
  const std::string app_;
  const ProcessSelector selector_;
  AttachedWorkers workers_;
  FoundProcess chosen_;  // by its pid: that process, not another one with its number
  std::map<int, Watched> watched_;
  std::string said_;
  Loop::Watch look_, soon_;
  bool looking_ = false, look_again_ = false;
  std::shared_ptr<KnownProcesses> known_ = std::make_shared<KnownProcesses>();  // of whoever looks
  HelperThread helper_{"tend-look"};
  // Whoever posts to the loop looks whether we are still there.
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace tend::supervisor
