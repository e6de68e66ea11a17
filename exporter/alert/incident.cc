#include "exporter/alert/incident.h"

#include <array>

namespace tend::exporter {
namespace {

struct KindRow {
  std::string_view name;
  Severity severity;
  bool is_lasting;
};

constexpr auto kKinds = std::to_array<KindRow>({
#define INCIDENT(id, name, severity, lasting, help) {name, Severity::severity, lasting},
#include "base/incidents.def"
});

const KindRow& RowOf(IncidentKind kind) {
  return kKinds[static_cast<std::size_t>(kind)];
}

}  // namespace

std::string_view Name(IncidentKind kind) {
  return RowOf(kind).name;
}

std::string_view Name(Severity severity) {
  constexpr auto kNames = std::to_array<std::string_view>({"info", "warning", "critical"});
  return kNames[static_cast<std::size_t>(severity)];
}

std::string_view Name(Phase phase) {
  constexpr auto kNames = std::to_array<std::string_view>({"opened", "resolved", "happened"});
  return kNames[static_cast<std::size_t>(phase)];
}

Severity SeverityOf(IncidentKind kind) {
  return RowOf(kind).severity;
}

bool IsLasting(IncidentKind kind) {
  return RowOf(kind).is_lasting;
}

std::optional<IncidentKind> FindIncidentKind(std::string_view name) {
  for (std::size_t i = 0; i < kKinds.size(); ++i) {
    if (kKinds[i].name == name) return static_cast<IncidentKind>(i);
  }
  return std::nullopt;
}

std::string Incident::where() const {
  if (app.empty()) return "tend";
  return slot < 0 ? app : app + ':' + std::to_string(slot);
}

}  // namespace tend::exporter
