// The table of metrics (metrics.def), checked when it is compiled, and what is printed from it.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace tend::exporter {

enum class MetricType : std::uint8_t { kCounter, kGauge, kHistogram, kInfo, kStateSet };
// How much of the page a user has to ask for: basic is what dashboards and alerts stand on.
enum class MetricLevel : std::uint8_t { kBasic, kStandard };

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

consteval bool RowIsWellFormed(const MetricRow& row) {
  if (!IsSnakeCase(row.name) || !LabelsAreWellFormed(row.labels)) return false;
  if (!row.name.starts_with("tend_") && !row.name.starts_with("process_")) return false;
  // "process_*" describes the exporting process: it has no labels that could say another.
  if (row.name.starts_with("process_") && !row.labels.empty()) return false;
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
    if (!RowIsWellFormed(row)) return false;
    for (const MetricRow& other : kMetrics) {
      if (&other != &row && other.name == row.name) return false;
    }
  }
  return true;
}
static_assert(CatalogIsWellFormed(),
              "metrics.def: a name, label, unit or help breaks a rule, or is twice");

// "counter", "gauge", "histogram", "info", "stateset".
std::string_view TypeName(MetricType type);
// docs/reference/metrics.md.
std::string MetricsMarkdown();

}  // namespace tend::exporter
