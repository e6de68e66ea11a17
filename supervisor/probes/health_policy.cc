#include "supervisor/probes/health_policy.h"

#include <algorithm>
#include <utility>

namespace tend::probes {

HealthChange HealthPolicy::Add(Outcome outcome, Mono begun, Mono now) {
  HealthChange change;
  next_ = std::max(begun + every_, now);
  if (outcome == Outcome::kGood) {
    change.recovered = std::exchange(failures_, 0) > 0;
  } else if (outcome == Outcome::kBad) {
    ++failures_;
    change.failing = failures_ == 1;
    change.sick = failures_ % failures_max_ == 0;
  }
  return change;
}

}  // namespace tend::probes
