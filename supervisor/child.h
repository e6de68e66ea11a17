// Everything between clone and exec. Runs in the child, on a copy of core's memory: it may use
// async-signal-safe calls only, allocates nothing, and leaves by exec or _exit.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>

namespace tend::supervisor {

// What the child exits with: its parent died before it had committed, or it could not exec.
inline constexpr int kExitNotCommitted = 99;
inline constexpr int kExitNotExecuted = 127;

// The numbers below this one are a worker's; both pipes to us have higher ones until exec.
inline constexpr int kWorkerFdsEnd = 13;

// All that the child needs, made ready by the parent. Plain pointers into the parent's memory.
struct ChildPlan {
  int commit_fd = -1;  // read end
  int report_fd = -1;  // write end
  int worker_fds[kWorkerFdsEnd] = {-1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1};  // -1: none
  std::uint64_t open_files_max = 0;     // soft RLIMIT_NOFILE; 0: leave it
  std::uint64_t descriptors_end = 0;    // one more than any descriptor can be
  const char* oom_score_adj = nullptr;  // nullptr: leave it
  bool change_account = false;
  bool change_groups = false;
  uid_t uid = 0;
  gid_t gid = 0;
  const gid_t* groups = nullptr;
  std::size_t group_count = 0;
  const char* cwd = nullptr;              // nullptr: unchanged
  const char* const* programs = nullptr;  // tried in order; ends with nullptr
  char* const* argv = nullptr;
  char* const* env = nullptr;
  // In `env`: room for the child's own number, kPidDigits of it; nullptr: none.
  char* pid_digits = nullptr;
};
inline constexpr int kPidDigits = 10;

// Makes the process a worker, waits for the commit byte and executes. On failure it writes an
// ExecFailure to report_fd. REQUIRES: all signals are blocked.
[[noreturn]] void RunChild(const ChildPlan& plan) noexcept;

}  // namespace tend::supervisor
