#include "exporter/custom_series.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace tend::exporter {

void RecentSpread::Add(double value, double weight, Mono now) {
  const std::int64_t number = now.time_since_epoch() / kSlice;
  Slice& slice = slices_[static_cast<std::size_t>(number) % kSlices];
  if (slice.number != number) slice = Slice{number, 0, {}};
  const double step = value <= kLeast ? 0 : std::ceil(std::log(value / kLeast) / std::log(kRatio));
  const auto bucket = std::min(static_cast<std::size_t>(step), kBuckets - 1);
  const double room = std::numeric_limits<std::uint32_t>::max() - slice.counts[bucket];
  slice.counts[bucket] +=
      static_cast<std::uint32_t>(std::min(std::round(std::max(weight, 1.0)), room));
  slice.max = std::max(slice.max, value);
}

std::optional<double> RecentSpread::Quantile(double q, Mono now) const {
  const std::int64_t number = now.time_since_epoch() / kSlice;
  std::array<std::uint64_t, kBuckets> counts{};
  std::uint64_t total = 0;
  double max = 0;
  for (const Slice& slice : slices_) {
    if (slice.number < 0 || number - slice.number >= static_cast<std::int64_t>(kSlices)) continue;
    for (std::size_t i = 0; i < kBuckets; ++i) {
      counts[i] += slice.counts[i];
      total += slice.counts[i];
    }
    max = std::max(max, slice.max);
  }
  if (total == 0) return std::nullopt;
  const double rank = std::ceil(q * static_cast<double>(total));
  std::uint64_t seen = 0;
  for (std::size_t i = 0; i + 1 < kBuckets; ++i) {
    seen += counts[i];
    if (static_cast<double>(seen) < rank) continue;
    return std::min(kLeast * std::pow(kRatio, static_cast<double>(i)), max);
  }
  return max;
}

std::size_t CustomSeries::names() const {
  std::size_t levels_max = 0;
  levels_.Each([&](const Levels& levels) { levels_max = std::max(levels_max, levels.size()); });
  return levels_max + counts_.size() + timings_.size() + samples_.size();
}

template <typename Map>
typename Map::mapped_type* CustomSeries::Find(Map& map, const std::string& name) {
  const auto known = map.find(name);
  if (known != map.end()) return &known->second;
  if (names() >= kCustomNamesMax) return nullptr;
  return &map[name];
}

bool CustomSeries::Take(const CustomValue& value, Levels& levels, Mono now) {
  if (value.kind == CustomValue::Kind::kCount) {
    double* count = Find(counts_, value.name);
    if (count != nullptr) *count += value.value;
    return count != nullptr;
  }
  if (value.kind == CustomValue::Kind::kTiming || value.kind == CustomValue::Kind::kSample) {
    const bool is_timing = value.kind == CustomValue::Kind::kTiming;
    Summary* summary = Find(is_timing ? timings_ : samples_, value.name);
    if (summary == nullptr) return false;
    summary->sum += value.value * value.weight;
    summary->count += value.weight;
    summary->recent.Add(value.value, value.weight, now);
    return true;
  }
  Level* level = Find(levels, value.name);
  if (level == nullptr) return false;
  level->value =
      value.kind == CustomValue::Kind::kChange ? level->value + value.value : value.value;
  level->unit = value.unit;
  return true;
}

void CustomSeries::Add(std::uint64_t incarnation,
                       const std::vector<CustomValue>& values,
                       std::size_t refused,
                       Mono now) {
  Levels& levels = levels_.Heard(incarnation, now);
  refused_ += refused;
  for (const CustomValue& value : values) {
    if (!Take(value, levels, now)) ++refused_;
  }
}

std::vector<CustomNumbers::Summary> CustomSeries::ViewOf(const Summaries& summaries, Mono now) {
  std::vector<CustomNumbers::Summary> views;
  views.reserve(summaries.size());
  for (const auto& [name, summary] : summaries) {
    views.push_back({name, summary.sum, summary.count, summary.recent.Quantile(0.5, now),
                     summary.recent.Quantile(0.99, now)});
  }
  return views;
}

CustomNumbers CustomSeries::View(std::uint64_t incarnation, Mono now) const {
  CustomNumbers numbers;
  if (const auto* life = incarnation != 0 ? levels_.Find(incarnation) : nullptr) {
    for (const auto& [name, level] : life->levels)
      numbers.levels.push_back({name, level.unit, level.value});
  }
  numbers.counts.assign(counts_.begin(), counts_.end());
  numbers.timings = ViewOf(timings_, now);
  numbers.samples = ViewOf(samples_, now);
  numbers.refused = refused_;
  return numbers;
}

bool CustomSeries::Expect(std::string_view name) {
  const std::size_t blank = name.find(' ');
  const std::string_view what = name.substr(0, blank);
  if (blank == std::string_view::npos) return what == "custom_refused";
  const std::string own = CustomName(name.substr(blank + 1));
  if (own.empty()) return false;
  if (what == "count") return Find(counts_, own) != nullptr;
  if (what == "timing_sum" || what == "timing_count") return Find(timings_, own) != nullptr;
  if (what == "sample_sum" || what == "sample_count") return Find(samples_, own) != nullptr;
  return false;
}

}  // namespace tend::exporter
