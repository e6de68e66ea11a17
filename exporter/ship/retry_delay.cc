#include "exporter/ship/retry_delay.h"

#include <algorithm>

namespace tend::exporter {

using namespace std::chrono_literals;

std::chrono::nanoseconds RetryDelay(int failures,
                                    double random,
                                    bool needs_help,
                                    std::optional<std::chrono::nanoseconds> retry_after) {
  constexpr std::chrono::nanoseconds kFirst = 500ms, kLeast = 100ms, kAskedMax = 1h;
  const std::chrono::nanoseconds longest = needs_help ? std::chrono::nanoseconds(30s) : 5min;
  const std::chrono::nanoseconds span =
      std::min(longest, kFirst * (1 << std::clamp(failures - 1, 0, 10)));
  const auto part =
      static_cast<std::chrono::nanoseconds::rep>(static_cast<double>(span.count()) * random);
  const std::chrono::nanoseconds delay = std::max(kLeast, std::chrono::nanoseconds(part));
  return std::max(delay, std::min(retry_after.value_or(0ns), kAskedMax));
}

}  // namespace tend::exporter
