// The table of metrics (metrics.def), checked when it is compiled, and what is printed from it.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

namespace tend::exporter {

enum class MetricType : std::uint8_t { kCounter, kGauge, kHistogram, kInfo, kStateSet };

enum class Metric : std::uint8_t {
#define METRIC(id, type, name, unit, labels, help) k##id,
#include "exporter/metrics.def"
};

struct MetricRow {
  Metric id;
  MetricType type;
  std::string_view name, unit, labels, help;
};

inline constexpr auto kMetrics = std::to_array<MetricRow>({
#define METRIC(id, type, name, unit, labels, help) \
  {Metric::k##id, MetricType::type, name, unit, labels, help},
#include "exporter/metrics.def"
});

constexpr const MetricRow& RowOf(Metric metric) {
  return kMetrics[static_cast<std::size_t>(metric)];
}

consteval bool CatalogIsWellFormed() {
  for (const MetricRow& row : kMetrics) {
    if (!row.name.starts_with("tend_") && !row.name.starts_with("process_")) return false;
    if (row.name.ends_with("_total") || row.name.ends_with("_info")) return false;
    if (!row.help.ends_with(".")) return false;
    if (!row.unit.empty() && !row.name.ends_with(row.unit)) return false;
    for (const char c : row.name) {
      if ((c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '_') return false;
    }
    for (const MetricRow& other : kMetrics) {
      if (&other != &row && other.name == row.name) return false;
    }
  }
  return true;
}
static_assert(CatalogIsWellFormed(),
              "metrics.def: a name, unit or help breaks a rule, or is twice");

// "counter", "gauge", "histogram", "info", "stateset".
std::string_view TypeName(MetricType type);
// docs/reference/metrics.md.
std::string MetricsMarkdown();

}  // namespace tend::exporter
