// A snapshot as a page for Prometheus.
#pragma once

#include <cstddef>
#include <string>

#include "config/observe.h"
#include "exporter/page_writer.h"
#include "exporter/self_metrics.h"
#include "exporter/snapshot.h"

namespace tend::exporter {

struct PageStats {
  std::size_t series = 0;
  // Where they were more than config.max_series: workers of which only basic numbers are here, from
  // the end of the page, so that it is always the same ones; and what is missing for that.
  std::size_t workers_limited = 0, series_left_out = 0;
};

struct PageRequest {
  Dialect dialect = Dialect::kClassic;
  bool gzip = false;
  config::MetricsConfig config = {};
};

// `self` may be nullptr. Thread: any one.
Chunks RenderChunks(const Snapshot& snapshot,
                    const SelfMetrics* self,
                    const PageRequest& request,
                    PageStats* stats = nullptr);
// As one text, not packed.
std::string Render(const Snapshot& snapshot,
                   const SelfMetrics* self,
                   Dialect dialect,
                   const config::MetricsConfig& config = {});

}  // namespace tend::exporter
