#include "config/app_reader.h"

#include <algorithm>
#include <set>
#include <utility>

#include <fmt/format.h>

#include "base/control.h"
#include "config/app_checks.h"
#include "config/interpreter.h"
#include "config/problem.h"

namespace tend::config {
namespace {

constexpr std::size_t kAppsMax = 1000;

bool IsFalsy(const Value& value) {
  return value.kind == Value::Kind::kNull || value.text == "false" || value.text == "0" ||
         (value.is_scalar() && value.text.empty());
}

// "app.js" of a member that may be spelled in several ways.
std::string TextOf(const Value& map, std::string_view path) {
  for (const Member& member : map.members) {
    const KeyMatch match = FindKey(Scope::kApp, member.key);
    if (match.key != nullptr && match.key->path == path && member.value.is_scalar()) {
      return member.value.text;
    }
  }
  return {};
}

const Member* MemberOf(const Value& map, std::string_view path) {
  const auto is_it = [&](const Member& member) {
    const KeyMatch match = FindKey(Scope::kApp, member.key);
    return match.key != nullptr && match.key->path == path;
  };
  const auto found = std::find_if(map.members.begin(), map.members.end(), is_it);
  return found == map.members.end() ? nullptr : &*found;
}

// Where `path` is said, or the group that it is in, or the app.
Mark MarkOf(const Value& app, std::string_view path) {
  const std::size_t dot = path.find('.');
  if (dot == std::string_view::npos) {
    const Member* member = MemberOf(app, path);
    return member == nullptr ? app.mark : member->value.mark;
  }
  const auto begins = [](const Value& map, std::string_view key) -> const Member* {
    const auto found = std::find_if(map.members.begin(), map.members.end(),
                                    [&](const Member& member) { return member.key == key; });
    return found == map.members.end() ? nullptr : &*found;
  };
  const Member* group = begins(app, path.substr(0, dot));
  if (group == nullptr) return app.mark;
  const Member* member = begins(group->value, path.substr(dot + 1));
  return member == nullptr ? group->mark : member->mark;
}

// The item of a list of regular expressions that cannot be read; else `value` itself.
const Value& WrongItem(const Key& key, const Value& value) {
  if (key.kind != Kind::kRegexes || !value.is_list()) return value;
  const auto wrong = std::find_if(value.items.begin(), value.items.end(),
                                  [&](const Value& item) { return !ToSetting(key, item); });
  return wrong == value.items.end() ? value : *wrong;
}

}  // namespace

TreeReader::TreeReader(Dialect dialect, bool strict, std::string file)
    : dialect_(dialect), strict_(strict || dialect == Dialect::kTend), file_(std::move(file)) {}

void TreeReader::Read(const Value& root, Loaded& loaded) {
  loaded_ = &loaded;
  const bool is_pm2 = dialect_ == Dialect::kEcosystem;
  if (root.is_list() && is_pm2) return ReadApps(root, "");
  if (!root.is_map()) {
    Add(true, code::kBadValue, root.mark, "", "the file must have a list \"apps\"");
    return;
  }
  const Member* apps = nullptr;
  for (const Member& member : root.members) {
    if (member.key == "apps" || (is_pm2 && member.key == "pm2")) apps = &member;
  }
  if (apps == nullptr && is_pm2 && MemberOf(root, "script") != nullptr) {
    ReadApp(root, "");
    return CheckNames();
  }
  Level level{Scope::kTop, {}, "", "", {}};
  level.target.daemon = &loaded.config.daemon;
  level.target.logs = &loaded.config.daemon.logs;
  bool seen = false;
  for (const Member& member : root.members) {
    if (&member == apps || (member.key == "apps" && apps != nullptr)) {
      if (std::exchange(seen, true)) {
        Add(true, code::kDuplicate, member.mark, "", "\"apps\" is given twice");
      }
      continue;
    }
    if (!ReadObserve(member, level)) ReadMember(member, member.key, level);
  }
  // After the rest of the file: `logs` at the top is the default of every app.
  if (apps != nullptr) {
    ReadApps(apps->value, apps->key);
  } else if (is_pm2) {
    Add(true, code::kMissingKey, root.mark, "", "no \"apps\" are given");
  }
}

void TreeReader::ReadApps(const Value& apps, const std::string& where) {
  if (apps.is_map() && dialect_ == Dialect::kEcosystem) {
    ReadApp(apps, where);
  } else if (apps.is_list() && apps.items.size() <= kAppsMax) {
    for (std::size_t i = 0; i < apps.items.size(); ++i) {
      ReadApp(apps.items[i], fmt::format("{}[{}]", where, i));
    }
  } else if (apps.is_list()) {
    Add(true, code::kBadValue, apps.mark, where, fmt::format("more than {} apps", kAppsMax));
  } else if (apps.kind != Value::Kind::kNull || dialect_ == Dialect::kEcosystem) {
    Add(true, code::kBadValue, apps.mark, where,
        fmt::format("\"apps\" must be a list of apps, not {}", Describe(apps)));
  }
  CheckNames();
}

void TreeReader::ReadApp(const Value& app, const std::string& where) {
  if (!app.is_map()) {
    Add(true, code::kBadValue, app.mark, where,
        fmt::format("an app must be a group of keys, not {}", Describe(app)));
    return;
  }
  AppConfig config;
  config.logs = loaded_->config.daemon.logs;
  std::string name = TextOf(app, "name");
  if (name.empty()) name = DefaultName(TextOf(app, "script"));
  Level level{Scope::kApp, {&config, &config.logs, nullptr}, where, "", {}};
  if (!name.empty()) level.owner = fmt::format(" in app \"{}\"", name);
  ReadGroup(app, "", level);
  FinishApp(app, config, level);
  if (config.name.empty()) config.name = DefaultName(config.script);
  Mark mark = app.mark;
  if (const Member* named = MemberOf(app, "name")) mark = named->value.mark;
  app_marks_.push_back(mark);
  loaded_->config.apps.push_back(std::move(config));
}

void TreeReader::ReadGroup(const Value& map, const std::string& prefix, Level& level) {
  for (const Member& member : map.members)
    ReadMember(member, prefix + member.key, level);
}

void TreeReader::ReadMember(const Member& member, const std::string& path, Level& level) {
  if (member.value.is_map() && IsGroup(level.scope, path)) {
    return ReadGroup(member.value, path + '.', level);
  }
  const KeyMatch match = FindKey(level.scope, path);
  if (match.key == nullptr) {
    if (!IsGroup(level.scope, path)) return UnknownKey(member, path, level);
    if (member.value.kind == Value::Kind::kNull) return;
    Add(true, code::kBadValue, member.value.mark, level.where + '.' + path,
        fmt::format("\"{}\"{} must be a group of keys, not {}", path, level.owner,
                    Describe(member.value)));
    return;
  }
  const Key& key = *match.key;
  if (key.kind == Kind::kIgnored || key.kind == Kind::kLater) {
    return NotUnderstood(key, member, level);
  }
  // `key:` without a value says nothing; PM2 takes null and undefined so, too.
  if (member.value.kind == Value::Kind::kNull) return;
  if (!GivenBefore(key, member, match, level)) Apply(key, member, path, level);
}

bool TreeReader::GivenBefore(const Key& key,
                             const Member& member,
                             const KeyMatch& match,
                             Level& level) {
  const std::string_view id = key.path == "env_*" ? std::string_view(member.key) : key.path;
  const auto [entry, is_new] =
      level.given.try_emplace(id, Given{member.key, member.mark, match.is_alias});
  if (is_new) return false;
  const Given before = entry->second;
  const std::string where = level.where + '.' + std::string(key.path);
  if (before.spelling == member.key) {
    Add(true, code::kDuplicate, member.mark, where,
        fmt::format("\"{}\"{} is given twice", member.key, level.owner));
    return true;
  }
  // As PM2: the main spelling wins over its aliases.
  const bool wins = before.is_alias && !match.is_alias;
  const std::string& loser = wins ? before.spelling : member.key;
  const std::string& winner = wins ? member.key : before.spelling;
  Add(strict_, strict_ ? code::kDuplicate : code::kKeyIgnored, wins ? before.mark : member.mark,
      where,
      fmt::format("\"{}\"{} means the same as \"{}\"; only the latter counts", loser, level.owner,
                  winner));
  if (wins) entry->second = Given{member.key, member.mark, false};
  return !wins;
}

void TreeReader::Apply(const Key& key,
                       const Member& member,
                       const std::string& path,
                       Level& level) {
  const bool lenient = !strict_ && key.kind == Kind::kFilter && member.value.text == "true" &&
                       member.value.kind == Value::Kind::kBool;
  if (lenient) {
    Add(false, code::kKeyIgnored, member.value.mark, level.where + '.' + path,
        fmt::format("\"{}\"{}: true leaves nothing out, as in PM2", path, level.owner),
        "list parts of the names to leave out");
    return;
  }
  Result<Setting> setting = ToSetting(key, member.value);
  if (!setting) {
    const Mark mark = WrongItem(key, member.value).mark;
    Add(true, code::kBadValue, mark.line > 0 ? mark : member.mark, level.where + '.' + path,
        fmt::format("\"{}\"{} must be {}", path, level.owner, setting.error().message()));
    return;
  }
  if (key.path == "env_*") {
    level.target.app->env_named[member.key.substr(4)] = std::move(setting->env);
  } else {
    key.set(level.target, *setting);
  }
}

void TreeReader::UnknownKey(const Member& member, const std::string& path, const Level& level) {
  const std::size_t dot = path.rfind('.');
  const std::string group = dot == std::string::npos ? "" : path.substr(0, dot);
  std::vector<std::string> names = NamesBelow(level.scope, group);
  if (level.scope == Scope::kTop && group.empty()) {
    for (const char* section : {"apps", "export", "notify"})
      names.emplace_back(section);
  }
  const std::string near = DidYouMean(member.key, names);
  std::string help = near.empty() ? "" : fmt::format("did you mean \"{}\"?", near);
  const bool elsewhere = level.scope == Scope::kTop && group.empty() && near.empty() &&
                         FindKey(Scope::kApp, path).key != nullptr;
  if (elsewhere) help = "this is a key of an app: put it below \"apps\"";
  Add(strict_, strict_ ? code::kUnknownKey : code::kKeyIgnored, member.mark,
      level.where.empty() ? path : level.where + '.' + path,
      fmt::format("unknown key \"{}\"{}{}", path, level.owner, strict_ ? "" : " is ignored"),
      std::move(help));
}

void TreeReader::NotUnderstood(const Key& key, const Member& member, const Level& level) {
  const std::string where = level.where.empty() ? member.key : level.where + '.' + member.key;
  if (key.kind == Kind::kIgnored) {
    if (!strict_) return;
    Add(true, code::kUnknownKey, member.mark, where,
        fmt::format("\"{}\"{} is PM2's and has no meaning in tend", member.key, level.owner),
        std::string(key.help));
    return;
  }
  // `watch: false` asks for what is the case.
  if (IsFalsy(member.value)) return;
  Add(strict_, strict_ ? code::kNotYet : code::kNotYetIgnored, member.mark, where,
      fmt::format("\"{}\"{} is not supported yet by this version of tend{}", member.key,
                  level.owner, strict_ ? "" : " and is ignored"));
}

void TreeReader::FinishApp(const Value& app, AppConfig& config, Level& level) {
  const bool script_given = level.given.count("script") > 0;
  if (!script_given || TextOf(app, "script").empty()) {
    Add(true, code::kMissingKey, app.mark, level.where,
        fmt::format("\"script\" is missing{}", level.owner),
        "say what to run: `script: server.js`");
  }
  Asked asked;
  asked.given = [&](std::string_view key) { return level.given.contains(key); };
  asked.strict = strict_;
  asked.pm2_instances = dialect_ == Dialect::kEcosystem;
  asked.owner = level.owner;
  for (Finding& finding : CheckApp(config, asked)) {
    Add(finding.is_error, finding.code, MarkOf(app, finding.key),
        level.where + '.' + std::string(finding.key), std::move(finding.message),
        std::move(finding.help));
  }
}

void TreeReader::CheckNames() {
  std::set<std::string> names;
  for (std::size_t i = 0; i < loaded_->config.apps.size(); ++i) {
    const std::string name = SafeName(loaded_->config.apps[i].name);
    if (name.empty() || names.insert(name).second) continue;
    Add(true, code::kDuplicate, app_marks_[i], "",
        fmt::format("there are two apps with the name \"{}\"", name),
        "give each a `name` of its own");
  }
}

void TreeReader::Add(bool is_error,
                     const char* code,
                     Mark mark,
                     std::string where,
                     std::string message,
                     std::string help) {
  if (where.starts_with('.')) where.erase(0, 1);
  // One file cannot fill the terminal or the memory.
  constexpr std::size_t kProblemsMax = 200;
  if (loaded_->problems.size() >= kProblemsMax) return;
  Problem problem;
  problem.is_error = is_error;
  problem.file = file_;
  problem.line = mark.line;
  problem.column = mark.column;
  problem.where = std::move(where);
  problem.message = std::move(message);
  problem.help = std::move(help);
  problem.code = code;
  loaded_->problems.push_back(std::move(problem));
}

}  // namespace tend::config
