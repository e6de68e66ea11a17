// What holds of a process only, for the few of one worker slot that may be there at once: a
// successor that speaks, and may fail, does not end the levels of the one that serves.
//
// Pure. Thread: the loop's.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <utility>

#include "base/time.h"

namespace tend::exporter {

template <typename Levels>
class LevelsByLife {
 public:
  // Of the process `incarnation`, which said something just now. Of more than kLivesMax, what was
  // said longest ago is dropped.
  Levels& Heard(std::uint64_t incarnation, Mono now) {
    auto life = std::find_if(lives_.begin(), lives_.end(),
                             [&](const Life& known) { return known.incarnation == incarnation; });
    if (life == lives_.end()) {
      life = std::min_element(lives_.begin(), lives_.end(), [](const Life& a, const Life& b) {
        return std::pair(a.at, a.incarnation) < std::pair(b.at, b.incarnation);
      });
      *life = Life();
      life->incarnation = incarnation;
    }
    life->at = now;
    return life->levels;
  }

  struct Life {
    std::uint64_t incarnation = 0;  // 0: none
    Mono at{};                      // when it last said something
    Levels levels;
  };
  // Null: it said nothing, or too long ago. REQUIRES: `incarnation` is not 0.
  const Life* Find(std::uint64_t incarnation) const {
    const auto life = std::find_if(lives_.begin(), lives_.end(), [&](const Life& known) {
      return known.incarnation == incarnation;
    });
    return life == lives_.end() ? nullptr : &*life;
  }

  // visit(levels) for each process.
  template <typename Visit>
  void Each(Visit&& visit) const {
    for (const Life& life : lives_)
      visit(life.levels);
  }

 private:
  // One that serves, one that takes over, and one that retires.
  static constexpr std::size_t kLivesMax = 3;
  std::array<Life, kLivesMax> lives_{};
};

}  // namespace tend::exporter
