#include "base/fact.h"

#include <array>

#include <boost/json.hpp>

namespace tend {
namespace {

namespace json = boost::json;

constexpr auto kFacts = std::to_array<FactRow>({
#define FACT(id, name, level, help) {FactId::k##id, name, Level::level, help},
#include "base/facts.def"
});

consteval bool WellFormed() {
  for (const FactRow& row : kFacts) {
    if (!row.help.ends_with(".")) return false;
    for (const char c : row.name) {
      if ((c < 'a' || c > 'z') && c != '_') return false;
    }
  }
  return true;
}
static_assert(WellFormed(), "facts.def: a name is not snake_case or a help is not a sentence");

const FactRow* FindByName(std::string_view name) {
  for (const FactRow& row : kFacts) {
    if (row.name == name) return &row;
  }
  return nullptr;
}

}  // namespace

std::string_view LevelName(Level level) {
  static constexpr std::array<std::string_view, 4> kNames = {"debug", "info", "warning", "error"};
  return kNames[static_cast<std::size_t>(level)];
}

const FactRow& RowOf(FactId id) {
  return kFacts[static_cast<std::size_t>(id)];
}

std::string ToJson(const Fact& fact) {
  const FactRow& row = RowOf(fact.id);
  json::object object;
  object["type"] = row.name;
  object["level"] = LevelName(row.level);
  object["time"] = FormatRfc3339(fact.time);
  if (!fact.app.empty()) object["app"] = fact.app;
  if (fact.slot >= 0) object["worker"] = fact.slot;
  json::object& fields = object["fields"].emplace_object();
  for (const auto& field : fact.fields)
    fields[field.first] = field.second;
  return json::serialize(object);
}

Result<Fact> FactFromJson(std::string_view text) {
  const Error wrong(Errc::kInvalid, "not a fact");
  json::error_code ec;
  const json::value value = json::parse(json::string_view(text.data(), text.size()), ec);
  const json::object* object = ec ? nullptr : value.if_object();
  if (object == nullptr) return wrong;
  const auto text_of = [&](const char* key) -> std::string {
    const json::value* member = object->if_contains(key);
    if (member == nullptr || !member->is_string()) return {};
    return std::string(member->get_string().data(), member->get_string().size());
  };
  const FactRow* row = FindByName(text_of("type"));
  if (row == nullptr) return wrong;
  Fact fact;
  fact.id = row->id;
  if (const auto time = ParseTime(text_of("time"))) fact.time = *time;
  fact.app = text_of("app");
  if (const json::value* slot = object->if_contains("worker");
      slot != nullptr && slot->is_int64()) {
    fact.slot = static_cast<int>(slot->get_int64());
  }
  const json::value* fields = object->if_contains("fields");
  if (fields != nullptr && fields->is_object()) {
    for (const auto& field : fields->get_object()) {
      if (!field.value().is_string()) continue;
      const json::string& content = field.value().get_string();
      fact.fields.emplace_back(std::string(field.key().data(), field.key().size()),
                               std::string(content.data(), content.size()));
    }
  }
  return fact;
}

std::string Describe(const Fact& fact) {
  std::string text(RowOf(fact.id).name);
  if (!fact.app.empty()) text += ' ' + fact.app;
  if (fact.slot >= 0) text += ':' + std::to_string(fact.slot);
  for (const auto& field : fact.fields)
    text += ' ' + field.first + '=' + field.second;
  return text;
}

}  // namespace tend
