// Keeps the sidecar told of processes that tend did not start: which there are, as workers of one
// app, from when they begin to when they end. They are looked at, never signalled.
//
// An end is seen at once where the kernel has pidfds (5.3), a new process within a second or two.
// Owned by attach_mode, pipe_mode. Thread: the loop's.
#pragma once

#include <map>
#include <string>

#include "base/fd.h"
#include "base/link.h"
#include "base/loop.h"
#include "supervisor/sidecar/attached_workers.h"
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
  void Look();
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
};

}  // namespace tend::supervisor
