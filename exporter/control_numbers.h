// What the page says of requests that core was sent, by method.
#pragma once

#include <cstdint>
#include <string>

namespace tend::exporter {

struct ControlNumbers {
  std::string method;
  std::uint64_t ok = 0, error = 0;
};

}  // namespace tend::exporter
