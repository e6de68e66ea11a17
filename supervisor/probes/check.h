// One look at a worker from outside, and what came of it.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

namespace tend::probes {

enum class Outcome : std::uint8_t {
  kGood,
  kBad,
  kUnknown,  // we could not look: that is not the worker's fault
};

struct CheckResult {
  Outcome outcome = Outcome::kGood;
  std::string why = {};  // it is not good, for people
  bool is_good() const { return outcome == Outcome::kGood; }
};
// Called once, from the loop, and never after the check was destroyed. It may destroy the check.
using CheckDone = std::function<void(CheckResult)>;

// A look that is under way. Destroying it ends it.
class Check {
 public:
  Check() = default;
  Check(const Check&) = delete;
  Check& operator=(const Check&) = delete;
  virtual ~Check() = default;
};

}  // namespace tend::probes
