// An incident as a worker makes it, with text that no format may take as it is.
#pragma once

#include <chrono>
#include <string>

#include <boost/json.hpp>

#include "exporter/alert/incident.h"

namespace tend::exporter {

inline constexpr Wall kBegan{std::chrono::seconds(1'763'721'067)};

inline Incident SampleIncident(IncidentKind kind = IncidentKind::kErrored) {
  Incident incident;
  incident.id = "187a2b3c4d5e6f70";
  incident.kind = kind;
  incident.severity = SeverityOf(kind);
  incident.app = "api";
  incident.slot = 1;
  incident.summary = "api:1: gave up after 16 failed starts in a row: exit code 1";
  incident.details = {{"failures", "16"}, {"last_exit", "exit code 1"}};
  incident.last_stderr = {"Error: <EADDRINUSE> & \"friends\"", "at ```server.js```:3",
                          "\xff\x01 end"};
  incident.began = kBegan;
  if (!IsLasting(kind)) incident.ended = kBegan;
  return incident;
}

inline Incident Resolved(Incident incident) {
  incident.summary = "api:1 is online again";
  incident.ended = incident.began + std::chrono::seconds(90);
  return incident;
}

// REQUIRES: it is a string
inline std::string TextOf(const boost::json::value& value) {
  return std::string(value.as_string());
}

}  // namespace tend::exporter
