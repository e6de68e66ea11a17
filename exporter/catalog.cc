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
      "What `/metrics` says, printed from `exporter/metrics.def`. The page is OpenMetrics 1.0 for\n"
      "those who ask for it by name, else Prometheus' classic text format.\n\n"
      "A metric whose source is missing (no Node worker, no exit yet, no limit) is absent, never "
      "0;\n"
      "counters by reason are there from the beginning, at 0. Counters of a worker go on over its\n"
      "restarts. `worker` is the slot: `api:1` is `app=\"api\", worker=\"1\"`.\n\n"
      "| name | type | unit | labels | level | help |\n|---|---|---|---|---|---|\n";
  for (const MetricRow& row : kMetrics) {
    text += "| `" + ExposedName(row) + "` | ";
    text += TypeName(row.type);
    text += " | ";
    text += row.unit;
    text += " | ";
    text += row.labels;
    text += " | ";
    text += row.level == MetricLevel::kBasic ? "basic" : "standard";
    text += " | ";
    text += row.help;
    text += " |\n";
  }
  return text;
}

}  // namespace tend::exporter
