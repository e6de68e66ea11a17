// The keeper of a run folder, seen from outside: it is the last of tend's processes to leave.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <optional>
#include <string>

#include "base/fd.h"

namespace tend::cli {

struct KeeperProcess {
  pid_t pid = 0;
  Fd pidfd;

  // True when it has ended, false if it is still there after `limit`.
  bool Leaves(std::chrono::milliseconds limit) const;
};

// The one that the lock file in `run` names; nothing if it does not run any more. Reads the file
// only: taking the lock, even for a moment, could make a starting tendd give up.
std::optional<KeeperProcess> FindKeeper(const std::string& run);

}  // namespace tend::cli
