// Whether a worker's event loop stands still: it reports once a second as long as it does not.
// Silence of one that never reported says nothing; nor does silence while we did not listen. Pure.
#pragma once

#include <chrono>

#include "base/time.h"

namespace tend::probes {

class StallPolicy {
 public:
  static constexpr auto kEvery = std::chrono::seconds(1);  // from look to look

  // `limit`: the longest silence. `grace_end`: before it nothing counts.
  StallPolicy(std::chrono::nanoseconds limit, Mono grace_end)
      : limit_(limit), grace_end_(grace_end) {}

  void Reported(Mono now) {
    reported_ = now;
    reports_ = true;
  }
  // True when the limit is reached; again after as much more silence.
  bool Look(Mono now) {
    // We were late ourselves: its reports may wait in the pipe.
    if (now - looked_ > 3 * kEvery) reported_ = now;
    looked_ = now;
    if (!reports_ || now < grace_end_ || now - reported_ < limit_) return false;
    reported_ = now;
    return true;
  }

 private:
  std::chrono::nanoseconds limit_;
  Mono grace_end_;
  Mono reported_{}, looked_{};
  bool reports_ = false;
};

}  // namespace tend::probes
