// What the page says of the numbers that one worker's app made up.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace tend::exporter {

struct CustomNumbers {
  struct Level {
    std::string name, unit;
    double value = 0;
  };
  struct Summary {
    std::string name;
    double sum = 0;
    double count = 0;
    // Of the last 60 s, at most a fifth too high; absent if there was none in them.
    std::optional<double> p50, p99;
  };
  // All by name.
  std::vector<Level> levels;  // of the process that runs
  std::vector<std::pair<std::string, double>> counts;
  std::vector<Summary> timings;  // seconds
  std::vector<Summary> samples;
  std::uint64_t refused = 0;
};

}  // namespace tend::exporter
