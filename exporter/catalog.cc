#include "exporter/catalog.h"

namespace tend::exporter {
namespace {

std::string ExposedName(const MetricRow& row) {
  std::string name(row.name);
  if (row.type == MetricType::kCounter) name += "_total";
  if (row.type == MetricType::kInfo) name += "_info";
  return name;
}

std::string LineOf(const MetricRow& row, std::string_view when) {
  std::string line = "| `" + ExposedName(row) + '`';
  for (const std::string_view cell : {TypeName(row.type), row.unit, row.labels, when, row.help})
    line.append(" | ").append(cell);
  return line + " |\n";
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
    case MetricType::kSummary:
      return "summary";
    case MetricType::kInfo:
      return "info";
    case MetricType::kStateSet:
      return "stateset";
    case MetricType::kUnknown:
      return "unknown";
  }
  return "unknown";
}

std::string_view LevelName(MetricLevel level) {
  switch (level) {
    case MetricLevel::kBasic:
      return "basic";
    case MetricLevel::kStandard:
      return "standard";
    case MetricLevel::kFull:
      return "full";
  }
  return "full";
}

std::string MetricsMarkdown() {
  std::string text =
      "# Metrics\n\n"
      "What `/metrics` says, printed from `exporter/metrics.def`. The page is OpenMetrics 1.0 for\n"
      "those who ask for it by name, else Prometheus' classic text format.\n\n"
      "`metrics.level` says how much of it is there: `basic`, `standard` (which has basic as "
      "well,\n"
      "and is the default) or `full`. Above `metrics.max_series` workers fall back to basic, the "
      "last\n"
      "ones first.\n\n"
      "A metric whose source is missing (no Node worker, no exit yet, no limit) is absent, never "
      "0;\n"
      "counters by reason are there from the beginning, at 0. Counters go on when a\n"
      "worker, the sidecar or all of tend is restarted, until the app is deleted. `worker` is the "
      "slot: `api:1` is `app=\"api\", worker=\"1\"`.\n\n"
      "| name | type | unit | labels | level | help |\n|---|---|---|---|---|---|\n";
  for (const MetricRow& row : kMetrics)
    text += LineOf(row, LevelName(row.level));
  text +=
      "\n## Names of others\n\n"
      "For dashboards that exist: `metrics.compat: [pm2, prom-client]` adds these. With\n"
      "`prom-client`, the six metrics `process_*` above have samples of workers as well, with the\n"
      "labels app and worker.\n\n"
      "| name | type | unit | labels | set | help |\n|---|---|---|---|---|---|\n";
  for (const CompatRow& compat : kCompatMetrics)
    text += LineOf(compat.row, compat.set == CompatSet::kPm2 ? "pm2" : "prom-client");
  return text;
}

}  // namespace tend::exporter
