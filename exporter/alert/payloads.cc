#include "exporter/alert/payloads.h"

#include <algorithm>
#include <cstddef>

#include <boost/json.hpp>

#include "base/utf8.h"

namespace tend::exporter {
namespace {

namespace json = boost::json;

// Of Slack: a text of a section has at most 3,000 characters. Of PagerDuty: a summary 1,024. Taken
// as bytes, and less; a host is no more than so much of them.
constexpr std::size_t kSlackTextMax = 2800, kHostMax = 150, kSummaryMax = 1000;

json::value TimeOrNull(Wall time) {
  if (time == Wall{}) return nullptr;
  return json::value(FormatRfc3339(time));
}

json::object DetailsOf(const Incident& incident) {
  json::object details;
  for (const auto& [name, value] : incident.details)
    details[CleanText(name)] = CleanText(value);
  return details;
}

json::array StderrOf(const Incident& incident) {
  json::array lines;
  for (const std::string& line : incident.last_stderr)
    lines.emplace_back(CleanText(line));
  return lines;
}

std::string SuppressedText(const Incident& incident) {
  if (incident.suppressed == 0) return {};
  return std::to_string(incident.suppressed) + " more like this since the last message";
}

// Slack's three.
std::string Escape(std::string_view text) {
  std::string escaped;
  for (const char c : text) {
    switch (c) {
      case '&':
        escaped += "&amp;";
        break;
      case '<':
        escaped += "&lt;";
        break;
      case '>':
        escaped += "&gt;";
        break;
      default:
        escaped += c;
    }
  }
  return escaped;
}

// The last lines that fit, in a block that none of them can end.
std::string CodeBlock(const std::vector<std::string>& lines) {
  std::string text;
  for (auto line = lines.rbegin(); line != lines.rend(); ++line) {
    std::string one = Escape(CleanText(*line));
    for (std::size_t at = one.find('`'); at != std::string::npos; at = one.find('`', at))
      one.replace(at, 1, "'");
    if (text.size() + one.size() > kSlackTextMax) break;
    text.insert(0, one + '\n');
  }
  return text.empty() ? text : "```" + text + "```";
}

std::string_view MarkOf(const Notice& notice) {
  if (notice.is_test || notice.incident.severity == Severity::kInfo) return ":information_source:";
  if (notice.incident.phase() == Phase::kResolved) return ":white_check_mark:";
  return notice.incident.severity == Severity::kCritical ? ":red_circle:" : ":warning:";
}

json::object SlackText(std::string_view type, std::string text) {
  return {{"type", type}, {"text", std::move(text)}};
}

// "CrashLoop" of "crash_loop".
std::string CamelCase(std::string_view name) {
  std::string camel;
  bool starts = true;
  for (const char c : name) {
    if (c != '_') camel += starts && c >= 'a' ? static_cast<char>(c - 'a' + 'A') : c;
    starts = c == '_';
  }
  return camel;
}

}  // namespace

std::string CleanText(std::string_view text, std::size_t size_max) {
  std::string clean;
  while (!text.empty()) {
    const std::size_t length = Utf8Length(text);
    const std::string_view one =
        length == 0 || text.front() == '\0' ? kReplacementCharacter : text.substr(0, length);
    if (clean.size() + one.size() > size_max) return clean + "…";
    clean += one;
    text.remove_prefix(std::max<std::size_t>(length, 1));
  }
  return clean;
}

std::string_view EventOf(const Notice& notice) {
  return notice.is_test ? "test" : Name(notice.incident.kind);
}

std::string IncidentJson(const Notice& notice) {
  const Incident& incident = notice.incident;
  json::object object = {{"schema", "tend.incident/1"},
                         {"id", incident.id},
                         {"event", EventOf(notice)},
                         {"status", Name(incident.phase())},
                         {"severity", Name(incident.severity)},
                         {"host", CleanText(notice.host)},
                         {"app", nullptr},
                         {"worker", nullptr},
                         {"subject", nullptr},
                         {"summary", CleanText(incident.summary)},
                         {"details", DetailsOf(incident)},
                         {"last_stderr", StderrOf(incident)},
                         {"began", TimeOrNull(incident.began)},
                         {"ended", TimeOrNull(incident.ended)},
                         {"before", nullptr},
                         {"suppressed", incident.suppressed}};
  if (!incident.app.empty()) object["app"] = CleanText(incident.app);
  if (incident.slot >= 0) object["worker"] = incident.slot;
  if (!incident.subject.empty()) object["subject"] = CleanText(incident.subject);
  if (incident.before) object["before"] = Name(*incident.before);
  return json::serialize(object);
}

std::string SlackJson(const Notice& notice) {
  const Incident& incident = notice.incident;
  const std::string summary = CleanText(incident.summary, kSlackTextMax);
  json::array blocks;
  const std::string host = Escape(CleanText(notice.host, kHostMax));
  std::string head(MarkOf(notice));
  head += " *" + host + "*: " + Escape(summary);
  blocks.push_back(
      {{"type", "section"}, {"text", SlackText("mrkdwn", CleanText(head, kSlackTextMax))}});
  const std::string lines = CodeBlock(incident.last_stderr);
  if (!lines.empty() && incident.phase() != Phase::kResolved)
    blocks.push_back({{"type", "section"}, {"text", SlackText("mrkdwn", lines)}});
  std::string small(EventOf(notice));
  small.append(" ").append(Name(incident.phase()));
  for (const auto& [name, value] : incident.details)
    small += " · " + Escape(CleanText(name)) + ": " + Escape(CleanText(value, 200));
  if (incident.suppressed > 0) small += " · " + SuppressedText(incident);
  blocks.push_back(
      {{"type", "context"},
       {"elements", json::array{SlackText("mrkdwn", CleanText(small, kSlackTextMax))}}});
  const json::object object = {{"text", host + ": " + Escape(summary)},
                               {"blocks", std::move(blocks)}};
  return json::serialize(object);
}

std::string PagerDutyJson(const Notice& notice, std::string_view routing_key) {
  const Incident& incident = notice.incident;
  const bool is_over = incident.phase() == Phase::kResolved;
  json::object object = {
      {"routing_key", routing_key},
      {"event_action", is_over ? "resolve" : "trigger"},
      {"dedup_key", "tend/" + CleanText(notice.host, kHostMax) + '/' + incident.id}};
  if (is_over) return json::serialize(object);
  json::object details = DetailsOf(incident);
  if (!incident.last_stderr.empty()) details["last_stderr"] = StderrOf(incident);
  if (incident.suppressed > 0) details["suppressed"] = incident.suppressed;
  json::object payload = {
      {"summary", CleanText(notice.host + ": " + incident.summary, kSummaryMax)},
      {"source", CleanText(notice.host, kHostMax)},
      {"severity", Name(incident.severity)},
      {"timestamp", FormatRfc3339(incident.began)},
      {"component", CleanText(incident.where())},
      {"class", EventOf(notice)},
      {"custom_details", std::move(details)}};
  if (!incident.app.empty()) payload["group"] = CleanText(incident.app);
  object["client"] = "tend";
  object["payload"] = std::move(payload);
  return json::serialize(object);
}

std::string AlertmanagerJson(std::span<const Alert> alerts) {
  json::array all;
  for (const Alert& alert : alerts) {
    const Incident& incident = alert.notice.incident;
    const std::string_view event = EventOf(alert.notice);
    json::object labels = {{"alertname", "Tend" + CamelCase(event)},
                           {"event", event},
                           {"severity", Name(incident.severity)},
                           {"instance", CleanText(alert.notice.host)}};
    if (!incident.app.empty()) labels["app"] = CleanText(incident.app);
    if (incident.slot >= 0) labels["worker"] = std::to_string(incident.slot);
    if (!incident.subject.empty()) labels["subject"] = CleanText(incident.subject);
    json::object annotations = {{"summary", CleanText(incident.summary)}};
    std::string description;
    for (const auto& [name, value] : incident.details)
      description += CleanText(name) + ": " + CleanText(value) + '\n';
    for (const std::string& line : incident.last_stderr)
      description += "| " + CleanText(line) + '\n';
    description += SuppressedText(incident);
    if (!description.empty()) annotations["description"] = description;
    all.push_back({{"labels", std::move(labels)},
                   {"annotations", std::move(annotations)},
                   {"startsAt", FormatRfc3339(incident.began)},
                   {"endsAt", FormatRfc3339(alert.ends)}});
  }
  return json::serialize(all);
}

std::vector<std::pair<std::string, std::string>> EnvironmentOf(const Notice& notice) {
  const Incident& incident = notice.incident;
  const auto time_of = [](Wall time) {
    return time == Wall{} ? std::string() : FormatRfc3339(time);
  };
  return {{"TEND_EVENT", std::string(EventOf(notice))},
          {"TEND_STATUS", std::string(Name(incident.phase()))},
          {"TEND_SEVERITY", std::string(Name(incident.severity))},
          {"TEND_INCIDENT", incident.id},
          {"TEND_HOST", CleanText(notice.host)},
          {"TEND_APP", CleanText(incident.app)},
          {"TEND_WORKER", incident.slot < 0 ? std::string() : std::to_string(incident.slot)},
          {"TEND_SUBJECT", CleanText(incident.subject)},
          {"TEND_SUMMARY", CleanText(incident.summary)},
          {"TEND_BEGAN", time_of(incident.began)},
          {"TEND_ENDED", time_of(incident.ended)},
          {"TEND_SUPPRESSED", std::to_string(incident.suppressed)}};
}

}  // namespace tend::exporter
