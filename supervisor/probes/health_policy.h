// What a row of checks says about a worker. Pure.
#pragma once

#include <cstdint>

#include "base/time.h"
#include "config/config.h"
#include "supervisor/probes/check.h"

namespace tend::probes {

struct HealthChange {
  bool failing = false;    // it was well until now
  bool recovered = false;  // it is well again
  bool sick = false;       // so many failures in a row; said again after as many more
};

class HealthPolicy {
 public:
  // Nothing is looked at before its grace after `online` is over.
  HealthPolicy(const config::HealthConfig& config, Mono online)
      : every_(config.every), failures_max_(config.failures), next_(online + config.grace) {}

  Mono next() const { return next_; }  // when to check
  // Of a check that began at `begun`. What could not be looked at changes nothing.
  HealthChange Add(Outcome outcome, Mono begun, Mono now);
  std::uint32_t failures() const { return failures_; }  // in a row

 private:
  config::Duration every_;
  std::uint32_t failures_max_;
  Mono next_;
  std::uint32_t failures_ = 0;
};

}  // namespace tend::probes
