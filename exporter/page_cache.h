// Pages that were rendered a moment ago, for several scrapers to share: how often a page is
// rendered depends on the clock, not on how many ask.
//
// Thread: Get() from one; Trim() from any.
#pragma once

#include <array>
#include <chrono>
#include <functional>
#include <mutex>

#include "base/time.h"
#include "exporter/chunks.h"
#include "exporter/negotiate.h"

namespace tend::exporter {

inline constexpr auto kPageAgeMax = std::chrono::seconds(1);

class PageCache {
 public:
  // nullptr if there is nothing to render; that is not kept.
  using Render = std::function<SharedChunks()>;

  // What `render` gave for this dialect and encoding, at most kPageAgeMax before `now`.
  SharedChunks Get(Dialect dialect, bool gzip, Mono now, const Render& render);
  // Lets go of what is too old. Who still sends a page keeps it.
  void Trim(Mono now);

 private:
  struct Entry {
    SharedChunks page;
    Mono made{};
  };
  static bool IsFresh(const Entry& entry, Mono now) {
    return entry.page != nullptr && now - entry.made < kPageAgeMax;
  }

  std::mutex mutex_;
  std::array<Entry, 4> entries_;  // by dialect and encoding
};

}  // namespace tend::exporter
