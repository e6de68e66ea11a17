#include "config/observe.h"

#include <array>

namespace tend::config {
namespace {

template <typename E, std::size_t N>
std::string_view NameIn(const std::array<std::string_view, N>& names, E value) {
  return names[static_cast<std::size_t>(value)];
}

}  // namespace

std::string_view Name(MetricsLevel level) {
  return NameIn(std::to_array<std::string_view>({"basic", "standard", "full"}), level);
}

std::string_view Name(ExporterType type) {
  return NameIn(
      std::to_array<std::string_view>({"loki", "otlp", "syslog", "journald", "remote_write"}),
      type);
}

std::string_view Name(Metadata metadata) {
  return NameIn(std::to_array<std::string_view>({"structured", "inline", "none"}), metadata);
}

std::string_view Name(ReceiverType type) {
  return NameIn(
      std::to_array<std::string_view>({"webhook", "slack", "pagerduty", "exec", "alertmanager"}),
      type);
}

}  // namespace tend::config
