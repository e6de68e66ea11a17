// A line for /bin/sh that runs as a child of ours, in a process group of its own, from fork to
// reap. It has our environment with additions, default signals, and no descriptor but its three.
// Whatever becomes of us, the kernel kills the shell.
//
// Owned by whoever waits for it; any one thread. That it has ended shows on pidfd(); nothing here
// waits.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/fd.h"
#include "base/result.h"

namespace tend {

struct ShellAccount {
  uid_t uid = 0;
  gid_t gid = 0;
  std::vector<gid_t> groups;
};

struct ShellCommand {
  std::string line;
  std::string folder = "/";
  std::optional<ShellAccount> account;                           // nothing: runs as we do
  std::vector<std::pair<std::string, std::string>> environment;  // over our own
};

// The exit code of a line that could not be run: its folder, its account or the shell is not there.
inline constexpr int kShellNotStarted = 126;

class ShellChild {
 public:
  // `in` is its standard input, `out` its output and its errors; both stay the caller's. -1:
  // /dev/null.
  static Result<ShellChild> Start(const ShellCommand& command, int in = -1, int out = -1);
  ShellChild(ShellChild&& other) noexcept
      : pid_(std::exchange(other.pid_, 0)), pidfd_(std::move(other.pidfd_)) {}
  ShellChild& operator=(ShellChild&&) = delete;
  // Kills it. One that does not die at once is reaped by who adopts it.
  ~ShellChild();

  int pidfd() const { return pidfd_.get(); }  // readable: the shell has ended
  // Kills the shell and all that it started, unless that has left the group. Does not reap.
  void Kill() const;
  // Kills what is left, and says how the shell ended, as waitpid(2) does; nothing: it has not yet,
  // or somebody has been told before.
  std::optional<int> Reap();

 private:
  ShellChild(pid_t pid, Fd pidfd) : pid_(pid), pidfd_(std::move(pidfd)) {}

  pid_t pid_;  // 0: reaped, or moved from
  Fd pidfd_;
};

}  // namespace tend
