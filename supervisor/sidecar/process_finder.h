// Which processes are an app that tend did not start: by pid, by a file that holds it, by systemd's
// unit (the processes in its control group), or by name. Only looks; the folders are parameters, so
// that a test can be the kernel.
//
// To read a command line the kernel takes a lock of the process: one that is stuck in a page fault
// holds up whoever asks. So by name, off the loop (process_follower.h).
//
// Thread: any; no state but what the caller brings.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "base/result.h"

namespace tend::supervisor {

enum class SelectBy : std::uint8_t { kPid, kPidFile, kUnit, kName };

struct ProcessSelector {
  SelectBy by = SelectBy::kPid;
  // A pid; a path; "nginx" or "nginx.service"; a glob that the process's name, or its whole command
  // line, is to match.
  std::string value;
};

struct FoundProcess {
  int pid = 0;
  std::uint64_t start_ticks = 0;  // since boot: with the pid, who it is
  friend bool operator==(const FoundProcess&, const FoundProcess&) = default;
};

inline constexpr std::size_t kFoundMax = 256;

struct Roots {
  std::string proc = "/proc";
  std::string cgroup = "/sys/fs/cgroup";
};

// Processes whose command line was read before, and whether it fitted: of one selector by name, no
// more than there are processes. It is read again after an exec that changes the name, and, since
// many set their title when they begin, while they are younger than kSettledAfterSeconds.
struct KnownProcess {
  std::uint64_t start_ticks = 0;
  std::string name;
  bool fits = false;
};
using KnownProcesses = std::map<int, KnownProcess>;
inline constexpr int kSettledAfterSeconds = 10;

// Those that run now, the oldest first; at most kFoundMax. None is no error. Errors: kInvalid for a
// selector that can never name a process, kNotFound if the file or the unit is not there,
// kPermission if it may not be read.
Result<std::vector<FoundProcess>> FindProcesses(const ProcessSelector& selector,
                                                KnownProcesses& known,
                                                const Roots& roots = {});

}  // namespace tend::supervisor
