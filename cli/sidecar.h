// What the sidecar knows beyond core: numbers and last words. Everything here has a short deadline
// and does without an answer: core's truth is never held up by the sidecar.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "base/status.h"
#include "cli/context.h"

namespace tend::cli {

inline constexpr std::chrono::milliseconds kNumbersLimit{300};

// Fills CPU, memory and event-loop lag of the same incarnations in `apps`.
void AddNumbers(const Context& context, std::vector<AppStatus>& apps);
// The last lines that a worker's incarnation wrote to stderr. The sidecar waits up to 1 s until all
// of it has been read.
std::vector<std::string> LastStderr(const Context& context,
                                    const std::string& app,
                                    int slot,
                                    std::uint64_t incarnation,
                                    std::chrono::milliseconds limit);

}  // namespace tend::cli
