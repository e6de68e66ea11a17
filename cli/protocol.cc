#include "cli/protocol.h"

#include <algorithm>

#include <boost/json.hpp>

#include "base/link.h"
#include "base/revision.h"

namespace tend::cli {
namespace {

namespace json = boost::json;

json::string_view View(std::string_view text) {
  return {text.data(), text.size()};
}

std::string Text(const json::object& object, const char* key) {
  const json::value* member = object.if_contains(key);
  if (member == nullptr || !member->is_string()) return {};
  return {member->get_string().data(), member->get_string().size()};
}

std::int64_t Integer(const json::object& object, const char* key, std::int64_t fallback) {
  const json::value* member = object.if_contains(key);
  if (member == nullptr) return fallback;
  json::error_code ec;
  const auto number = member->to_number<std::int64_t>(ec);
  return ec ? fallback : number;
}

json::object VariablesObject(const Variables& variables) {
  json::object object;
  for (const auto& [name, value] : variables)
    object[View(name)] = View(value);
  return object;
}

Variables VariablesOf(const json::value* value) {
  Variables variables;
  if (value == nullptr || !value->is_object()) return variables;
  for (const auto& member : value->get_object()) {
    if (!member.value().is_string()) continue;
    const json::string& text = member.value().get_string();
    variables[std::string(member.key().data(), member.key().size())] = {text.data(), text.size()};
  }
  return variables;
}

std::optional<ExitStatus> ExitOf(const json::value* value) {
  if (value == nullptr || !value->is_object()) return std::nullopt;
  const json::object& object = value->get_object();
  ExitStatus exit;
  if (const auto code = Integer(object, "code", -1); code >= 0) exit.code = static_cast<int>(code);
  if (const std::string name = Text(object, "signal"); !name.empty()) {
    exit.signal = SignalNumber(name);
  } else if (const auto number = Integer(object, "signal", 0); number > 0) {
    exit.signal = static_cast<int>(number);
  }
  exit.known = exit.code || exit.signal;
  return exit;
}

Failure FailureOf(const json::object& event) {
  Failure failure;
  failure.app = Text(event, "app");
  failure.slot = static_cast<int>(Integer(event, "slot", -1));
  failure.incarnation =
      static_cast<std::uint64_t>(std::max<std::int64_t>(0, Integer(event, "incarnation", 0)));
  failure.why = Text(event, "why");
  failure.exit = ExitOf(event.if_contains("exit"));
  failure.serving_pid = static_cast<int>(Integer(event, "serving", 0));
  return failure;
}

Result<AppStatus> AppOf(const json::value* value) {
  if (value == nullptr) return Error(Errc::kInternal, "an app is missing in the core's answer");
  return AppStatusFromJson(json::serialize(*value));
}

}  // namespace

Result<std::vector<std::string>> ToPackets(const Request& request) {
  json::object head;
  head["verb"] = request.verb;
  head["wait"] = request.wait;
  if (!request.instances.empty()) head["instances"] = request.instances;
  if (!request.signal.empty()) head["signal"] = request.signal;
  if (!request.action.empty()) head["action"] = request.action;
  if (request.param) head["param"] = *request.param;
  if (request.update_env) head["update_env"] = VariablesObject(*request.update_env);
  if (!request.select.empty()) {
    json::array& select = head["select"].emplace_array();
    for (const std::string& selector : request.select)
      select.emplace_back(View(selector));
  }
  const std::string small = json::serialize(head);
  if (request.apps.empty()) {
    if (small.size() <= kLinkPacketMax) return std::vector<std::string>{small};
    return Error(Errc::kLimit, "the request is larger than 64 KiB");
  }
  // The apps are JSON already, and large: they are put in as text.
  const std::string base = small.substr(0, small.size() - 1);
  constexpr std::string_view kMore = R"(,"more":true,"apps":[)";
  constexpr std::string_view kLast = R"(,"apps":[)";
  const std::size_t room = kLinkPacketMax - base.size() - kMore.size() - 2;
  std::vector<std::string> lists;
  for (const std::string& app : request.apps) {
    if (app.size() > room) {
      return Error(Errc::kLimit,
                   "an app's configuration is larger than 64 KiB; `filter_env` "
                   "leaves out variables of the environment");
    }
    if (lists.empty() || lists.back().size() + app.size() + 1 > room) {
      lists.push_back(app);
    } else {
      lists.back().append(",").append(app);
    }
  }
  std::vector<std::string> packets;
  for (std::size_t i = 0; i < lists.size(); ++i) {
    std::string packet = base;
    packet.append(i + 1 == lists.size() ? kLast : kMore).append(lists[i]).append("]}");
    packets.push_back(std::move(packet));
  }
  return packets;
}

Result<bool> AnswerReader::Feed(std::string_view packet) {
  json::error_code ec;
  const json::value value = json::parse(View(packet), ec);
  if (ec || !value.is_object()) {
    return Error(Errc::kInternal, "the core's answer is not a JSON object");
  }
  const json::object& event = value.get_object();
  if (event.contains("done")) {
    answer_.exit = static_cast<int>(Integer(event, "exit", 1));
    answer_.error = Text(event, "error");
    answer_.version = Text(event, "version");
    answer_.pid = static_cast<int>(Integer(event, "pid", 0));
    return true;
  }
  const std::string kind = Text(event, "event");
  if (kind == "app") {
    TRY(AppStatus app, AppOf(event.if_contains("app")));
    answer_.apps.push_back(std::move(app));
  } else if (kind == "workers") {
    const std::string name = Text(event, "app");
    const auto app = std::find_if(answer_.apps.begin(), answer_.apps.end(),
                                  [&](const AppStatus& a) { return a.name == name; });
    if (app == answer_.apps.end()) return false;
    json::object wrapped;
    wrapped["workers"] = event.contains("workers") ? event.at("workers") : json::array();
    TRY(const AppStatus read, AppStatusFromJson(json::serialize(wrapped)));
    app->workers.insert(app->workers.end(), read.workers.begin(), read.workers.end());
  } else if (kind == "replacing") {
    if (!on_progress_) return false;
    on_progress_({Text(event, "app"), static_cast<int>(Integer(event, "slot", 0)),
                  static_cast<int>(Integer(event, "pid", 0)), Text(event, "what")});
  } else if (kind == "reply") {
    const json::value* reply = event.if_contains("reply");
    answer_.replies.push_back({Text(event, "app"), static_cast<int>(Integer(event, "slot", 0)),
                               reply == nullptr ? "null" : json::serialize(*reply)});
  } else if (kind == "failed") {
    answer_.failures.push_back(FailureOf(event));
  } else if (kind == "config") {
    const json::value* app = event.if_contains("app");
    if (app == nullptr || !app->is_object()) return false;
    answer_.configs.emplace_back(Text(app->get_object(), "name"), json::serialize(*app));
  } else if (kind == "env") {
    answer_.env.emplace_back(Text(event, "app"), VariablesOf(event.if_contains("env")));
  }
  return false;
}

Result<std::vector<AppStatus>> AppsFromListJson(std::string_view text) {
  json::error_code ec;
  const json::value value = json::parse(View(text), ec);
  const json::value* list =
      !ec && value.is_object() ? value.get_object().if_contains("apps") : nullptr;
  if (list == nullptr || !list->is_array()) return Error(Errc::kInternal, "not a list of apps");
  std::vector<AppStatus> apps;
  for (const json::value& item : list->get_array()) {
    TRY(AppStatus app, AppStatusFromJson(json::serialize(item)));
    apps.push_back(std::move(app));
  }
  return apps;
}

std::string DescribeJson(const Answer& answer, Wall now) {
  json::object root;
  root["schema"] = "tend.describe/1";
  json::array& apps = root["apps"].emplace_array();
  for (const AppStatus& app : answer.apps) {
    json::value item = json::parse(ToJson(app, now));
    for (const auto& [name, config] : answer.configs) {
      if (name == app.name) item.as_object()["config"] = json::parse(config);
    }
    apps.push_back(std::move(item));
  }
  return json::serialize(root);
}

std::vector<std::string> LinesFromJson(std::string_view text) {
  json::error_code ec;
  const json::value value = json::parse(View(text), ec);
  std::vector<std::string> lines;
  if (ec || !value.is_object()) return lines;
  const json::value* list = value.get_object().if_contains("lines");
  if (list == nullptr || !list->is_array()) return lines;
  for (const json::value& line : list->get_array()) {
    if (!line.is_string()) continue;
    lines.emplace_back(line.get_string().data(), line.get_string().size());
  }
  return lines;
}

std::string ErrorFromJson(std::string_view text) {
  json::error_code ec;
  const json::value value = json::parse(View(text), ec);
  if (!ec && value.is_object()) {
    const std::string said = Text(value.get_object(), "error");
    if (!said.empty()) return said;
  }
  return std::string(text);
}

std::string EnvJson(const Answer& answer) {
  json::object root;
  root["schema"] = "tend.env/1";
  json::array& apps = root["apps"].emplace_array();
  for (const auto& [name, variables] : answer.env) {
    json::object app;
    app["name"] = name;
    json::array& names = app["variables"].emplace_array();
    for (const auto& variable : variables)
      names.emplace_back(View(variable.first));
    apps.push_back(std::move(app));
  }
  return json::serialize(root);
}

std::string VersionJson(std::string_view version, const Answer* daemon) {
  json::object root;
  root["schema"] = "tend.version/1";
  root["version"] = View(version);
  root["revision"] = View(Revision());
  if (daemon == nullptr) {
    root["daemon"] = nullptr;
  } else {
    json::object& object = root["daemon"].emplace_object();
    object["version"] = daemon->version;
    object["pid"] = daemon->pid;
  }
  return json::serialize(root);
}

}  // namespace tend::cli
