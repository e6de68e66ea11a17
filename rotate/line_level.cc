#include "rotate/line_level.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "base/number.h"

namespace tend::rotate {
namespace {

// In plain text a level stands near the beginning.
constexpr std::size_t kHeadBytes = 96;
// As seconds in the year 5138, as milliseconds in 1973.
constexpr std::int64_t kSecondsBelow = 100'000'000'000;
constexpr std::size_t kWordMax = 11;  // "information"

struct Spelling {
  std::string_view name;
  LineLevel level;
};
constexpr Spelling kSpellings[] = {
    {"trace", LineLevel::kTrace},     {"verbose", LineLevel::kTrace},
    {"silly", LineLevel::kTrace},     {"debug", LineLevel::kDebug},
    {"info", LineLevel::kInfo},       {"information", LineLevel::kInfo},
    {"notice", LineLevel::kInfo},     {"http", LineLevel::kInfo},
    {"warn", LineLevel::kWarn},       {"warning", LineLevel::kWarn},
    {"error", LineLevel::kError},     {"err", LineLevel::kError},
    {"severe", LineLevel::kError},    {"fatal", LineLevel::kFatal},
    {"critical", LineLevel::kFatal},  {"crit", LineLevel::kFatal},
    {"alert", LineLevel::kFatal},     {"emerg", LineLevel::kFatal},
    {"emergency", LineLevel::kFatal}, {"panic", LineLevel::kFatal},
};

constexpr std::string_view kLevelKeys[] = {"level",     "severity",  "lvl",
                                           "log.level", "levelname", "log_level"};
constexpr std::string_view kTimeKeys[] = {"time", "timestamp", "ts", "@timestamp"};

bool IsUpper(char c) {
  return c >= 'A' && c <= 'Z';
}
bool IsWordByte(char c) {
  return IsUpper(c) || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
}

std::optional<LineLevel> ByName(std::string_view name) {
  if (name.size() > kWordMax) return std::nullopt;
  std::array<char, kWordMax> lower{};
  std::transform(name.begin(), name.end(), lower.begin(),
                 [](char c) { return IsUpper(c) ? static_cast<char>(c - 'A' + 'a') : c; });
  const std::string_view wanted(lower.data(), name.size());
  for (const Spelling& spelling : kSpellings) {
    if (spelling.name == wanted) return spelling.level;
  }
  return std::nullopt;
}

std::optional<double> Number(std::string_view text) {
  const auto number = ParseNumber<double>(text);
  return number && std::isfinite(*number) ? number : std::nullopt;
}

// Whether the word at `begin` is meant as a level and not as part of a sentence: written in
// capitals, in brackets, before a colon, or after "level=".
bool IsMarked(std::string_view text, std::size_t begin, std::size_t end) {
  const std::string_view word = text.substr(begin, end - begin);
  if (std::all_of(word.begin(), word.end(), IsUpper)) return true;
  const char before = begin > 0 ? text[begin - 1] : ' ';
  const char after = end < text.size() ? text[end] : ' ';
  if (after == ':' || (before == '[' && after == ']') || (before == '<' && after == '>')) {
    return true;
  }
  std::string_view ahead = text.substr(0, begin);
  if (ahead.ends_with('"')) ahead.remove_suffix(1);
  return ahead.ends_with("level=") || ahead.ends_with("lvl=") || ahead.ends_with("severity=");
}

std::optional<LineLevel> LevelOfText(std::string_view text) {
  text = text.substr(0, kHeadBytes);
  for (std::size_t i = 0; i < text.size();) {
    if (!IsWordByte(text[i])) {
      ++i;
      continue;
    }
    const std::size_t begin = i;
    while (i < text.size() && IsWordByte(text[i]))
      ++i;
    const auto level = ByName(text.substr(begin, i - begin));
    if (level && IsMarked(text, begin, i)) return level;
  }
  return std::nullopt;
}

std::optional<Wall> TimeOfNumber(double number) {
  constexpr double kNanos = 1e9;
  if (number <= 0) return std::nullopt;
  double seconds = number;
  for (int step = 0; step < 3 && seconds >= static_cast<double>(kSecondsBelow); ++step)
    seconds /= 1e3;
  // Beyond, nanoseconds do not fit.
  if (seconds >= 9e9) return std::nullopt;
  const double whole = std::floor(seconds);
  return Wall(std::chrono::seconds(static_cast<std::int64_t>(whole)) +
              std::chrono::nanoseconds(std::llround((seconds - whole) * kNanos)));
}

// Exactly, where a number is whole: a double has not all digits of nanoseconds.
std::optional<Wall> TimeOfWhole(std::string_view text) {
  const std::int64_t number = ParseNumber<std::int64_t>(text).value_or(0);
  if (number <= 0) return std::nullopt;
  std::int64_t unit = 1'000'000'000;
  for (std::int64_t rest = number; unit > 1 && rest >= kSecondsBelow; rest /= 1000)
    unit /= 1000;
  if (number > std::numeric_limits<std::int64_t>::max() / unit) return std::nullopt;
  return Wall(std::chrono::nanoseconds(number * unit));
}

}  // namespace

std::string_view LevelName(LineLevel level) {
  constexpr std::array<std::string_view, 6> kNames = {"trace", "debug", "info",
                                                      "warn",  "error", "fatal"};
  return kNames[static_cast<std::size_t>(level)];
}

std::optional<LineLevel> LevelNamed(std::string_view name) {
  if (const auto level = ByName(name)) return level;
  const auto number = Number(name);
  if (!number || *number < 10) return std::nullopt;
  return static_cast<LineLevel>(std::min(static_cast<int>(std::min(*number, 60.0)) / 10 - 1, 5));
}

std::optional<LineLevel> LevelOf(std::span<const JsonMember> members) {
  for (const std::string_view key : kLevelKeys) {
    for (const JsonMember& member : members) {
      if (member.key != key) continue;
      if (const auto level = LevelNamed(WithoutQuotes(member.value))) return level;
    }
  }
  return std::nullopt;
}

std::optional<LineLevel> LevelOf(std::string_view text) {
  if (text.ends_with('\r')) text.remove_suffix(1);
  std::vector<JsonMember> members;
  if (SplitJsonObject(text, members)) return LevelOf(members);
  return LevelOfText(text);
}

std::optional<Wall> TimeOf(std::span<const JsonMember> members) {
  for (const std::string_view key : kTimeKeys) {
    for (const JsonMember& member : members) {
      if (member.key != key) continue;
      if (IsJsonString(member.value)) {
        if (const auto time = ParseTime(WithoutQuotes(member.value))) return *time;
      } else if (const auto exact = TimeOfWhole(member.value)) {
        return exact;
      } else if (const auto number = Number(member.value)) {
        if (const auto time = TimeOfNumber(*number)) return time;
      }
    }
  }
  return std::nullopt;
}

}  // namespace tend::rotate
