#include "base/control.h"

#include <fnmatch.h>

#include <algorithm>
#include <cstddef>
#include <optional>

#include "base/number.h"

namespace tend {
namespace {

template <typename Predicate>
std::vector<Selected> WholeApps(const std::vector<Selectable>& from, Predicate matches) {
  std::vector<Selected> hits;
  for (const Selectable& app : from) {
    if (matches(app)) hits.push_back({app.app, -1});
  }
  return hits;
}

std::vector<Selected> ByWorkerName(std::string_view selector, const std::vector<Selectable>& from) {
  const std::size_t colon = selector.rfind(':');
  if (colon == std::string_view::npos) return {};
  const auto slot = ParseNumber<int>(selector.substr(colon + 1));
  if (!slot) return {};
  for (const Selectable& app : from) {
    if (app.app != selector.substr(0, colon)) continue;
    for (const Selectable::Worker& worker : app.workers) {
      if (worker.slot == *slot) return {{app.app, worker.slot}};
    }
  }
  return {};
}

std::vector<Selected> ById(int id, const std::vector<Selectable>& from) {
  for (const Selectable& app : from) {
    for (const Selectable::Worker& worker : app.workers) {
      if (worker.id == id) return {{app.app, worker.slot}};
    }
  }
  return {};
}

// Optimal string alignment distance: edits and swaps of neighbours.
std::size_t Distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> before(b.size() + 1), last(b.size() + 1), now(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j)
    last[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    now[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t change = last[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
      now[j] = std::min({last[j] + 1, now[j - 1] + 1, change});
      const bool swapped = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
      if (swapped) now[j] = std::min(now[j], before[j - 2] + 1);
    }
    before.swap(last);
    last.swap(now);
  }
  return last[b.size()];
}

}  // namespace

std::vector<Selected> Select(std::string_view selector, const std::vector<Selectable>& from) {
  auto exact = WholeApps(from, [&](const Selectable& app) { return app.app == selector; });
  if (!exact.empty()) return exact;
  if (selector == "all") return WholeApps(from, [](const Selectable&) { return true; });
  if (selector.starts_with('@')) {
    return WholeApps(from,
                     [&](const Selectable& app) { return app.namespace_ == selector.substr(1); });
  }
  if (const auto id = ParseNumber<int>(selector); id && *id >= 0) return ById(*id, from);
  if (auto worker = ByWorkerName(selector, from); !worker.empty()) return worker;
  if (selector.find_first_of("*?[") == std::string_view::npos) return {};
  const std::string pattern(selector);
  return WholeApps(from, [&](const Selectable& app) {
    return ::fnmatch(pattern.c_str(), app.app.c_str(), 0) == 0;
  });
}

std::string DidYouMean(std::string_view word, const std::vector<std::string>& candidates) {
  // Longer words are not typing errors of anything, and the distance is quadratic.
  if (word.size() > 128) return {};
  std::string best;
  std::size_t best_distance = std::max<std::size_t>(1, word.size() / 3) + 1;
  for (const std::string& candidate : candidates) {
    if (candidate.size() > 128) continue;
    const std::size_t distance = Distance(word, candidate);
    if (distance < best_distance && distance < candidate.size()) {
      best_distance = distance;
      best = candidate;
    }
  }
  return best;
}

}  // namespace tend
