#include "cli/environment.h"

#include <unistd.h>

#include <string>
#include <string_view>

#include <fmt/format.h>

#include "base/utf8.h"
#include "cli/text.h"

namespace tend::cli {

Variables Environment(const Terminal& terminal) {
  Variables variables;
  for (char** entry = ::environ; entry != nullptr && *entry != nullptr; ++entry) {
    const std::string_view text(*entry);
    const std::size_t equals = text.find('=');
    if (equals == std::string_view::npos || equals == 0) continue;
    if (IsUtf8(text)) {
      variables.emplace(text.substr(0, equals), text.substr(equals + 1));
    } else {
      terminal.Warning(fmt::format("the environment's {} is not UTF-8; apps do not get it",
                                   Harmless(text.substr(0, equals))));
    }
  }
  return variables;
}

}  // namespace tend::cli
