// One function a command: DoList, DoStart, ... Each says on the terminal what it found or did and
// returns what the process exits with.
#pragma once

#include <string>
#include <vector>

#include "base/exit_code.h"
#include "cli/arguments.h"
#include "cli/context.h"

namespace tend::cli {

#define COMMAND(id, name, aliases, synopsis, group, help) \
  ExitCode Do##id(const Context& context, const Arguments& arguments);
#include "cli/commands.def"

// argv without the program's name → the command's function.
ExitCode Dispatch(Context& context, std::vector<std::string> args);

}  // namespace tend::cli
