#include "cli/environment.h"

#include <map>

#include <fmt/format.h>

#include "base/utf8.h"
#include "cli/text.h"
#include "config/resolve.h"

namespace tend::cli {

Variables Environment(const Terminal& terminal) {
  Variables variables = config::EnvironmentOfProcess();
  std::erase_if(variables, [&](const auto& variable) {
    const auto& [name, value] = variable;
    if (IsUtf8(name) && IsUtf8(value)) return false;
    terminal.Warning(
        fmt::format("the environment's {} is not UTF-8; apps do not get it", Harmless(name)));
    return true;
  });
  return variables;
}

}  // namespace tend::cli
