// `tend logs stats`: what apps write, and what became of it, in numbers of the sidecar.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/exit_code.h"
#include "base/result.h"
#include "cli/context.h"

namespace tend::cli {

struct LogStats {
  std::string app;
  std::uint64_t out_lines = 0, err_lines = 0;  // of its workers, since tend knows them
  std::uint64_t bytes = 0;                     // of these lines
  std::uint64_t dropped_lines = 0;
  std::uint64_t disk_bytes = 0;
  std::uint64_t limit_bytes = 0;  // 0: none
  std::uint64_t files = 0;
  std::uint64_t compression_input = 0, compression_output = 0;  // bytes
  // Size of archives made, to what went into them.
  std::optional<double> compressed() const;
};
// Errc::kInvalid if it is not what /api/v1/log_stats says.
Result<std::vector<LogStats>> ParseLogStats(std::string_view json);

// What the sidecar says of `apps` (or all), and for each "lines_per_second" and "bytes_per_second"
// of the time between.
std::string LogStatsJson(const std::vector<LogStats>& before,
                         const std::vector<LogStats>& now,
                         const std::vector<std::string>& apps,
                         double seconds);

// Of `apps`, or of all; looks for a second, to tell how fast they write.
ExitCode ShowLogStats(const Context& context, const std::vector<std::string>& apps, bool as_json);

}  // namespace tend::cli
