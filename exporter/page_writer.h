// Writes one exposition page: OpenMetrics 1.0 or Prometheus' classic text 0.0.4. Families come one
// after the other, each with its samples together; a family without samples leaves no trace.
//
// https://prometheus.io/docs/specs/om/open_metrics_spec/ and
// https://prometheus.io/docs/instrumenting/exposition_formats/
//
// Thread: any one. Appends to one string and allocates nothing else worth speaking of.
#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>

#include "exporter/catalog.h"
#include "exporter/negotiate.h"

namespace tend::exporter {

struct Label {
  std::string_view name, value;
};
using Labels = std::initializer_list<Label>;

class PageWriter {
 public:
  PageWriter(Dialect dialect, std::string& out) : dialect_(dialect), out_(out) {}

  // The samples that follow belong to this family. Every family at most once a page, and with the
  // label sets in an order that does not change from page to page.
  void Begin(const MetricRow& row);

  // Of counters, gauges, and of infos (value 1).
  void Sample(Labels labels, double value);
  void Sample(Labels labels, std::uint64_t value);
  // One sample per state, 1 for `current`. The label that says which has the family's name.
  void StateSet(Labels labels, std::span<const std::string_view> states, std::string_view current);
  // `cumulative` has one count for each bound and a last one for all.
  // REQUIRES: cumulative.size() == bounds.size() + 1
  void Histogram(Labels labels,
                 std::span<const double> bounds,
                 std::span<const std::uint64_t> cumulative,
                 double sum);
  // Call last.
  void End();

  std::size_t series() const { return series_; }

 private:
  void Metadata();
  void Name(std::string_view suffix);
  void WriteLabels(Labels labels, const Label* extra);
  void WriteCount(std::string_view suffix, Labels labels, const Label* extra, std::uint64_t value);
  void Line(std::string_view suffix, Labels labels, const Label* extra, std::string_view value);

  Dialect dialect_;
  std::string& out_;
  const MetricRow* row_ = nullptr;
  bool has_metadata_ = false;
  std::size_t series_ = 0;
};

// As both formats want it: the shortest form that reads back, without exponent from 0.0001 to
// 10^15; NaN, +Inf, -Inf.
std::string FormatNumber(double value);
// `text` as a label value: invalid UTF-8 replaced by U+FFFD, cut at 128 bytes, \ " and newline
// escaped.
void AppendLabelValue(std::string_view text, std::string& out);

}  // namespace tend::exporter
