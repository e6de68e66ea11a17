// A snapshot as a page for Prometheus.
#pragma once

#include <string>

#include "exporter/page_writer.h"
#include "exporter/self_metrics.h"
#include "exporter/snapshot.h"

namespace tend::exporter {

// `self` may be nullptr. Thread: any one.
std::string Render(const Snapshot& snapshot, const SelfMetrics* self, Dialect dialect);

}  // namespace tend::exporter
