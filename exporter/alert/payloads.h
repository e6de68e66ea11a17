// What receivers are told, in the words of each. Pure; all of it is valid UTF-8 whatever a worker
// wrote.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "exporter/alert/incident.h"

namespace tend::exporter {

// One message. `is_test`: nothing has happened; the receiver is to see that messages arrive.
struct Notice {
  Incident incident;
  std::string host;
  bool is_test = false;
};
// At most so many bytes, whole characters, U+FFFD for what is none and for NUL; "…" behind what was
// cut.
std::string CleanText(std::string_view text, std::size_t size_max = std::string::npos);

// The name of what is told: that of the kind, or "test".
std::string_view EventOf(const Notice& notice);

// {"schema":"tend.incident/1", …}: of webhooks and on stdin of commands (docs/guides/alerts.md).
std::string IncidentJson(const Notice& notice);
// An incoming webhook's: blocks, and the text for those who show none.
std::string SlackJson(const Notice& notice);
// Events API v2: trigger or resolve.
std::string PagerDutyJson(const Notice& notice, std::string_view routing_key);

// Alertmanager's API v2 takes alerts with the time at which they are over: that of one which lasts
// is a while ahead, and is said again before it is reached.
struct Alert {
  Notice notice;
  Wall ends{};
};
std::string AlertmanagerJson(std::span<const Alert> alerts);

// TEND_EVENT=crash_loop and others, for a command.
std::vector<std::pair<std::string, std::string>> EnvironmentOf(const Notice& notice);

// "t=1763721067,v1=<hex of the HMAC-SHA256 of "<t>.<body>">": the value of X-Tend-Signature.
std::string Signature(std::string_view key, std::string_view body, Wall time);

}  // namespace tend::exporter
