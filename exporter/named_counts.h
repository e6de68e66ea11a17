// Counts by the value of a label.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace tend::exporter {

using NamedCounts = std::vector<std::pair<std::string, std::uint64_t>>;

}  // namespace tend::exporter
