// Writes one exposition page: OpenMetrics 1.0 or Prometheus' classic text 0.0.4. Families come one
// after the other, each with its samples together; a family without samples leaves no trace.
//
// https://prometheus.io/docs/specs/om/open_metrics_spec/ and
// https://prometheus.io/docs/instrumenting/exposition_formats/
//
// Thread: any one. Appends to one string, which may be taken away whenever a line is finished.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "exporter/catalog.h"
#include "exporter/chunks.h"
#include "exporter/negotiate.h"

namespace tend::exporter {

struct Label {
  std::string_view name, value;
};
using Labels = std::initializer_list<Label>;

// Labels as they stand on the page, which the samples of a worker share: `app="api",worker="0"`.
struct Rendered {
  std::string_view base;
  std::string_view more = {};  // further ones, after a comma: `mode="user"`
};

class PageWriter {
 public:
  // Called with `out` when it has kChunkBytes or more, for it to be emptied.
  using Full = std::function<void(std::string& out)>;

  PageWriter(Dialect dialect, std::string& out, Full full = nullptr)
      : dialect_(dialect), out_(out), full_(std::move(full)) {}

  // The samples that follow belong to this family. Every family at most once a page (one that goes
  // on is not begun again), and with the label sets in an order that does not change from page to
  // page.
  void Begin(const MetricRow& row);

  // Of counters, gauges, and of infos (value 1).
  void Sample(Labels labels, double value);
  void Sample(Labels labels, std::uint64_t value);
  void Sample(Rendered labels, double value);
  void Sample(Rendered labels, std::uint64_t value);
  // One sample per state, 1 for `current`. The label that says which has the family's name.
  void StateSet(Rendered labels,
                std::span<const std::string_view> states,
                std::string_view current);
  // Without quantiles.
  void Summary(Rendered labels, std::uint64_t count, double sum);
  // `cumulative` has one count for each bound and a last one for all.
  // REQUIRES: cumulative.size() == bounds.size() + 1
  void Histogram(Rendered labels,
                 std::span<const double> bounds,
                 std::span<const std::uint64_t> cumulative,
                 double sum);
  // Call last.
  void End();

  std::size_t series() const { return series_; }

 private:
  void Metadata();
  void Name(std::string_view suffix);
  // A line up to its value.
  void Start(std::string_view suffix, Rendered labels);
  void Finish(double value);
  void Finish(std::uint64_t value);
  void FinishLine(char* value, char* end);
  void SetBounds(std::span<const double> bounds);

  Dialect dialect_;
  std::string& out_;
  const Full full_;
  const MetricRow* row_ = nullptr;
  bool has_metadata_ = false;
  std::size_t series_ = 0;
  std::string labels_;  // of one sample; kept for its room
  std::vector<double> bounds_;
  std::vector<std::string> bound_labels_;  // `le="0.5"` for each of bounds_, and for all
};

// As both formats want it: the shortest form that reads back, without exponent from 0.0001 to
// 10^15; NaN, +Inf, -Inf.
std::string FormatNumber(double value);
// `name="value",…`, as in Rendered.
std::string RenderLabels(Labels labels);
// `text` as a label value: invalid UTF-8 replaced by U+FFFD, cut at 128 bytes, \ " and newline
// escaped.
void AppendLabelValue(std::string_view text, std::string& out);

}  // namespace tend::exporter
