#include "supervisor/sidecar/link_reader.h"

#include <array>
#include <optional>
#include <utility>

#include <boost/json.hpp>

#include "base/utf8.h"
#include "config/codec.h"

namespace tend::supervisor {
namespace {

namespace json = boost::json;

json::string_view TextFor(std::string_view text) {
  return {text.data(), text.size()};
}

// Of what is said to a person; far below what a packet takes.
constexpr std::size_t kWhyMax = 1000;

// Names of files and errors are bytes; a packet with some that are no UTF-8 would be refused.
json::string Said(std::string_view text) {
  json::string out;
  while (!text.empty() && out.size() < kWhyMax) {
    const std::size_t length = Utf8Length(text);
    const std::string_view next = length == 0 ? kReplacementCharacter : text.substr(0, length);
    out.append(TextFor(next));
    text.remove_prefix(length == 0 ? 1 : length);
  }
  return out;
}

std::string_view TextOf(const json::object& object, const char* key) {
  const json::value* member = object.if_contains(key);
  if (member == nullptr || !member->is_string()) return {};
  return {member->get_string().data(), member->get_string().size()};
}

template <typename T>
T NumberOf(const json::object& object, const char* key) {
  const json::value* member = object.if_contains(key);
  if (member == nullptr) return T{};
  json::error_code ec;
  const T number = member->to_number<T>(ec);
  return ec ? T{} : number;
}

// The nested object as text, for the codecs of its owner. Such messages are rare.
std::string NestedOf(const json::object& object, const char* key) {
  const json::value* member = object.if_contains(key);
  return member == nullptr ? std::string() : json::serialize(*member);
}

bool ReadApp(const json::object& object, LinkListener& listener) {
  auto app = config::AppConfigFromJson(NestedOf(object, "app"));
  auto status = AppStatusFromJson(NestedOf(object, "status"));
  if (!app || !status) return false;
  listener.OnApp(*std::move(app), *std::move(status));
  return true;
}

bool ReadWorker(const json::object& object, LinkListener& listener) {
  auto worker = WorkerStatusFromJson(NestedOf(object, "worker"));
  if (!worker) return false;
  listener.OnWorker(std::string(TextOf(object, "app")), *std::move(worker));
  return true;
}

bool ReadFact(const json::object& object, LinkListener& listener) {
  auto fact = FactFromJson(NestedOf(object, "fact"));
  if (!fact) return false;
  listener.OnFact(*std::move(fact));
  return true;
}

bool ReadLogs(const json::object& object, LinkListener& listener) {
  static constexpr std::array<std::pair<std::string_view, LinkListener::LogsOp>, 3> kOps = {
      {{"flush", LinkListener::LogsOp::kFlush},
       {"reopen", LinkListener::LogsOp::kReopen},
       {"rotate", LinkListener::LogsOp::kRotate}}};
  for (const auto& op : kOps) {
    if (op.first != TextOf(object, "op")) continue;
    listener.OnLogsRequest(op.second, std::string(TextOf(object, "app")),
                           NumberOf<std::uint64_t>(object, "request"));
    return true;
  }
  return false;
}

bool ReadCustom(const json::object& object, LinkListener& listener) {
  const json::value* member = object.if_contains("metrics");
  const json::object* metrics = member == nullptr ? nullptr : member->if_object();
  if (metrics == nullptr) return false;
  std::vector<CustomValue> values;
  for (const auto& [key, entry] : *metrics) {
    const json::object* metric = entry.if_object();
    if (metric == nullptr) return false;
    CustomValue& value = values.emplace_back();
    value.name = CustomName({key.data(), key.size()});
    value.value = NumberOf<double>(*metric, "value");
    value.unit = CustomName(TextOf(*metric, "unit"), kCustomUnitMax);
  }
  listener.OnCustom({std::string(TextOf(object, "app")), NumberOf<int>(object, "slot"),
                     NumberOf<std::uint64_t>(object, "incarnation")},
                    values, NumberOf<std::size_t>(object, "refused"));
  return true;
}

bool ReadRequests(const json::object& object, LinkListener& listener) {
  const json::value* member = object.if_contains("counts");
  const json::object* counts = member == nullptr ? nullptr : member->if_object();
  if (counts == nullptr) return false;
  std::vector<exporter::ControlNumbers> requests;
  for (const auto& [method, ends] : *counts) {
    const json::array* both = ends.if_array();
    if (both == nullptr || both->size() != 2) return false;
    json::error_code ec, also;
    const auto ok = both->at(0).to_number<std::uint64_t>(ec);
    const auto error = both->at(1).to_number<std::uint64_t>(also);
    if (ec || also) return false;
    requests.push_back({{method.data(), method.size()}, ok, error});
  }
  listener.OnRequests(NumberOf<std::uint64_t>(object, "since"), requests);
  return true;
}

using Reader = bool (*)(const json::object&, LinkListener&);

constexpr std::array<std::pair<std::string_view, Reader>, 13> kReaders = {{
    {"app", ReadApp},
    {"worker", ReadWorker},
    {"fact", ReadFact},
    {"custom", ReadCustom},
    {"requests", ReadRequests},
    {"logs", ReadLogs},
    {"hello",
     [](const json::object&, LinkListener& l) {
       l.OnCoreHello();
       return true;
     }},
    {"synced",
     [](const json::object&, LinkListener& l) {
       l.OnSynced();
       return true;
     }},
    {"app_gone",
     [](const json::object& o, LinkListener& l) {
       l.OnAppGone(std::string(TextOf(o, "app")));
       return true;
     }},
    {"worker_gone",
     [](const json::object& o, LinkListener& l) {
       l.OnWorkerGone(std::string(TextOf(o, "app")), NumberOf<int>(o, "slot"));
       return true;
     }},
    {"incarnation",
     [](const json::object& o, LinkListener& l) {
       l.OnIncarnation(std::string(TextOf(o, "app")), NumberOf<int>(o, "slot"),
                       NumberOf<std::uint64_t>(o, "incarnation"), NumberOf<int>(o, "pid"),
                       NumberOf<std::uint16_t>(o, "port"));
       return true;
     }},
    {"ended",
     [](const json::object& o, LinkListener& l) {
       l.OnEnded(NumberOf<std::uint64_t>(o, "incarnation"));
       return true;
     }},
    {"no_probe",
     [](const json::object& o, LinkListener& l) {
       const json::value* unknown = o.if_contains("unknown");
       l.OnNoProbe(NumberOf<std::uint64_t>(o, "incarnation"), std::string(TextOf(o, "error")),
                   unknown != nullptr && *unknown == true);
       return true;
     }},
}};

}  // namespace

bool ReadLinkPacket(std::string_view packet, LinkListener& listener) {
  json::error_code ec;
  const json::value value = json::parse(json::string_view(packet.data(), packet.size()), ec);
  const json::object* object = ec ? nullptr : value.if_object();
  if (object == nullptr) return false;
  const std::string_view type = TextOf(*object, "type");
  for (const auto& reader : kReaders) {
    if (reader.first == type) return reader.second(*object, listener);
  }
  return !type.empty();
}

std::string SidecarHello(int pid) {
  return json::serialize(json::object{{"type", "hello"}, {"role", "sidecar"}, {"pid", pid}});
}

std::string LogsDone(std::uint64_t request, std::string_view error) {
  json::object object{{"type", "logs_done"}, {"request", request}, {"ok", error.empty()}};
  if (!error.empty()) object["error"] = json::string_view(error.data(), error.size());
  return json::serialize(object);
}

std::string ReadyWord(std::uint64_t incarnation) {
  return json::serialize(json::object{{"type", "ready"}, {"incarnation", incarnation}});
}

std::string RestartWord(std::uint64_t incarnation, RestartReason reason, std::string_view why) {
  return json::serialize(json::object{{"type", "restart"},
                                      {"incarnation", incarnation},
                                      {"reason", TextFor(Name(reason))},
                                      {"why", Said(why)}});
}

std::string RestartAppWord(std::string_view app, RestartReason reason, std::string_view why) {
  return json::serialize(json::object{{"type", "restart_app"},
                                      {"app", TextFor(app)},
                                      {"reason", TextFor(Name(reason))},
                                      {"why", Said(why)}});
}

std::string ProbeWord(std::uint64_t incarnation, std::uint16_t port, bool exact) {
  return json::serialize(json::object{
      {"type", "probe"}, {"incarnation", incarnation}, {"port", port}, {"exact", exact}});
}

}  // namespace tend::supervisor
