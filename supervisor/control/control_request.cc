#include "supervisor/control/control_request.h"

#include <boost/json.hpp>

#include "config/codec.h"

namespace tend::supervisor {
namespace {

namespace json = boost::json;

std::string Text(const json::value& value) {
  return std::string(value.get_string().data(), value.get_string().size());
}

Error Wrong(const char* member, const char* what) {
  return Error(Errc::kInvalid, std::string("\"") + member + "\" is not " + what);
}

Result<std::string> TextMember(const json::object& object, const char* name) {
  const json::value* value = object.if_contains(name);
  if (value == nullptr) return std::string();
  if (!value->is_string()) return Wrong(name, "a string");
  return Text(*value);
}

Result<bool> BoolMember(const json::object& object, const char* name, bool without) {
  const json::value* value = object.if_contains(name);
  if (value == nullptr) return without;
  if (!value->is_bool()) return Wrong(name, "true or false");
  return value->get_bool();
}

Result<> ReadSelect(const json::object& object, ControlRequest& request) {
  const json::value* value = object.if_contains("select");
  if (value == nullptr) return {};
  if (!value->is_array()) return Wrong("select", "a list of strings");
  for (const json::value& one : value->get_array()) {
    if (!one.is_string()) return Wrong("select", "a list of strings");
    request.select.push_back(Text(one));
  }
  return {};
}

Result<> ReadApps(const json::object& object, ControlRequest& request) {
  const json::value* value = object.if_contains("apps");
  if (value == nullptr) return {};
  if (!value->is_array()) return Wrong("apps", "a list");
  request.apps.emplace();
  for (const json::value& one : value->get_array()) {
    const std::string text = json::serialize(one);
    TRY(config::AppConfig app, config::AppConfigFromJson(text));
    request.apps->push_back(std::move(app));
  }
  return {};
}

Result<> ReadEnvironment(const json::object& object, ControlRequest& request) {
  const json::value* value = object.if_contains("update_env");
  if (value == nullptr) return {};
  if (!value->is_object()) return Wrong("update_env", "an object of strings");
  request.update_env.emplace();
  for (const auto& variable : value->get_object()) {
    if (!variable.value().is_string()) return Wrong("update_env", "an object of strings");
    const std::string name(variable.key().data(), variable.key().size());
    request.update_env->insert_or_assign(name, Text(variable.value()));
  }
  return {};
}

}  // namespace

Result<ControlRequest> ParseRequest(std::string_view packet) {
  json::error_code ec;
  const json::value value = json::parse(json::string_view(packet.data(), packet.size()), ec);
  if (ec) return Error(Errc::kInvalid, "the request is not JSON: " + ec.message());
  const json::object* object = value.if_object();
  if (object == nullptr) return Error(Errc::kInvalid, "the request is not a JSON object");
  ControlRequest request;
  TRY(request.verb, TextMember(*object, "verb"));
  TRY(request.instances, TextMember(*object, "instances"));
  TRY(request.signal, TextMember(*object, "signal"));
  TRY(request.action, TextMember(*object, "action"));
  if (object->contains("param")) {
    TRY(request.param, TextMember(*object, "param"));
  }
  TRY(request.wait, BoolMember(*object, "wait", true));
  TRY(request.more, BoolMember(*object, "more", false));
  TRY_VOID(ReadSelect(*object, request));
  TRY_VOID(ReadEnvironment(*object, request));
  TRY_VOID(ReadApps(*object, request));
  return request;
}

}  // namespace tend::supervisor
