#include "exporter/ship/otlp_body.h"

#include <algorithm>
#include <charconv>
#include <vector>

#include <boost/json.hpp>

#include "base/json_text.h"
#include "base/number.h"
#include "exporter/ship/peer.h"

namespace tend::exporter {
namespace {

void AppendNumber(std::int64_t number, std::string& out) {
  std::array<char, 24> digits{};
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), number).ptr;
  out.append(digits.data(), end);
}

void AppendAttribute(std::string_view key, std::string_view value, std::string& out) {
  out += R"({"key":)";
  AppendJsonString(key, out);
  out += R"(,"value":{"stringValue":)";
  AppendJsonString(value, out);
  out += "}}";
}

// "" if the line states no level. The numbers are the first of each of OTLP's ranges.
std::string_view Severity(std::string_view level) {
  if (level == "trace") return R"("severityNumber":1,"severityText":"TRACE",)";
  if (level == "debug") return R"("severityNumber":5,"severityText":"DEBUG",)";
  if (level == "info") return R"("severityNumber":9,"severityText":"INFO",)";
  if (level == "warn") return R"("severityNumber":13,"severityText":"WARN",)";
  if (level == "error") return R"("severityNumber":17,"severityText":"ERROR",)";
  if (level == "fatal") return R"("severityNumber":21,"severityText":"FATAL",)";
  return {};
}

void AppendResource(const std::string& app,
                    int slot,
                    const OtlpResource& resource,
                    std::string& out) {
  std::map<std::string, std::string> attributes = resource.labels;
  attributes["service.name"] = app;
  attributes["host.name"] = resource.host;
  if (slot >= 0) {
    const std::string number = std::to_string(slot);
    attributes["service.instance.id"] = resource.host + '/' + app + ':' + number;
    attributes["tend.worker"] = number;
  }
  out += R"({"resource":{"attributes":[)";
  for (const auto& [key, value] : attributes) {
    AppendAttribute(key, value, out);
    out += ',';
  }
  out.back() = ']';
  out += R"(},"scopeLogs":[{"scope":{"name":"tend"},"logRecords":[)";
}

void AppendRecord(const ShipEntry& entry, std::string& out) {
  // The stamp is when we took the line, so it is the time of observation, too.
  const std::int64_t time = entry.time.time_since_epoch().count();
  out += R"({"timeUnixNano":")";
  AppendNumber(time, out);
  out += R"(","observedTimeUnixNano":")";
  AppendNumber(time, out);
  out += "\",";
  out += Severity(entry.level);
  out += R"("body":{"stringValue":)";
  AppendJsonString(entry.text, out);
  out += entry.stream == Stream::kStdout
             ? R"(},"attributes":[{"key":"log.iostream","value":{"stringValue":"stdout"}})"
             : R"(},"attributes":[{"key":"log.iostream","value":{"stringValue":"stderr"}})";
  if ((entry.flags & kLinePartial) != 0)
    out += R"(,{"key":"log.record.partial","value":{"boolValue":true}})";
  out += "]},";
}

void AppendBatch(const ShipBatch& batch, const OtlpResource& resource, std::string& out) {
  std::map<int, std::vector<const ShipEntry*>> by_worker;
  for (const ShipEntry& entry : batch.entries)
    by_worker[entry.slot].push_back(&entry);
  for (const auto& [slot, entries] : by_worker) {
    AppendResource(batch.app, slot, resource, out);
    for (const ShipEntry* entry : entries)
      AppendRecord(*entry, out);
    out.back() = ']';
    out += "}]},";
  }
}

// Of an answer that was cut off, or is no JSON: its beginning has the number all the same.
std::size_t RejectedInText(std::string_view answer, std::string& reason) {
  constexpr std::string_view kName = R"("rejectedLogRecords")";
  const std::size_t at = answer.find(kName);
  if (at == std::string_view::npos) return 0;
  std::string_view rest = answer.substr(at + kName.size());
  rest.remove_prefix(std::min(rest.find_first_not_of(" :\""), rest.size()));
  const std::size_t rejected = TakeNumber<std::size_t>(rest).value_or(0);
  if (rejected > 0) reason = FirstLine(answer);
  return rejected;
}

}  // namespace

std::string OtlpLogsBody(std::span<const ShipBatch> batches, const OtlpResource& resource) {
  std::string body = R"({"resourceLogs":[)";
  for (const ShipBatch& batch : batches)
    AppendBatch(batch, resource, body);
  if (body.back() == ',') body.pop_back();
  return body += "]}";
}

std::size_t OtlpRejected(const std::string& answer, std::string& reason) {
  boost::system::error_code error;
  const boost::json::value root = boost::json::parse(answer, error);
  if (error) return RejectedInText(answer, reason);
  const auto* object = root.if_object();
  const auto* partial = object == nullptr ? nullptr : object->if_contains("partialSuccess");
  if (partial == nullptr || !partial->is_object()) return 0;
  if (const auto* said = partial->get_object().if_contains("errorMessage");
      said != nullptr && said->is_string())
    reason = FirstLine(said->get_string());
  const auto* count = partial->get_object().if_contains("rejectedLogRecords");
  if (count == nullptr) return 0;
  std::size_t rejected = 0;
  if (const auto* text = count->if_string()) {  // int64 is a string in proto3's JSON
    rejected = ParseNumber<std::size_t>({text->data(), text->size()}).value_or(0);
  } else if (const auto* number = count->if_int64(); number != nullptr && *number > 0) {
    rejected = static_cast<std::size_t>(*number);
  }
  return rejected;
}

}  // namespace tend::exporter
