#include "config/flags.h"

#include <algorithm>
#include <set>
#include <utility>

#include <fmt/format.h>

#include "config/app_checks.h"
#include "config/keys.h"

namespace tend::config {
namespace {

const Key* KeyOfFlag(std::string_view flag) {
  for (const Key& key : Keys()) {
    const std::vector<std::string_view> names = Words(key.flags);
    if (std::find(names.begin(), names.end(), flag) != names.end()) return &key;
  }
  return nullptr;
}

FlagTakes TakesOf(const Key& key) {
  if (key.path == "disable_logs") return FlagTakes::kNothing;
  if (key.path == "ignore_watch") return FlagTakes::kList;
  switch (key.kind) {
    case Kind::kBool:
      return FlagTakes::kNothing;
    case Kind::kWatch:
      return FlagTakes::kMaybe;
    case Kind::kExitCodes:
    case Kind::kFilter:
      return FlagTakes::kList;
    default:
      return FlagTakes::kValue;
  }
}

bool IsText(Kind kind) {
  return kind == Kind::kString || kind == Kind::kFile || kind == Kind::kEnum ||
         kind == Kind::kSignal || kind == Kind::kStringList || kind == Kind::kSchedule ||
         kind == Kind::kCron || kind == Kind::kTimeZone || kind == Kind::kWatch;
}

// A flag's text as the value that it would be in a file.
Value FromFlag(const Key& key, std::string_view flag, std::string_view text) {
  Value value;
  if (key.kind == Kind::kBool) {
    value.kind = Value::Kind::kBool;
    value.text = flag.starts_with("--no-") ? "false" : "true";
  } else if (key.kind == Kind::kFilter) {
    value.kind = Value::Kind::kList;
    for (std::string& word : SplitShell(text)) {
      Value item;
      item.kind = Value::Kind::kString;
      item.text = std::move(word);
      value.items.push_back(std::move(item));
    }
  } else if (key.kind == Kind::kWatch && (text.empty() || text == "true" || text == "false")) {
    value.kind = Value::Kind::kBool;
    value.text = text.empty() ? "true" : std::string(text);
  } else if (IsText(key.kind)) {
    value.kind = Value::Kind::kString;
    value.text = std::string(text);
  } else {
    value = FromPlainText(std::string(text));
    // PM2's flag is in seconds, its key in milliseconds.
    if (key.path == "watch_delay" && value.kind == Value::Kind::kNumber) value.text += 's';
  }
  return value;
}

}  // namespace

std::vector<Flag> Flags() {
  std::vector<Flag> flags;
  for (const Key& key : Keys()) {
    const std::vector<std::string_view> names = Words(key.flags);
    if (names.empty()) continue;
    flags.push_back({.name = names[0],
                     .also = names.size() > 1 ? names[1] : std::string_view{},
                     .also_2 = names.size() > 2 ? names[2] : std::string_view{},
                     .takes = TakesOf(key),
                     .key = key.path,
                     .help = key.help,
                     .supported = key.kind != Kind::kLater});
  }
  return flags;
}

Result<> ApplyFlag(AppConfig& app, std::string_view flag, std::string_view value) {
  const Key* key = KeyOfFlag(flag);
  if (key == nullptr) return Error(Errc::kInvalid, fmt::format("there is no flag {}", flag));
  if (key->kind == Kind::kLater) {
    return Error(Errc::kInvalid,
                 fmt::format("\"{}\" is not supported yet by this version of tend", flag));
  }
  const Result<Setting> setting = ToSetting(*key, FromFlag(*key, flag, value));
  if (!setting) {
    return Error(Errc::kInvalid, fmt::format("{} must be {}", flag, setting.error().message()));
  }
  key->set(Target{&app, &app.logs, nullptr}, *setting);
  return {};
}

Result<std::vector<Problem>> ApplyFlags(
    AppConfig& app, std::span<const std::pair<std::string, std::string>> flags) {
  std::set<std::string_view> given;
  for (const auto& [flag, value] : flags) {
    TRY_VOID(ApplyFlag(app, flag, value));
    given.insert(KeyOfFlag(flag)->path);
  }
  Asked asked;
  asked.given = [&](std::string_view key) { return given.contains(key); };
  asked.pm2_instances = true;
  std::vector<Problem> problems;
  for (Finding& finding : CheckApp(app, asked)) {
    if (finding.is_error) return Error(Errc::kInvalid, std::move(finding.message));
    Problem& problem = problems.emplace_back();
    problem.is_error = false;
    problem.code = finding.code;
    problem.message = std::move(finding.message);
    problem.help = std::move(finding.help);
  }
  return problems;
}

}  // namespace tend::config
