// What tend counts about its own work, on prometheus-cpp's core, which is thread-safe: any thread
// may count. The page takes the numbers from Collect().
#pragma once

#include <memory>
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
  // `collector`: "proc", "telemetry" or "link".
  void CountError(std::string_view collector);
  // How long one pass of a collector took. On the page from the first pass on.
  void ObserveCollect(std::string_view collector, double seconds);
  // How late a timer of the sidecar's own loop fired. On the page from the first one on.
  void ObserveLoopLag(double seconds);

  // Appends its families to the page, in the order of the table.
  void Write(PageWriter& page) const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace tend::exporter
