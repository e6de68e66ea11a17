// The numbers that the app of one worker slot made up, summed up: counts and sums outlive its
// processes, levels do not. A slot has at most kCustomNamesMax names; what comes with another is
// refused and counted.
//
// Thread: the loop's.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "base/telemetry.h"
#include "base/time.h"
#include "exporter/custom_numbers.h"
#include "exporter/levels_by_life.h"

namespace tend::exporter {

inline constexpr std::size_t kCustomNamesMax = 100;

// How a positive number was distributed in the last minute. Fixed in size; quantiles are at most a
// fifth too high.
class RecentSpread {
 public:
  void Add(double value, double weight, Mono now);
  // nullopt: there was nothing.
  std::optional<double> Quantile(double q, Mono now) const;

 private:
  static constexpr std::size_t kSlices = 6;
  static constexpr auto kSlice = std::chrono::seconds(10);
  static constexpr double kLeast = 1e-6, kRatio = 1.2;
  static constexpr std::size_t kBuckets = 230;  // up to 1e12

  struct Slice {
    std::int64_t number = -1;  // which ten seconds of the clock
    double max = 0;
    std::array<std::uint32_t, kBuckets> counts{};
  };
  std::array<Slice, kSlices> slices_{};
};

class CustomSeries {
 public:
  // Of the process `incarnation`. `refused`: how many there were besides that could not be read.
  void Add(std::uint64_t incarnation,
           const std::vector<CustomValue>& values,
           std::size_t refused,
           Mono now);
  // `incarnation`: of the process that runs; 0: none does.
  CustomNumbers View(std::uint64_t incarnation, Mono now) const;

  // visit(name, number) for each number that only ever grows, to be kept and set again; visit(name,
  // number, name, number) for a sum and its count, of which one without the other says nothing.
  template <typename Visit>
  void Counters(Visit&& visit) {
    for (auto& [name, count] : counts_)
      visit("count " + name, count);
    for (auto& [name, summary] : timings_)
      visit("timing_sum " + name, summary.sum, "timing_count " + name, summary.count);
    for (auto& [name, summary] : samples_)
      visit("sample_sum " + name, summary.sum, "sample_count " + name, summary.count);
    visit(std::string("custom_refused"), refused_);
  }
  // Makes what `name` is the name of, as Counters() said it, so that it can be set. False: it is no
  // such name, or there are too many.
  bool Expect(std::string_view name);

 private:
  struct Level {
    double value = 0;
    std::string unit;
  };
  struct Summary {
    double sum = 0, count = 0;
    RecentSpread recent;
  };
  using Summaries = std::map<std::string, Summary, std::less<>>;

  using Levels = std::map<std::string, Level, std::less<>>;

  // With the levels of the process that has the most of them.
  std::size_t names() const;
  // Null: it is not there, and there is no room for it.
  template <typename Map>
  typename Map::mapped_type* Find(Map& map, const std::string& name);
  bool Take(const CustomValue& value, Levels& levels, Mono now);
  static std::vector<CustomNumbers::Summary> ViewOf(const Summaries& summaries, Mono now);

  LevelsByLife<Levels> levels_;
  std::map<std::string, double, std::less<>> counts_;
  Summaries timings_, samples_;
  std::uint64_t refused_ = 0;
};

}  // namespace tend::exporter
