// How long a shipper waits before it tries again. Pure.
#pragma once

#include <chrono>
#include <optional>

namespace tend::exporter {

// After `failures` in a row (from 1): anything from 0.1 s up to 0.5 s, 1 s, 2 s … 5 min, as
// `random`, from [0, 1), has it, so that those who failed together do not come back together. At
// most 30 s where somebody's help is waited for, who will look whether it helped. Never less than
// the receiver asks for, up to an hour.
std::chrono::nanoseconds RetryDelay(int failures,
                                    double random,
                                    bool needs_help,
                                    std::optional<std::chrono::nanoseconds> retry_after);

}  // namespace tend::exporter
