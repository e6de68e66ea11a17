// Asking core to change apps, and saying for each what has become of it.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "cli/context.h"
#include "cli/protocol.h"
#include "cli/selection.h"

namespace tend::cli {

// Sends `request` (start, stop, restart, reload, scale), waits for its end if it says so, reports
// failures, and prints a line for each app that reached the goal: "restarted api: 2 workers online
// in 1.2s". `past` and `present` are the verb: "restarted", "restarting".
ExitCode ActOnApps(const Context& context,
                   const Request& request,
                   std::string_view past,
                   std::string_view present);

}  // namespace tend::cli
