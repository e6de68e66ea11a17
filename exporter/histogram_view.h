// A histogram as the page needs it.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace tend::exporter {

struct HistogramView {
  std::span<const double> bounds;         // upper ones; outlive the view
  std::vector<std::uint64_t> cumulative;  // one for each bound, and a last one for all
  double sum = 0;
};

}  // namespace tend::exporter
