// The flags of `tend start` that are keys of an app, under PM2's names. The CLI registers what
// Flags() lists and hands back what it got.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "config/config.h"

namespace tend::config {

enum class FlagTakes : std::uint8_t {
  kNothing,
  kValue,
  kList,   // one or more words; may be repeated
  kMaybe,  // a word or nothing
};

struct Flag {
  std::string_view name;    // "--max-restarts"
  std::string_view also;    // "-x", or a longer name; "" if none
  std::string_view also_2;  // one more, or ""
  FlagTakes takes;
  std::string_view key;  // "max_restarts"
  std::string_view help;
  bool supported;  // false: using it is an error that says so
};

// In the order of the table of keys.
std::vector<Flag> Flags();

// Sets what the flag (any of its names) says. `value` is "" for flags that take nothing; words of a
// list are separated by blanks. Errc::kInvalid says what was expected, or that the flag is not
// supported yet.
Result<> ApplyFlag(AppConfig& app, std::string_view flag, std::string_view value);

// All flags of one command line, with PM2's rules about several: `-i` without `--merge-logs` gives
// each worker log files of its own. Warnings are returned, with no file.
Result<std::vector<Problem>> ApplyFlags(AppConfig& app,
                                        std::span<const std::pair<std::string, std::string>> flags);

}  // namespace tend::config
