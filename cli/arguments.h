// The command line of one command, taken apart by its rows in commands.def. CLI11 does it, and is
// not seen from here.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "cli/command_table.h"

namespace tend::cli {

struct Arguments {
  std::vector<std::string> words;  // selectors, files
  std::vector<std::string> rest;   // after "--"
  // Long name and value ("" for a switch); repeated ones in the order they were typed.
  std::vector<std::pair<std::string, std::string>> options;

  bool Has(std::string_view name) const;
  std::optional<std::string> Get(std::string_view name) const;  // the last one wins
};

// Errc::kInvalid with a sentence for the person: unknown option (and which one may have been
// meant), missing value.
Result<Arguments> ParseArguments(CommandId command, std::span<const std::string> args);

}  // namespace tend::cli
