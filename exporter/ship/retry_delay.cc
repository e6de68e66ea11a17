#include "exporter/ship/retry_delay.h"

#include <algorithm>
#include <random>

namespace tend::exporter {

using std::chrono::nanoseconds;

Draw RandomDraw() {
  return RandomDraw(std::random_device()());
}

Draw RandomDraw(std::uint64_t seed) {
  return [engine = std::mt19937_64(seed)]() mutable {
    return std::uniform_real_distribution<double>(0, 1)(engine);
  };
}

nanoseconds RetryDelay::Fail(std::optional<nanoseconds> retry_after, nanoseconds longest) {
  span_ = is_failing() ? std::min(2 * span_, limits_.longest) : limits_.first;
  const auto span = static_cast<double>(std::min(span_, longest).count());
  const double part = 1 - limits_.drawn + limits_.drawn * draw_();
  const nanoseconds delay(static_cast<nanoseconds::rep>(span * part));
  const nanoseconds asked = std::min(retry_after.value_or(nanoseconds(0)), limits_.asked_max);
  return std::max({delay, limits_.least, asked});
}

}  // namespace tend::exporter
