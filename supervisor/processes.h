// The kernel's processes, as the policy sees them: a seam, so that worker and fleet are tested on
// fakes (tests/support/fake_processes.h). ProcessesLinux (spawn.cc) is the real one.
//
// A spawn has two phases. Prepare makes the process: a child of the keeper (CLONE_PARENT), in its
// own session, with its descriptors, waiting. The caller records it, puts its pidfd into the store,
// and only then calls Commit, which lets it exec. A child whose parent dies before that sees end of
// file and leaves with code 99, so that no process is ever unrecorded and none is started twice.
//
// Thread: the loop's. Nothing here blocks for longer than a clone.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/fd.h"
#include "base/result.h"
#include "config/address.h"

namespace tend::supervisor {

// The numbers that a worker's descriptors have in the worker, besides 0, 1 and 2.
inline constexpr int kFirstListenFdInWorker = 3;  // as systemd hands sockets on (LISTEN_FDS)
inline constexpr int kListenFdsMax = static_cast<int>(config::kListenMax);
inline constexpr int kTelemetryFdInWorker = 10;     // TEND_TELEMETRY_FD
inline constexpr int kChannelFdInWorker = 11;       // NODE_CHANNEL_FD
inline constexpr int kChannelSpareFdInWorker = 12;  // of our end: it stays open when we are dead

struct LaunchSpec {
  std::string program;            // path, or a name that is looked up in the PATH of `env`
  std::vector<std::string> argv;  // with argv[0]
  std::vector<std::string> env;   // "NAME=value"
  std::string cwd;
  std::string uid, gid;  // name or number; "": unchanged
  // Worker's ends; they stay the caller's. -1: none.
  int stdout_fd = -1, stderr_fd = -1, telemetry_fd = -1;
  int channel_fd = -1, channel_spare_fd = -1;
  // At most kListenFdsMax. With any, `env` gets LISTEN_FDS and LISTEN_PID.
  std::vector<int> listen_fds;
};

// How far a child came that could not exec.
enum class ExecStage : std::uint8_t {
  kNone,
  kSession,
  kDescriptors,
  kGroup,
  kUser,
  kDirectory,
  kExec
};

struct Prepared {
  int pid = 0;
  std::uint64_t start_time = 0;  // /proc/PID/stat field 22: with pid and boot, who it is
  Fd pidfd;
  Fd commit;  // write end; Commit uses it up
  Fd report;  // read end: end of file = exec succeeded; an ExecFailure = it did not
};

// What comes out of Prepared::report when exec did not happen.
struct ExecFailure {
  ExecStage stage = ExecStage::kNone;
  std::int32_t error = 0;  // errno
};

class Processes {
 public:
  Processes() = default;
  Processes(const Processes&) = delete;
  Processes& operator=(const Processes&) = delete;
  virtual ~Processes() = default;

  virtual Result<Prepared> Prepare(const LaunchSpec& spec) = 0;
  virtual Result<> Commit(Prepared& prepared) = 0;
  // Non-blocking. nullopt: nothing known yet. kNone: the program runs. REQUIRES: report is readable
  // or was closed.
  virtual std::optional<ExecFailure> ReadReport(int report_fd) = 0;

  // The process and, if `tree`, all its descendants and its session, deepest first. Never signals a
  // process whose start time shows that its pid has been given to another. Returns how many got it.
  virtual int Signal(int pid, std::uint64_t start_time, int signal, bool tree) = 0;
  // Members of the tree of a worker that has ended, or is ending, that still live: the processes
  // of its session and the descendants that Signal(tree) saw. Zombies do not count.
  virtual int SurvivorCount(int pid, std::uint64_t start_time) = 0;
  // True if that very process exists and is not a zombie.
  virtual bool IsAlive(int pid, std::uint64_t start_time) = 0;
};

}  // namespace tend::supervisor
