// Reads log lines from the sidecar and prints them; follows through a restart of the sidecar.
#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/control.h"
#include "cli/context.h"
#include "cli/log_line.h"

namespace tend::cli {

struct LogQuery {
  std::vector<Selected> targets;     // empty: everything
  std::optional<std::size_t> lines;  // the last so many
  std::string since, until;          // RFC 3339 or empty
  std::string pattern;               // empty: all lines
  bool fixed = false;                // the pattern is a text, not a regular expression
  bool ignore_case = false;
  bool invert = false;
  std::string stream;  // "out", "err" or empty
  std::string level;   // as it was typed, or empty
  std::size_t context = 0;
  bool reverse = false;
  std::optional<std::size_t> run;  // of each worker, so many before the latest
  bool restarts = false;           // of workers are lines, too
  bool follow = false;
  // Lines stored in pieces are joined: nothing can be missing between two of them.
  bool IsWhole() const { return pattern.empty() && level.empty() && !reverse; }
  LogOutput output = LogOutput::kShort;
};

// What a request for `query` looks like.
std::string LogTarget(const LogQuery& query);

// Prints until there is nothing more or `stop` says so; asked at least every 100 ms. When a
// followed stream is told to stop, what is on disk by then is printed first.
ExitCode ShowLogs(const Context& context, const LogQuery& query, const std::function<bool()>& stop);

}  // namespace tend::cli
