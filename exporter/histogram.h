// A histogram that is never reset. Plain numbers, one thread.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "exporter/histogram_view.h"

namespace tend::exporter {

class Histogram {
 public:
  // `bounds`: upper ones, rising; they outlive this.
  explicit Histogram(std::span<const double> bounds)
      : bounds_(bounds), counts_(bounds.size() + 1) {}

  void Observe(double value) {
    const auto bound = std::lower_bound(bounds_.begin(), bounds_.end(), value);
    ++counts_[static_cast<std::size_t>(bound - bounds_.begin())];
    sum_ += value;
  }

  HistogramView View() const {
    HistogramView view{bounds_, counts_, sum_};
    for (std::size_t i = 1; i < view.cumulative.size(); ++i)
      view.cumulative[i] += view.cumulative[i - 1];
    return view;
  }

  // visit(name, number) for each number, to be kept and set again.
  template <typename Visit>
  void Counters(const std::string& name, Visit&& visit) {
    for (std::size_t i = 0; i < counts_.size(); ++i)
      visit(name + '.' + std::to_string(i), counts_[i]);
    visit(name + ".sum", sum_);
  }

 private:
  std::span<const double> bounds_;
  std::vector<std::uint64_t> counts_;  // by bucket
  double sum_ = 0;
};

}  // namespace tend::exporter
