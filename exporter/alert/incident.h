// An incident: something that a person should know, from when it began to when it was over. Made of
// facts and of conditions by IncidentBook (incident_book.h), told to receivers by Notifier.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/time.h"

namespace tend::exporter {

enum class IncidentKind : std::uint8_t {
#define INCIDENT(id, name, severity, lasting, help) k##id,
#include "base/incidents.def"
};
enum class Severity : std::uint8_t { kInfo, kWarning, kCritical };
// What a message says of an incident. Only one that lasts is opened and resolved.
enum class Phase : std::uint8_t { kOpened, kResolved, kHappened };
std::string_view Name(IncidentKind kind);
std::string_view Name(Severity severity);
std::string_view Name(Phase phase);  // "opened" "resolved" "happened"
Severity SeverityOf(IncidentKind kind);
bool IsLasting(IncidentKind kind);
std::optional<IncidentKind> FindIncidentKind(std::string_view name);

struct Incident {
  std::string id;  // the same for everything said of one incident; unique on this machine
  IncidentKind kind{};
  // What it was when it was told before, if it has grown worse since: it is one incident still, and
  // who was told of that is told of its end.
  std::optional<IncidentKind> before;
  Severity severity = Severity::kWarning;
  std::string app;      // "": about tend itself
  int slot = -1;        // -1: about the app as a whole
  std::string subject;  // what else tells it from others of its kind: an exporter's name
  std::string summary;  // one line: "api:1 crashed 16 times in a row and was given up"
  std::vector<std::pair<std::string, std::string>> details;
  std::vector<std::string> last_stderr;  // redacted as the log is; at most 20 lines of 500 bytes
  Wall began{}, ended{};                 // ended: epoch while it lasts
  std::uint64_t suppressed = 0;          // messages that the cool-down kept back since the last one

  bool is_resolved() const { return ended != Wall{}; }
  Phase phase() const {
    if (!IsLasting(kind)) return Phase::kHappened;
    return is_resolved() ? Phase::kResolved : Phase::kOpened;
  }
  // "api:1", "api", or "tend".
  std::string where() const;
};

// One moment by both clocks: the one for delays, the other for people and files.
struct Instant {
  Mono mono{};
  Wall wall{};
};

}  // namespace tend::exporter
