// Tells the sidecar what a configuration file says about metrics, exporters and receivers.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "base/exit_code.h"
#include "cli/context.h"
#include "config/observe.h"

namespace tend::cli {

// The sidecar's answer to what it is told. Waits up to `limit` for one that is just starting.
Result<std::string> PutObserve(const Paths& paths,
                               const std::string& request,
                               std::chrono::milliseconds limit);

// One request for each file, in their order, through context.put_observe; waits up to 5 s. For a
// file without sections, which can only take away what it said before, hardly at all: then it is no
// error that the sidecar does not answer. Says what changed, and
// what went wrong: then the exit code is not kOk, and what was configured before goes on.
ExitCode ConfigureObserve(const Context& context,
                          const std::vector<config::ObserveRequest>& requests);

}  // namespace tend::cli
