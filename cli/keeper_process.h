// The keeper of a run folder, seen from outside: it is the last of tend's processes to leave.
#pragma once

#include <chrono>
#include <string>

#include "base/fd.h"

namespace tend::cli {

// A pidfd of the keeper that the lock file in `run` names; invalid if it does not run any more.
// Reads the file only: taking the lock, even for a moment, could make a starting tendd give up.
Fd OpenKeeper(const std::string& run);

// True when no keeper of `run` is left, false if one still is when `limit` has passed.
bool KeeperLeaves(const std::string& run, std::chrono::milliseconds limit);

}  // namespace tend::cli
