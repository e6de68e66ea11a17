// Whether a worker needs more memory than it may. One sample may be a peak that is over already;
// two in a row are not. Pure.
#pragma once

#include <chrono>
#include <cstdint>

#include "base/time.h"

namespace tend::probes {

class MemoryPolicy {
 public:
  static constexpr auto kEvery = std::chrono::seconds(1);  // from sample to sample
  // A worker that is restarted gracefully stays above for a while; one that was not, for ever.
  static constexpr auto kSayAgain = std::chrono::seconds(60);

  enum class Change : std::uint8_t {
    kNone,
    kAbove,       // now
    kStillAbove,  // for kSayAgain since that was last said
  };
  Change Add(std::uint64_t resident_bytes, std::uint64_t limit_bytes, Mono now) {
    if (resident_bytes <= limit_bytes) {
      above_ = 0;
      return Change::kNone;
    }
    if (above_ < kInARow && ++above_ == kInARow) {
      said_ = now;
      return Change::kAbove;
    }
    if (above_ < kInARow || now - said_ < kSayAgain) return Change::kNone;
    said_ = now;
    return Change::kStillAbove;
  }

 private:
  static constexpr int kInARow = 2;
  int above_ = 0;
  Mono said_{};
};

}  // namespace tend::probes
