#include "exporter/alert/incident.h"

#include <array>

namespace tend::exporter {

std::string_view Name(IncidentKind kind) {
  constexpr auto kNames = std::to_array<std::string_view>({
#define INCIDENT(id, name, severity, lasting, help) name,
#include "base/incidents.def"
  });
  return kNames[static_cast<std::size_t>(kind)];
}

std::string_view Name(Severity severity) {
  constexpr auto kNames = std::to_array<std::string_view>({"info", "warning", "critical"});
  return kNames[static_cast<std::size_t>(severity)];
}

}  // namespace tend::exporter
