#include "exporter/catalog.h"

namespace tend::exporter {
namespace {

std::string ExposedName(const MetricRow& row) {
  std::string name(row.name);
  if (row.type == MetricType::kCounter) name += "_total";
  if (row.type == MetricType::kInfo) name += "_info";
  return name;
}

}  // namespace

std::string_view TypeName(MetricType type) {
  switch (type) {
    case MetricType::kCounter:
      return "counter";
    case MetricType::kGauge:
      return "gauge";
    case MetricType::kHistogram:
      return "histogram";
    case MetricType::kInfo:
      return "info";
    case MetricType::kStateSet:
      return "stateset";
  }
  return "unknown";
}

std::string MetricsMarkdown() {
  std::string text =
      "# Metrics\n\n"
      "What `/metrics` says, printed from `exporter/metrics.def`. A metric whose source is "
      "missing\n"
      "(no Node worker, no exit yet) is absent; counters of restarts by reason begin at 0.\n\n"
      "| name | type | unit | labels | help |\n|---|---|---|---|---|\n";
  for (const MetricRow& row : kMetrics) {
    text += "| `" + ExposedName(row) + "` | ";
    text += TypeName(row.type);
    text += " | ";
    text += row.unit;
    text += " | ";
    text += row.labels;
    text += " | ";
    text += row.help;
    text += " |\n";
  }
  return text;
}

}  // namespace tend::exporter
