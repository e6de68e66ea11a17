// Whether a worker says in one of its lines that it is up. Pure.
#pragma once

#include <algorithm>

#include "base/pattern.h"
#include "base/record.h"

namespace tend::probes {

inline bool AnyLineMatches(const Pattern& pattern, const RecordBatch& batch) {
  return std::any_of(batch.lines.begin(), batch.lines.end(),
                     [&](const LineSpan& line) { return pattern.Matches(batch.Text(line)); });
}

}  // namespace tend::probes
