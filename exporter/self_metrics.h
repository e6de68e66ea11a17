// What tend counts about its own work, on prometheus-cpp's core, which is thread-safe: any thread
// may count. The page takes the numbers from Collect().
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "exporter/page_writer.h"

namespace tend::exporter {

class SelfMetrics {
 public:
  SelfMetrics();
  ~SelfMetrics();
  SelfMetrics(const SelfMetrics&) = delete;
  SelfMetrics& operator=(const SelfMetrics&) = delete;

  void CountScrape(Dialect dialect);
  // `collector`: "proc", "telemetry", "link" or "follow".
  void CountError(std::string_view collector);
  // How long one pass of a collector took: "proc", "details" or "logs". On the page from the first
  // pass on.
  void ObserveCollect(std::string_view collector, double seconds);
  // How late a timer of the sidecar's own loop fired. On the page from the first one on.
  void ObserveLoopLag(double seconds);

  // A page was rendered, without so many series.
  void CountRender(std::size_t series_left_out);

  // visit(name, number) for each number that only ever grows, to be kept; and, at the beginning, to
  // go on from what was kept: 0 for what was not.
  void Counters(const std::function<void(const std::string& name, double number)>& visit) const;
  void Resume(const std::function<double(const std::string& name)>& number_of);

  // Appends its families up to `level` to the page, in the order of the table.
  void Write(PageWriter& page, MetricLevel level) const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace tend::exporter
