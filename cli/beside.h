// The commands that need no daemon: they become a sidecar of their own (pipe, attach).
#pragma once

#include <optional>
#include <string>

#include "cli/arguments.h"
#include "cli/context.h"

namespace tend::cli {

// What is wrong with the options that both have; "": nothing.
std::string WrongBesideOption(const Arguments& arguments);
// What is wrong with the file of --config is said, and the exit code returned; nothing if it is
// fine, or none is named.
std::optional<ExitCode> RefuseConfig(const Context& context, const Arguments& arguments);
// A path from here, for a process that may be elsewhere.
std::string AbsolutePath(const std::string& path);
// Runs tend-sidecar in place of this program, with APP and the options, which are in order; `mode`:
// "--pipe". Returns if that failed.
ExitCode BecomeSidecar(const Context& context, const std::string& mode, const Arguments& arguments);

}  // namespace tend::cli
