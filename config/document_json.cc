#include <cmath>
#include <string>

#include <boost/json.hpp>
#include <fmt/format.h>

#include "config/document.h"

namespace tend::config {
namespace {

namespace json = boost::json;

// JavaScript has one kind of number: 3 must not become "3.0" in an environment.
std::string NumberText(double number) {
  if (std::nearbyint(number) == number && std::abs(number) < 1e15) {
    return fmt::format("{:.0f}", number);
  }
  return fmt::format("{}", number);
}

// False when the tree is larger than we take.
bool Convert(const json::value& from, Value& to, std::size_t& nodes) {
  if (++nodes > kNodesMax) return false;
  switch (from.kind()) {
    case json::kind::null:
      return true;
    case json::kind::bool_:
      to.kind = Value::Kind::kBool;
      to.text = from.get_bool() ? "true" : "false";
      return true;
    case json::kind::int64:
      to.kind = Value::Kind::kNumber;
      to.text = std::to_string(from.get_int64());
      return true;
    case json::kind::uint64:
      to.kind = Value::Kind::kNumber;
      to.text = std::to_string(from.get_uint64());
      return true;
    case json::kind::double_:
      to.kind = Value::Kind::kNumber;
      to.text = NumberText(from.get_double());
      return true;
    case json::kind::string:
      to.kind = Value::Kind::kString;
      to.text = json::value_to<std::string>(from);
      return true;
    case json::kind::array:
      to.kind = Value::Kind::kList;
      for (const json::value& item : from.get_array()) {
        if (!Convert(item, to.items.emplace_back(), nodes)) return false;
      }
      return true;
    case json::kind::object:
      to.kind = Value::Kind::kMap;
      for (const json::key_value_pair& member : from.get_object()) {
        const json::string_view key = member.key();
        to.members.push_back({std::string(key.data(), key.size()), {}, {}});
        if (!Convert(member.value(), to.members.back().value, nodes)) return false;
      }
      return true;
  }
  return false;
}

}  // namespace

Parsed ParseJson(std::string_view text) {
  Parsed parsed;
  json::error_code error;
  json::parse_options options;
  options.max_depth = kDepthMax;
  const json::value value =
      json::parse(json::string_view(text.data(), text.size()), error, {}, options);
  if (error) {
    parsed.error.message = error.message();
    return parsed;
  }
  std::size_t nodes = 0;
  parsed.ok = Convert(value, parsed.value, nodes);
  if (!parsed.ok) parsed.error.message = fmt::format("more than {} values", kNodesMax);
  return parsed;
}

}  // namespace tend::config
