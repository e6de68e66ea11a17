#include "config/flags.h"

#include <algorithm>

#include <fmt/format.h>

#include "config/interpreter.h"
#include "config/keys.h"
#include "config/problem.h"

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
  if (key.path == "watch" || key.path == "time") {
    return key.path == "watch" ? FlagTakes::kMaybe : FlagTakes::kNothing;
  }
  if (key.path == "shutdown_with_message" || key.path == "disable_logs") {
    return FlagTakes::kNothing;
  }
  switch (key.kind) {
    case Kind::kBool:
      return FlagTakes::kNothing;
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
         kind == Kind::kTimeZone;
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
  } else if (IsText(key.kind)) {
    value.kind = Value::Kind::kString;
    value.text = std::string(text);
  } else {
    value = FromPlainText(std::string(text));
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
  bool instances = false, merge_logs = false;
  for (const auto& [flag, value] : flags) {
    TRY_VOID(ApplyFlag(app, flag, value));
    const Key* key = KeyOfFlag(flag);
    instances = instances || key->path == "instances";
    merge_logs = merge_logs || key->path == "merge_logs";
  }
  std::vector<Problem> warnings;
  if (instances && !merge_logs) app.merge_logs = false;
  const bool several = app.instances > 1 || app.instances == 0 || app.instances == -1;
  const bool node =
      IsNode(app.interpreter.empty() ? InterpreterByEnding(app.script) : app.interpreter);
  if (instances && several && node && app.increment_var.empty()) {
    Problem warning;
    warning.is_error = false;
    warning.code = code::kNotCluster;
    warning.message =
        "several instances mean cluster mode in PM2, but sharing one port between workers is not "
        "supported yet by this version of tend: each worker is started as its own process (fork)";
    warnings.push_back(std::move(warning));
  }
  if (app.wait_ready) {
    Problem warning;
    warning.is_error = false;
    warning.code = code::kNotYetIgnored;
    warning.message =
        "readiness messages are not heard yet by this version of tend; a worker counts as ready "
        "after 1 s";
    warnings.push_back(std::move(warning));
  }
  return warnings;
}

}  // namespace tend::config
