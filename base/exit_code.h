#pragma once

namespace tend {

enum class ExitCode : int {
#define EXIT_CODE(id, number, meaning) k##id = number,
#include "base/exit_codes.def"
};

}  // namespace tend
