// The environment of this shell.
#pragma once

#include "cli/protocol.h"

namespace tend::cli {

Variables Environment();

}  // namespace tend::cli
