// Starting tendd, which lies beside this program.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "base/paths.h"
#include "base/result.h"

namespace tend::cli {

// Runs `tendd --daemon` and returns when core answers a ping at the control socket, within 10 s.
// What tendd said is part of the error if it does not come up.
Result<> StartDaemon(const Paths& paths);

// Core answers a ping.
bool DaemonAnswers(const Paths& paths);

// Starts `program` with `arguments`; stdin is /dev/null, stdout and stderr are `out` and `err`, and
// no other descriptor is passed on. Signals have their defaults and are not blocked; the session is
// a new one, so that Ctrl-C stays ours.
// Errc::kNotFound if there is no such program.
Result<pid_t> Spawn(const std::string& program,
                    const std::vector<std::string>& arguments,
                    int out,
                    int err);

}  // namespace tend::cli
