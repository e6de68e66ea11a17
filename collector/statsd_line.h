// One line of statsd → numbers of an app's own.
//
//   requests:1|c   requests:3|c|@0.1   temperature:21.5|g   queue:+2|g   latency:12.5|ms
//   size:300|h   size:1:2:3|d   requests:1|c|#route:/,method:get
//
// "c" counts; "g" is a level, or with a sign a change of it; "ms" is a time; "h" and "d" are
// samples. "@" says which share of them was sent. What else follows, such as tags, is passed over.
//
// Pure and total.
#pragma once

#include <string_view>
#include <vector>

#include "base/telemetry.h"

namespace tend::collector {

// A line is at most so long, and has at most so many values.
inline constexpr std::size_t kStatsdLineMax = 4096;
inline constexpr std::size_t kStatsdValuesMax = 64;

// Appends to `values`. False, with nothing appended, if it is no such line, has no name or a number
// that is none, is less than 0 where it is no level, or is of a type that is not listed above.
bool ParseStatsdLine(std::string_view line, std::vector<CustomValue>& values);

}  // namespace tend::collector
