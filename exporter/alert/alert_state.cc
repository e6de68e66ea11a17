#include "exporter/alert/alert_state.h"

#include <chrono>
#include <cstdint>
#include <optional>

#include <boost/json.hpp>

#include "exporter/alert/payloads.h"

namespace tend::exporter {
namespace {

namespace json = boost::json;

constexpr const char* kSchema = "tend.alerts/1";

json::value Count(Wall time) {
  return std::chrono::nanoseconds(time.time_since_epoch()).count();
}

json::array StringsOf(const std::vector<std::string>& texts) {
  json::array array;
  for (const std::string& text : texts)
    array.emplace_back(CleanText(text));
  return array;
}

json::object ObjectOf(const Incident& incident) {
  json::array details;
  for (const auto& [name, value] : incident.details)
    details.push_back({json::string(CleanText(name)), json::string(CleanText(value))});
  json::object object = {{"id", incident.id},
                         {"kind", Name(incident.kind)},
                         {"app", CleanText(incident.app)},
                         {"slot", incident.slot},
                         {"subject", CleanText(incident.subject)},
                         {"summary", CleanText(incident.summary)},
                         {"details", std::move(details)},
                         {"last_stderr", StringsOf(incident.last_stderr)},
                         {"began", Count(incident.began)},
                         {"ended", Count(incident.ended)},
                         {"suppressed", incident.suppressed}};
  if (incident.before) object["before"] = Name(*incident.before);
  return object;
}

std::string TextOf(const json::object& object, const char* key) {
  const json::value* member = object.if_contains(key);
  if (member == nullptr || !member->is_string()) return {};
  return std::string(member->get_string());
}

template <typename T>
T NumberOf(const json::object& object, const char* key, T otherwise) {
  const json::value* member = object.if_contains(key);
  json::error_code ec;
  const T number = member == nullptr ? otherwise : member->to_number<T>(ec);
  return ec ? otherwise : number;
}

Wall WallOf(const json::object& object, const char* key) {
  return Wall(std::chrono::nanoseconds(NumberOf<std::int64_t>(object, key, 0)));
}

const json::array& ArrayOf(const json::object& object, const char* key) {
  static const json::array kNone;
  const json::value* member = object.if_contains(key);
  return member != nullptr && member->is_array() ? member->get_array() : kNone;
}

std::vector<std::string> TextsOf(const json::object& object, const char* key) {
  std::vector<std::string> texts;
  for (const json::value& text : ArrayOf(object, key)) {
    if (text.is_string()) texts.emplace_back(text.get_string());
  }
  return texts;
}

std::optional<Incident> IncidentOf(const json::value& value) {
  const json::object* object = value.if_object();
  const auto kind = object == nullptr ? std::nullopt : FindIncidentKind(TextOf(*object, "kind"));
  if (!kind) return std::nullopt;
  Incident incident;
  incident.id = TextOf(*object, "id");
  incident.kind = *kind;
  incident.before = FindIncidentKind(TextOf(*object, "before"));
  incident.severity = SeverityOf(*kind);
  incident.app = TextOf(*object, "app");
  incident.slot = NumberOf<int>(*object, "slot", -1);
  incident.subject = TextOf(*object, "subject");
  incident.summary = TextOf(*object, "summary");
  for (const json::value& detail : ArrayOf(*object, "details")) {
    const json::array* pair = detail.if_array();
    if (pair == nullptr || pair->size() != 2 || !(*pair)[0].is_string() || !(*pair)[1].is_string())
      continue;
    incident.details.emplace_back((*pair)[0].get_string(), (*pair)[1].get_string());
  }
  incident.last_stderr = TextsOf(*object, "last_stderr");
  incident.began = WallOf(*object, "began");
  incident.ended = WallOf(*object, "ended");
  incident.suppressed = NumberOf<std::uint64_t>(*object, "suppressed", 0);
  return incident;
}

json::object ObjectOf(const ReceiverState& state) {
  json::array pending;
  for (const Incident& incident : state.pending)
    pending.push_back(ObjectOf(incident));
  json::object cool_downs;
  for (const auto& [thing, cool_down] : state.cool_downs) {
    json::object object = {{"told", Count(cool_down.told)}, {"suppressed", cool_down.suppressed}};
    if (cool_down.deferred) object["deferred"] = ObjectOf(*cool_down.deferred);
    cool_downs[CleanText(thing)] = std::move(object);
  }
  return {{"pending", std::move(pending)}, {"cool_downs", std::move(cool_downs)}};
}

ReceiverState ReceiverOf(const json::value& value) {
  ReceiverState state;
  const json::object* object = value.if_object();
  if (object == nullptr) return state;
  for (const json::value& pending : ArrayOf(*object, "pending")) {
    if (auto incident = IncidentOf(pending)) state.pending.push_back(*std::move(incident));
  }
  const json::value* cool_downs = object->if_contains("cool_downs");
  if (cool_downs == nullptr || !cool_downs->is_object()) return state;
  for (const auto& entry : cool_downs->get_object()) {
    const json::object* one = entry.value().if_object();
    if (one == nullptr) continue;
    CoolDown& cool_down = state.cool_downs[std::string(entry.key())];
    cool_down.told = WallOf(*one, "told");
    cool_down.suppressed = NumberOf<std::uint64_t>(*one, "suppressed", 0);
    if (const json::value* deferred = one->if_contains("deferred"))
      cool_down.deferred = IncidentOf(*deferred);
  }
  return state;
}

}  // namespace

std::string ToJson(const AlertState& state) {
  json::array open;
  for (const OpenIncident& one : state.book.open)
    open.push_back({{"incident", ObjectOf(one.incident)}, {"told", one.is_told}});
  json::array held;
  for (const HeldLogs& logs : state.book.held)
    held.push_back({{"app", CleanText(logs.app)}, {"limit_bytes", logs.limit_bytes}});
  json::object receivers;
  for (const auto& [name, receiver] : state.receivers)
    receivers[name] = ObjectOf(receiver);
  return json::serialize(json::object{{"schema", kSchema},
                                      {"open", std::move(open)},
                                      {"held", std::move(held)},
                                      {"receivers", std::move(receivers)}});
}

Result<AlertState> AlertStateFromJson(std::string_view text) {
  json::error_code ec;
  const json::value value = json::parse(json::string_view(text.data(), text.size()), ec);
  const json::object* object = ec ? nullptr : value.if_object();
  if (object == nullptr || TextOf(*object, "schema") != kSchema)
    return Error(Errc::kInvalid, "not a state of alerts");
  AlertState state;
  for (const json::value& element : ArrayOf(*object, "open")) {
    const json::object* one = element.if_object();
    const json::value* incident = one == nullptr ? nullptr : one->if_contains("incident");
    auto read = incident == nullptr ? std::nullopt : IncidentOf(*incident);
    if (!read) continue;
    const json::value* told = one->if_contains("told");
    state.book.open.push_back(
        {*std::move(read), told != nullptr && told->is_bool() && told->get_bool()});
  }
  for (const json::value& element : ArrayOf(*object, "held")) {
    const json::object* one = element.if_object();
    const auto limit = one == nullptr ? 0 : NumberOf<std::uint64_t>(*one, "limit_bytes", 0);
    if (limit > 0) state.book.held.push_back({TextOf(*one, "app"), limit});
  }
  const json::value* receivers = object->if_contains("receivers");
  if (receivers != nullptr && receivers->is_object()) {
    for (const auto& entry : receivers->get_object())
      state.receivers[std::string(entry.key())] = ReceiverOf(entry.value());
  }
  return state;
}

}  // namespace tend::exporter
