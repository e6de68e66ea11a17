// How long one waits before it tries again what a receiver did not take: longer after each failure
// in a row, and never quite the same, so that those who failed together do not come back together.
//
// Owned by one who sends; not synchronised.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <utility>

namespace tend::exporter {

// Gives numbers from [0, 1).
using Draw = std::function<double()>;
Draw RandomDraw();                    // others each time
Draw RandomDraw(std::uint64_t seed);  // the same each time

class RetryDelay {
 public:
  struct Limits {
    std::chrono::nanoseconds first;     // the span after the first failure; twofold with each other
    std::chrono::nanoseconds longest;   // of a span
    double drawn = 1;                   // the part of a span that is drawn; the rest is waited
    std::chrono::nanoseconds least{0};  // of a delay
    std::chrono::nanoseconds asked_max;  // of what a receiver asks for
  };
  explicit RetryDelay(const Limits& limits, Draw draw = RandomDraw())
      : limits_(limits), draw_(std::move(draw)) {}

  // How long to wait after another failure: never less than the receiver asks for. `longest` is of
  // this span only.
  std::chrono::nanoseconds Fail(std::optional<std::chrono::nanoseconds> retry_after,
                                std::chrono::nanoseconds longest = std::chrono::nanoseconds::max());
  // It has gone well, or there is nothing to try again.
  void Succeed() { span_ = {}; }
  bool is_failing() const { return span_.count() > 0; }

 private:
  Limits limits_;
  Draw draw_;
  std::chrono::nanoseconds span_{0};  // of the last failure; 0: none
};

}  // namespace tend::exporter
