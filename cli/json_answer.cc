#include "cli/json_answer.h"

#include <utility>

#include <boost/json.hpp>

#include "cli/text.h"

namespace tend::cli {
namespace {

namespace json = boost::json;

json::string_view View(std::string_view text) {
  return {text.data(), text.size()};
}

template <typename T>
std::optional<T> NumberIn(const json::value* value) {
  if (value == nullptr) return std::nullopt;
  json::error_code ec;
  const T number = value->to_number<T>(ec);
  return ec ? std::nullopt : std::optional(number);
}

}  // namespace

std::optional<JsonAnswer> JsonAnswer::Parse(std::string_view text) {
  json::error_code ec;
  const auto root = std::make_shared<const json::value>(json::parse(View(text), ec));
  if (ec || !root->is_object()) return std::nullopt;
  return JsonAnswer(root, root->get_object());
}

JsonAnswer JsonAnswer::ParseOrEmpty(std::string_view text) {
  const auto answer = Parse(text);
  return answer ? *answer : *Parse("{}");
}

const json::value* JsonAnswer::Find(std::string_view key) const {
  return object_->if_contains(View(key));
}

bool JsonAnswer::Has(std::string_view key) const {
  return Find(key) != nullptr;
}

std::string JsonAnswer::Text(std::string_view key) const {
  const json::value* member = Find(key);
  if (member == nullptr || !member->is_string()) return {};
  return {member->get_string().data(), member->get_string().size()};
}

std::string JsonAnswer::Shown(std::string_view key) const {
  return Harmless(Text(key));
}

bool JsonAnswer::IsTrue(std::string_view key) const {
  const json::value* member = Find(key);
  return member != nullptr && member->is_bool() && member->get_bool();
}

double JsonAnswer::Number(std::string_view key) const {
  return NumberIn<double>(Find(key)).value_or(0);
}

std::uint64_t JsonAnswer::Count(std::string_view key) const {
  return NumberIn<std::uint64_t>(Find(key)).value_or(0);
}

std::optional<std::int64_t> JsonAnswer::Integer(std::string_view key) const {
  return NumberIn<std::int64_t>(Find(key));
}

std::uint64_t JsonAnswer::Sum() const {
  std::uint64_t sum = 0;
  for (const auto& member : *object_)
    sum += NumberIn<std::uint64_t>(&member.value()).value_or(0);
  return sum;
}

std::optional<JsonAnswer> JsonAnswer::Object(std::string_view key) const {
  const json::value* member = Find(key);
  if (member == nullptr || !member->is_object()) return std::nullopt;
  return JsonAnswer(root_, member->get_object());
}

std::optional<std::vector<JsonAnswer>> JsonAnswer::Objects(std::string_view key) const {
  const json::value* list = Find(key);
  if (list == nullptr || !list->is_array()) return std::nullopt;
  std::vector<JsonAnswer> objects;
  for (const json::value& one : list->get_array()) {
    if (one.is_object()) objects.push_back(JsonAnswer(root_, one.get_object()));
  }
  return objects;
}

}  // namespace tend::cli
