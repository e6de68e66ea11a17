#include "supervisor/saved_apps.h"

#include <boost/json.hpp>

#include "base/time.h"
#include "config/codec.h"

namespace tend::supervisor {
namespace {

namespace json = boost::json;

constexpr std::string_view kSchema = "tend.apps/1";
constexpr std::size_t kFileMax = 64u << 20;  // bytes

Result<SavedApp> ReadApp(const json::value& value) {
  const json::object* object = value.if_object();
  const json::value* config = object == nullptr ? nullptr : object->if_contains("config");
  if (config == nullptr) return Error(Errc::kInvalid, "an app without a configuration");
  SavedApp app;
  const std::string text = json::serialize(*config);
  TRY(app.config, config::AppConfigFromJson(text));
  if (const json::value* wanted = object->if_contains("wanted")) {
    app.wanted = !wanted->is_string() || wanted->get_string() == "running";
  }
  if (const json::value* previous = object->if_contains("previous")) {
    const std::string former = json::serialize(*previous);
    TRY(config::AppConfig config_before, config::AppConfigFromJson(former));
    app.previous = std::make_shared<const config::AppConfig>(std::move(config_before));
  }
  const json::value* slots = object->if_contains("stopped_slots");
  if (slots == nullptr || !slots->is_array()) return app;
  for (const json::value& slot : slots->get_array()) {
    if (slot.is_int64()) app.stopped_slots.push_back(static_cast<int>(slot.get_int64()));
  }
  return app;
}

// Fills `apps`; what could not be read, or "".
std::string ReadAll(std::string_view text, std::vector<SavedApp>& apps) {
  json::error_code ec;
  const json::value value = json::parse(json::string_view(text.data(), text.size()), ec);
  if (ec) return "it is not JSON: " + ec.message();
  const json::object* object = value.if_object();
  const json::value* list = object == nullptr ? nullptr : object->if_contains("apps");
  if (list == nullptr || !list->is_array()) return "it has no list of apps";
  std::string wrong;
  for (const json::value& entry : list->get_array()) {
    auto app = ReadApp(entry);
    if (app) {
      apps.push_back(*std::move(app));
    } else {
      wrong = "an app of it cannot be read: " + app.error().message();
    }
  }
  return wrong;
}

}  // namespace

SavedApps::Loaded SavedApps::Load() const {
  Loaded loaded;
  const auto text = ReadFile(files_, path_, kFileMax);
  if (!text && text.error().code() == Errc::kNotFound) return loaded;
  if (!text) {
    loaded.damage = text.error().message();
    return loaded;
  }
  const std::string wrong = ReadAll(*text, loaded.apps);
  if (wrong.empty()) return loaded;
  const std::string aside = path_ + ".damaged-" + FormatCompact(NowWall());
  const auto kept = WriteFileAtomically(files_, aside, *text, 0600);
  loaded.damage = path_ + ": " + wrong +
                  (kept ? "; kept as " + aside : "; not kept: " + kept.error().message());
  return loaded;
}

Result<> SavedApps::Write(const std::vector<SavedApp>& apps) {
  std::string text = "{\"schema\":\"" + std::string(kSchema) + "\",\"apps\":[";
  for (const SavedApp& app : apps) {
    if (&app != &apps.front()) text += ',';
    text += "\n{\"config\":" + config::ToJson(app.config, config::Secrets::kInclude);
    text += app.wanted ? ",\"wanted\":\"running\"" : ",\"wanted\":\"stopped\"";
    text += ",\"stopped_slots\":[";
    for (const int slot : app.stopped_slots) {
      if (text.back() != '[') text += ',';
      text += std::to_string(slot);
    }
    text += ']';
    if (app.previous) {
      text += ",\n \"previous\":" + config::ToJson(*app.previous, config::Secrets::kInclude);
    }
    text += '}';
  }
  text += "\n]}\n";
  return WriteFileAtomically(files_, path_, text, 0600);
}

}  // namespace tend::supervisor
