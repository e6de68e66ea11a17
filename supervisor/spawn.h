// ProcessesLinux: workers are born here, as children of the keeper (see processes.h).
//
// What needs memory, locks or files (PATH, accounts, the environment as C strings) is done in core
// before the clone; child.h is all that happens after it.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/fd.h"
#include "base/result.h"
#include "supervisor/process_tree.h"
#include "supervisor/processes.h"

namespace tend::supervisor {

// What the keeper changed for ourselves and workers get back.
struct WorkerLimits {
  std::uint64_t open_files = 0;  // soft RLIMIT_NOFILE; 0: leave it
  int oom_score_adj = 0;
  bool restore_oom = false;
};

// The keeper hands them to the roles in these variables, which never reach workers.
inline constexpr const char* kWorkerOpenFilesVariable = "TEND_WORKER_NOFILE";
inline constexpr const char* kWorkerOomVariable = "TEND_WORKER_OOM_SCORE_ADJ";
// Call once, before threads: takes the variables out of the environment.
WorkerLimits TakeWorkerLimits();

// The account that a worker runs under: `uid` and `gid` as in LaunchSpec, names or numbers.
// Without `gid` it is the account's own group; a uid that has no account gets the group of the same
// number. Blocks for as long as the account database does. Errc::kNotFound: no such name.
struct Account {
  uid_t uid = 0;
  gid_t gid = 0;
  std::vector<gid_t> groups;
};
Result<Account> FindAccount(const std::string& uid, const std::string& gid);

// A worker's pipe. `read` is ours and non-blocking. `write` is open for reading as well, so that
// the worker never gets SIGPIPE, whoever of us is dead, and belongs to `owner`, so that it can open
// /dev/stdout.
enum class WriterMode : std::uint8_t { kBlocking, kNonBlocking };
Result<Pipe> MakeWorkerPipe(uid_t owner, WriterMode mode = WriterMode::kBlocking);

class ProcessesLinux final : public Processes {
 public:
  // Makes the process ignore SIGPIPE (Commit may write to a child that was killed); workers do not.
  explicit ProcessesLinux(const WorkerLimits& limits);

  Result<Prepared> Prepare(const LaunchSpec& spec) override;
  Result<> Commit(Prepared& prepared) override;
  std::optional<ExecFailure> ReadReport(int report_fd) override;
  int Signal(int pid, std::uint64_t start_time, int signal, bool tree) override;
  int SurvivorCount(int pid, std::uint64_t start_time) override;
  bool IsAlive(int pid, std::uint64_t start_time) override;

  // False once the kernel refused CLONE_PARENT: workers are then children of core, which has to
  // reap them itself.
  bool keeper_is_parent() const { return keeper_is_parent_; }

 private:
  WorkerLimits limits_;
  ProcessTree tree_;
  bool keeper_is_parent_ = true;
};

}  // namespace tend::supervisor
