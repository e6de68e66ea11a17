// The environment of this shell.
#pragma once

#include "cli/protocol.h"
#include "cli/terminal.h"

namespace tend::cli {

// As apps inherit it. Messages to core are UTF-8: a variable that is not stays here, and is named
// on `terminal`.
Variables Environment(const Terminal& terminal);

}  // namespace tend::cli
