// Starting tendd, which lies beside this program.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "base/paths.h"
#include "base/result.h"

namespace tend::cli {

// Runs `tendd --daemon` and returns when core answers a ping at the control socket, within 10 s; a
// daemon that is about to leave, or starts its core again, has 30 s before that. What tendd said is
// part of the error if it does not come up.
Result<> StartDaemon(const Paths& paths);

// A daemon that is started after this listens there, unless TEND_LISTEN says otherwise. Empty:
// where it does by default.
void UseListen(const std::string& listen);
// What to tell a person whose config file asks for `listen` while the daemon runs already: "" if it
// listens on that port, or TEND_LISTEN decides.
std::string ListensElsewhere(const Paths& paths, const std::string& listen);

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
