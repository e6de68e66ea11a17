#include <algorithm>
#include <filesystem>
#include <optional>

#include <fmt/format.h>

#include "base/number.h"
#include "base/pattern.h"
#include "base/schedule.h"
#include "base/status.h"
#include "base/time.h"
#include "config/address.h"
#include "config/keys.h"

namespace tend::config {
namespace {

using ValueKind = Value::Kind;

std::optional<std::int64_t> Integer(std::string_view text) {
  if (text.starts_with('+')) text.remove_prefix(1);
  return ParseNumber<std::int64_t>(text);
}

bool IsText(const Value& value) {
  return value.kind == ValueKind::kString || value.kind == ValueKind::kNumber;
}

Error Expected(const Key& key, const Value& value) {
  return Error(Errc::kInvalid, fmt::format("{}, not {}", Expectation(key), Describe(value)));
}

// "a, b, c"
std::string Listed(std::string_view words) {
  std::string all;
  for (const std::string_view word : Words(words)) {
    all += all.empty() ? "" : ", ";
    all += word;
  }
  return all;
}

Error Invalid(std::string message) {
  return Error(Errc::kInvalid, std::move(message));
}

Result<Setting> Bounded(const Key& key, const Value& value, std::int64_t number) {
  if (number < key.min || number > key.max) return Expected(key, value);
  Setting setting;
  setting.number = number;
  return setting;
}

Result<Setting> Size(const Key& key, const Value& value) {
  if (!IsText(value)) return Expected(key, value);
  const Result<std::uint64_t> bytes = ParseSize(value.text);
  if (!bytes || *bytes > static_cast<std::uint64_t>(key.max)) return Expected(key, value);
  return Bounded(key, value, static_cast<std::int64_t>(*bytes));
}

Result<Setting> Time(const Key& key, const Value& value) {
  if (!IsText(value)) return Expected(key, value);
  const Result<std::chrono::nanoseconds> duration = ParseDuration(value.text, key.bare_unit);
  if (!duration) return Expected(key, value);
  return Bounded(key, value, duration->count());
}

Result<Setting> Choice(const Key& key, const Value& value) {
  const bool is_flag = value.kind == ValueKind::kBool;
  for (const std::string_view choice : Words(key.choices)) {
    const bool is_said = value.kind == ValueKind::kString && value.text == choice;
    const bool is_no = choice == "no" || choice == "off";
    const bool is_it = is_flag ? (value.text == "true" ? choice == "yes" : is_no) : is_said;
    if (!is_it) continue;
    Setting setting;
    setting.text = choice;
    return setting;
  }
  return Expected(key, value);
}

Result<Setting> Pairs(const Key& key, const Value& value) {
  if (!value.is_map()) return Expected(key, value);
  Setting setting;
  for (const Member& member : value.members) {
    const std::string& text = member.value.text;
    if (member.key.empty() || !member.value.is_scalar() || member.value.kind == ValueKind::kNull ||
        text.find_first_of(std::string_view("\0\r\n", 3)) != std::string::npos) {
      return Invalid(
          fmt::format("{}, each on one line; \"{}\" is not", Expectation(key), member.key));
    }
    setting.env.insert_or_assign(member.key, text);
  }
  return setting;
}

Result<Setting> Text(const Key& key, const Value& value) {
  if (!IsText(value)) return Expected(key, value);
  if (value.text.find('\0') != std::string::npos) return Invalid("a text without NUL bytes");
  Setting setting;
  setting.text = value.text;
  return setting;
}

Result<Setting> File(const Key& key, const Value& value) {
  if (value.kind == ValueKind::kBool && key.path == "log_file") return Setting{};
  TRY(Setting setting, Text(key, value));
  if (setting.text == "NULL") setting.text = "/dev/null";
  return setting;
}

Result<Setting> Strings(const Key& key, const Value& value) {
  Setting setting;
  if (IsText(value)) {
    setting.list = SplitShell(value.text);
  } else if (!value.is_list()) {
    return Expected(key, value);
  }
  for (const Value& item : value.items) {
    if (!item.is_scalar() || item.kind == ValueKind::kNull) return Expected(key, item);
    setting.list.push_back(item.text);
  }
  for (const std::string& text : setting.list) {
    if (text.find('\0') != std::string::npos) return Invalid("texts without NUL bytes");
  }
  return setting;
}

Result<Setting> Choices(const Key& key, const Value& value) {
  TRY(Setting setting, Strings(key, value));
  const std::vector<std::string_view> choices = Words(key.choices);
  for (const std::string& text : setting.list) {
    if (std::find(choices.begin(), choices.end(), text) == choices.end()) {
      return Invalid(fmt::format("{}, not \"{}\"", Expectation(key), text));
    }
  }
  return setting;
}

Result<Setting> Filter(const Key& key, const Value& value) {
  if (value.kind == ValueKind::kBool && value.text == "false") return Setting{};
  if (value.kind != ValueKind::kString) {
    if (!value.is_list()) return Expected(key, value);
    return Strings(key, value);
  }
  Setting setting;
  setting.list.push_back('=' + value.text);
  return setting;
}

Result<Setting> Environment(const Key& key, const Value& value) {
  if (!value.is_map()) return Expected(key, value);
  Setting setting;
  for (const Member& member : value.members) {
    // What is null is left as it is: a variable has no such value.
    if (member.value.kind == ValueKind::kNull) continue;
    if (member.key.empty() ||
        member.key.find_first_of(std::string_view("=\0", 2)) != std::string::npos) {
      return Invalid(fmt::format("a group of variables; \"{}\" is no name of one", member.key));
    }
    std::string text = member.value.is_scalar() ? member.value.text : ToJsonText(member.value);
    if (text.find('\0') != std::string::npos) {
      return Invalid(fmt::format("texts without NUL bytes, which \"{}\" has", member.key));
    }
    setting.env.insert_or_assign(member.key, std::move(text));
  }
  return setting;
}

Result<Setting> ExitCodes(const Key& key, const Value& value) {
  Setting setting;
  std::vector<std::string> texts;
  if (value.is_list()) {
    for (const Value& item : value.items) {
      if (!IsText(item)) return Expected(key, item);
      texts.push_back(item.text);
    }
  } else if (IsText(value)) {
    std::string text = value.text;
    std::replace(text.begin(), text.end(), ',', ' ');
    texts = SplitShell(text);
  } else {
    return Expected(key, value);
  }
  for (const std::string& text : texts) {
    const auto code = Integer(text);
    if (!code || *code < key.min || *code > key.max) return Expected(key, value);
    setting.codes.push_back(static_cast<int>(*code));
  }
  return setting;
}

Result<Setting> Signal(const Key& key, const Value& value) {
  if (!IsText(value)) return Expected(key, value);
  Setting setting;
  if (const auto number = Integer(value.text)) {
    setting.number = *number >= 1 && *number <= 64 ? *number : 0;
  } else {
    setting.number = SignalNumber(value.text);
  }
  if (setting.number == 0) return Expected(key, value);
  return setting;
}

Result<Setting> Instances(const Key& key, const Value& value) {
  if (value.kind == ValueKind::kString && value.text == "max") return Setting{};
  const auto number = IsText(value) ? Integer(value.text) : std::nullopt;
  if (!number) return Expected(key, value);
  return Bounded(key, value, *number);
}

Result<Setting> Regexes(const Key& key, const Value& value) {
  const bool may_be_list = key.kind == Kind::kRegexes && value.is_list();
  if (value.kind != ValueKind::kString && !may_be_list) return Expected(key, value);
  Setting setting;
  if (!value.is_list()) setting.list.push_back(value.text);
  for (const Value& item : value.items) {
    if (item.kind != ValueKind::kString) return Expected(key, item);
    setting.list.push_back(item.text);
  }
  for (const std::string& text : setting.list) {
    const Result<Pattern> pattern = Pattern::Compile(text);
    if (!pattern) {
      return Invalid(fmt::format("{}, which {} is not: {}", Expectation(key), text,
                                 pattern.error().message()));
    }
    if (pattern->Matches("")) {
      return Invalid(fmt::format("{} that needs something to match; {} matches nothing at all, too",
                                 Expectation(key), text));
    }
  }
  if (key.kind == Kind::kRegex) setting.text = setting.list.front();
  return setting;
}

Result<Setting> Rate(const Key& key, const Value& value) {
  if (!IsText(value)) return Expected(key, value);
  std::string_view text = value.text;
  if (text.ends_with("/s")) text.remove_suffix(2);
  const auto number = Integer(text);
  return number ? Bounded(key, value, *number) : Expected(key, value);
}

Result<Setting> When(const Key& key, const Value& value) {
  const bool is_cron = key.kind == Kind::kCron;
  if (is_cron && value.kind == ValueKind::kBool && value.text == "false") return Setting{};
  TRY(Setting setting, Text(key, value));
  if (setting.text == "none") return Setting{};
  if (is_cron && (setting.text.empty() || setting.text == "0")) return Setting{};
  const auto seconds = is_cron ? Schedule::Seconds::kAllowed : Schedule::Seconds::kNone;
  if (!Schedule::Parse(setting.text, seconds)) return Expected(key, value);
  return setting;
}

Result<Setting> Addresses(const Key& key, const Value& value) {
  Setting setting;
  std::vector<Address> seen;
  const auto add = [&](const Value& item) {
    const auto address = IsText(item) ? ParseAddress(item.text) : std::nullopt;
    if (!address) return false;
    setting.list.push_back(item.text);
    seen.push_back(*address);
    return true;
  };
  if (!value.is_list() && !add(value)) return Expected(key, value);
  for (const Value& item : value.items) {
    if (!add(item)) return Expected(key, item);
    if (std::count(seen.begin(), seen.end(), seen.back()) > 1) {
      return Invalid(fmt::format("a list without doubles; {} is in it twice", item.text));
    }
  }
  if (seen.size() > kListenMax) {
    return Invalid(fmt::format("a list of at most {} addresses", kListenMax));
  }
  return setting;
}

Result<Setting> Peer(const Key& key, const Value& value) {
  TRY(Setting setting, Text(key, value));
  const bool fits = key.kind == Kind::kTcp ? ParsePeer(setting.text).has_value()
                                           : ParseHttpTarget(setting.text).has_value();
  if (!fits) return Expected(key, value);
  return setting;
}

Result<Setting> WatchedPaths(const Key& key, const Value& value) {
  Setting setting;
  if (value.kind == ValueKind::kBool) {
    if (value.text == "true") setting.list.emplace_back(".");
    return setting;
  }
  if (!value.is_list()) {
    TRY(setting, Text(key, value));
    setting.list.push_back(setting.text);
  }
  for (const Value& item : value.items) {
    if (!IsText(item)) return Expected(key, item);
    setting.list.push_back(item.text);
  }
  for (const std::string& path : setting.list) {
    if (path.empty() || path.find('\0') != std::string::npos) return Expected(key, value);
  }
  // As PM2: a list of nothing is the whole folder.
  if (setting.list.empty()) setting.list.emplace_back(".");
  return setting;
}

Result<Setting> TimeZone(const Key& key, const Value& value) {
  TRY(Setting setting, Text(key, value));
  const std::string& name = setting.text;
  std::error_code error;
  const bool known = !name.empty() && name.front() != '/' && name.find("..") == std::string::npos &&
                     std::filesystem::is_regular_file("/usr/share/zoneinfo/" + name, error);
  if (!known) return Expected(key, value);
  return setting;
}

Result<Setting> Fsync(const Key& key, const Value& value) {
  Setting setting;
  setting.number = (value.text == "none" ? kFsyncNever : kFsyncAtRotation).count();
  if (value.kind == ValueKind::kString && (value.text == "none" || value.text == "rotate")) {
    return setting;
  }
  return Time(key, value);
}

}  // namespace

Result<Setting> ToSetting(const Key& key, const Value& value) {
  switch (key.kind) {
    case Kind::kBool: {
      if (value.kind != ValueKind::kBool) return Expected(key, value);
      Setting setting;
      setting.flag = value.text == "true";
      return setting;
    }
    case Kind::kInt: {
      const auto number = IsText(value) ? Integer(value.text) : std::nullopt;
      if (!number) return Expected(key, value);
      return Bounded(key, value, *number);
    }
    case Kind::kSize:
      return Size(key, value);
    case Kind::kDuration:
      return Time(key, value);
    case Kind::kSchedule:
    case Kind::kCron:
      return When(key, value);
    case Kind::kListen:
      return Addresses(key, value);
    case Kind::kTcp:
    case Kind::kHttp:
      return Peer(key, value);
    case Kind::kWatch:
      return WatchedPaths(key, value);
    case Kind::kTimeZone:
      return TimeZone(key, value);
    case Kind::kFsync:
      return Fsync(key, value);
    case Kind::kString:
      return Text(key, value);
    case Kind::kFile:
      return File(key, value);
    case Kind::kStringList:
      return Strings(key, value);
    case Kind::kEnum:
      return Choice(key, value);
    case Kind::kChoices:
      return Choices(key, value);
    case Kind::kPairs:
      return Pairs(key, value);
    case Kind::kEnv:
      return Environment(key, value);
    case Kind::kExitCodes:
      return ExitCodes(key, value);
    case Kind::kSignal:
      return Signal(key, value);
    case Kind::kInstances:
      return Instances(key, value);
    case Kind::kFilter:
      return Filter(key, value);
    case Kind::kRegex:
    case Kind::kRegexes:
      return Regexes(key, value);
    case Kind::kRate:
      return Rate(key, value);
    case Kind::kLater:
    case Kind::kIgnored:
      return Setting{};
  }
  return Setting{};
}

std::string Expectation(const Key& key) {
  const bool unbounded = key.max == std::numeric_limits<std::int64_t>::max();
  switch (key.kind) {
    case Kind::kBool:
      return "true or false";
    case Kind::kInt:
      return unbounded ? fmt::format("a whole number, at least {}", key.min)
                       : fmt::format("a whole number from {} to {}", key.min, key.max);
    case Kind::kSize:
      return fmt::format("a size such as 20M or 1G, from {} to {}",
                         FormatSize(static_cast<std::uint64_t>(key.min)),
                         FormatSize(static_cast<std::uint64_t>(key.max)));
    case Kind::kDuration:
      return fmt::format("a time such as 250ms or 5s, from {} to {}",
                         key.min == 0 ? "0" : FormatDuration(Duration(key.min)),
                         FormatDuration(Duration(key.max)));
    case Kind::kSchedule:
      return "none, hourly, daily, weekly, monthly, or a cron expression of five fields";
    case Kind::kCron:
      return "none, hourly, daily, weekly, monthly, or a cron expression of five or six fields";
    case Kind::kListen:
      return "a port, HOST:PORT or unix:/PATH, or a list of them";
    case Kind::kTcp:
      return "a port, ADDRESS:PORT (an address in numbers, or localhost) or unix:/PATH";
    case Kind::kHttp:
      return "a path such as /health, or http://ADDRESS:PORT/PATH (an address in numbers, or "
             "localhost)";
    case Kind::kWatch:
      return "true, false, a path or a list of paths";
    case Kind::kTimeZone:
      return "a time zone such as UTC or Europe/Berlin";
    case Kind::kFsync:
      return fmt::format("rotate, none, or a time such as 5s, from {} to {}",
                         FormatDuration(Duration(key.min)), FormatDuration(Duration(key.max)));
    case Kind::kString:
      return "a text";
    case Kind::kFile:
      return "a path";
    case Kind::kStringList:
      return "a text or a list of texts";
    case Kind::kEnum:
      return "one of " + Listed(key.choices);
    case Kind::kChoices:
      return "one or several of " + Listed(key.choices);
    case Kind::kPairs:
      return "a group of names and texts";
    case Kind::kEnv:
      return "a group of variables";
    case Kind::kExitCodes:
      return "an exit code from 0 to 255 or a list of them";
    case Kind::kSignal:
      return "a signal such as SIGTERM";
    case Kind::kInstances:
      return fmt::format("a whole number from {} to {}, or max", key.min, key.max);
    case Kind::kFilter:
      return "a name or a list of parts of names";
    case Kind::kRegex:
      return "a regular expression";
    case Kind::kRegexes:
      return "a regular expression or a list of them";
    case Kind::kRate:
      return fmt::format("lines a second such as 5000/s, from {} to {}", key.min, key.max);
    case Kind::kLater:
    case Kind::kIgnored:
      return "anything";
  }
  return "";
}

std::vector<std::string> SplitShell(std::string_view text) {
  std::vector<std::string> words;
  std::string word;
  bool in_word = false;
  char quote = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (quote != 0 && c == quote) {
      quote = 0;
    } else if (c == '\\' && quote != '\'' && i + 1 < text.size()) {
      // Within double quotes the shell keeps the backslash before what needs none.
      const char next = text[i + 1];
      const bool escapes = quote == 0 || next == '"' || next == '\\' || next == '$' || next == '`';
      if (!escapes) word += c;
      word += text[++i];
      in_word = true;
    } else if (quote == 0 && (c == '"' || c == '\'')) {
      quote = c;
      in_word = true;
    } else if (quote == 0 && (c == ' ' || c == '\t' || c == '\n' || c == '\r')) {
      if (in_word) words.push_back(std::move(word));
      word.clear();
      in_word = false;
    } else {
      word += c;
      in_word = true;
    }
  }
  if (in_word) words.push_back(std::move(word));
  return words;
}

}  // namespace tend::config
