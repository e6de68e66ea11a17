// The table of metrics (metrics.def), checked when it is compiled, and what is printed from it.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "config/observe.h"

namespace tend::exporter {

// kSummary: sum and count, no quantiles.
enum class MetricType : std::uint8_t {
  kCounter,
  kGauge,
  kHistogram,
  kSummary,
  kInfo,
  kStateSet,
  kUnknown
};
// How much of the page a user has to ask for: standard is what dashboards and alerts stand on.
using MetricLevel = config::MetricsLevel;

enum class Metric : std::uint8_t {
#define METRIC(id, level, type, name, unit, labels, help) k##id,
#include "exporter/metrics.def"
};

struct MetricRow {
  Metric id;
  MetricLevel level;
  MetricType type;
  std::string_view name, unit, labels, help;
};

inline constexpr auto kMetrics = std::to_array<MetricRow>({
#define METRIC(id, level, type, name, unit, labels, help) \
  {Metric::k##id, MetricLevel::level, MetricType::type, name, unit, labels, help},
#include "exporter/metrics.def"
});

constexpr const MetricRow& RowOf(Metric metric) {
  return kMetrics[static_cast<std::size_t>(metric)];
}

// Names that are others': compat_metrics.def.
enum class CompatSet : std::uint8_t { kPm2, kPromClient };
enum class Compat : std::uint8_t {
#define COMPAT(id, set, type, name, unit, labels, help) k##id,
#include "exporter/compat_metrics.def"
};
struct CompatRow {
  CompatSet set;
  MetricRow row;
};
inline constexpr auto kCompatMetrics = std::to_array<CompatRow>({
#define COMPAT(id, set, type, name, unit, labels, help) \
  {CompatSet::set, {{}, MetricLevel::kBasic, MetricType::type, name, unit, labels, help}},
#include "exporter/compat_metrics.def"
});
constexpr const MetricRow& RowOf(Compat metric) {
  return kCompatMetrics[static_cast<std::size_t>(metric)].row;
}

consteval bool IsSnakeCase(std::string_view name) {
  if (name.empty() || name.front() < 'a' || name.front() > 'z' || name.ends_with('_')) return false;
  for (std::size_t i = 0; i < name.size(); ++i) {
    const char c = name[i];
    if ((c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '_') return false;
    if (c == '_' && name[i - 1] == '_') return false;
  }
  return true;
}

// The labels are snake_case, and none is of those that would make one series per process or line.
consteval bool LabelsAreWellFormed(std::string_view labels) {
  while (!labels.empty()) {
    const std::size_t comma = labels.find(',');
    const std::string_view label = labels.substr(0, comma);
    labels = comma == std::string_view::npos ? std::string_view() : labels.substr(comma + 1);
    if (!IsSnakeCase(label) || label == "le") return false;
    if (label == "pid" || label == "message" || label == "path") return false;
  }
  return true;
}

// "process_*" describes the exporting process: it has no labels that could say another.
consteval bool NameIsOurs(const MetricRow& row) {
  return row.name.starts_with("tend_") || (row.name.starts_with("process_") && row.labels.empty());
}

consteval bool RowIsWellFormed(const MetricRow& row) {
  if (!IsSnakeCase(row.name) || !LabelsAreWellFormed(row.labels)) return false;
  for (const char* suffix : {"_total", "_info", "_count", "_sum", "_bucket", "_created"}) {
    if (row.name.ends_with(suffix)) return false;
  }
  // The writer puts help on the page as it is.
  if (!row.help.ends_with('.') || row.help.find_first_of("\\\"\n") != std::string_view::npos) {
    return false;
  }
  if (row.unit.empty()) return true;
  if (row.type == MetricType::kInfo || row.type == MetricType::kStateSet) return false;
  return row.name.size() > row.unit.size() && row.name.ends_with(row.unit) &&
         row.name[row.name.size() - row.unit.size() - 1] == '_';
}

consteval bool CatalogIsWellFormed() {
  for (const MetricRow& row : kMetrics) {
    if (!NameIsOurs(row) || !RowIsWellFormed(row)) return false;
    for (const CompatRow& other : kCompatMetrics) {
      if (other.row.name == row.name) return false;
    }
    for (const MetricRow& other : kMetrics) {
      if (&other != &row && other.name == row.name) return false;
    }
  }
  for (const CompatRow& compat : kCompatMetrics) {
    if (!RowIsWellFormed(compat.row)) return false;
  }
  return true;
}
static_assert(CatalogIsWellFormed(),
              "metrics.def: a name, label, unit or help breaks a rule, or is twice");

// "counter", "gauge", "histogram", "summary", "info", "stateset", "unknown".
std::string_view TypeName(MetricType type);
std::string_view LevelName(MetricLevel level);  // "basic", …
// docs/reference/metrics.md.
std::string MetricsMarkdown();

}  // namespace tend::exporter
