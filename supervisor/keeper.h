// The keeper: parent of core, sidecar and all workers. It reaps them and journals how they ended
// (exit_journal.h), keeps descriptors for the roles (keeper_store.h), and starts a role that died
// again. It has no policy, reads nothing but KeeperMessage, and uses no heap once it runs.
//
// It ends when core has said kShutdown and both roles are gone. SIGTERM and SIGINT go to core,
// which stops the workers first; SIGHUP is ignored.
#pragma once

#include <string>

#include "base/paths.h"

namespace tend::supervisor {

struct KeeperOptions {
  Paths paths;
  std::string core_program, sidecar_program;  // absolute
  // Until both roles are ready, all that the keeper says is written here as well, a line each; then
  // kKeeperReadyLine, and it is closed. -1: none.
  int report_fd = -1;
};
inline constexpr const char* kKeeperReadyLine = "ready\n";

// Runs until the end. Returns the exit code of the program. Takes over the process: its signal
// mask, its children, RLIMIT_NOFILE, oom_score_adj. REQUIRES: the process has one thread.
int RunKeeper(const KeeperOptions& options);

}  // namespace tend::supervisor
