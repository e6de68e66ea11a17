#include "base/schedule.h"

#include <algorithm>
#include <array>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/number.h"

namespace tend {
namespace {

using std::chrono::days;
using std::chrono::local_days;
using std::chrono::local_time;
using std::chrono::minutes;
using std::chrono::nanoseconds;
using std::chrono::seconds;

constexpr int kSearchDaysMax = 3653;

constexpr std::array<std::pair<std::string_view, std::string_view>, 4> kNames = {{
    {"hourly", "0 * * * *"},
    {"daily", "0 0 * * *"},
    {"weekly", "0 0 * * 0"},
    {"monthly", "0 0 1 * *"},
}};
constexpr std::array<std::string_view, 12> kMonths = {"jan", "feb", "mar", "apr", "may", "jun",
                                                      "jul", "aug", "sep", "oct", "nov", "dec"};
constexpr std::array<std::string_view, 7> kWeekdays = {"sun", "mon", "tue", "wed",
                                                       "thu", "fri", "sat"};

struct Field {
  std::string_view name;
  int min, max;
  std::span<const std::string_view> words;  // the first one means `min`
};

std::vector<std::string_view> Split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  for (;;) {
    const std::size_t end = text.find(separator);
    parts.push_back(text.substr(0, end));
    if (end == std::string_view::npos) return parts;
    text.remove_prefix(end + 1);
  }
}

Error Wrong(const Field& field, std::string_view part) {
  return Error(Errc::kInvalid, "\"" + std::string(part) + "\" is no " + std::string(field.name) +
                                   " of a cron expression (" + std::to_string(field.min) + " to " +
                                   std::to_string(field.max) + ")");
}

std::optional<int> ValueOf(const Field& field, std::string_view text) {
  std::string lower(text);
  std::transform(lower.begin(), lower.end(), lower.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  for (std::size_t i = 0; i < field.words.size(); ++i) {
    if (field.words[i] == lower) return field.min + static_cast<int>(i);
  }
  const auto value = ParseNumber<int>(text);
  if (!value || *value < field.min || *value > field.max) return std::nullopt;
  return value;
}

// One of the parts between commas: "*", "5", "1-5", "*/15", "10-40/5".
template <std::size_t kSize>
Result<> AddPart(const Field& field, std::string_view part, std::bitset<kSize>& set) {
  const std::size_t slash = part.find('/');
  const std::string_view range = part.substr(0, slash);
  int step = 1;
  if (slash != std::string_view::npos) {
    const auto number = ParseNumber<int>(part.substr(slash + 1));
    if (!number || *number < 1 || *number > field.max) return Wrong(field, part);
    step = *number;
  }
  std::optional<int> first = field.min, last = field.max;
  if (range != "*") {
    const std::size_t dash = range.find('-');
    first = last = ValueOf(field, range.substr(0, dash));
    if (dash != std::string_view::npos) last = ValueOf(field, range.substr(dash + 1));
    // "5/15" goes on to the end.
    if (dash == std::string_view::npos && slash != std::string_view::npos) last = field.max;
  }
  if (!first || !last || *first > *last) return Wrong(field, part);
  for (int value = *first; value <= *last; value += step)
    set.set(static_cast<std::size_t>(value));
  return {};
}

template <std::size_t kSize>
Result<> Read(const Field& field, std::string_view text, std::bitset<kSize>& set) {
  for (const std::string_view part : Split(text, ','))
    TRY_VOID(AddPart(field, part, set));
  return {};
}

}  // namespace

Result<Schedule> Schedule::Parse(std::string_view text, Seconds may) {
  for (const auto& [name, expression] : kNames) {
    if (name == text) text = expression;
  }
  std::vector<std::string_view> fields = Split(text, ' ');
  std::erase(fields, "");
  const bool has_seconds = may == Seconds::kAllowed && fields.size() == 6;
  if (fields.size() != 5 && !has_seconds) {
    return Error(Errc::kInvalid,
                 "not hourly, daily, weekly, monthly or a cron expression of five fields");
  }
  Schedule schedule;
  if (has_seconds) {
    schedule.seconds_.reset();
    TRY_VOID(Read({"second", 0, 59, {}}, fields[0], schedule.seconds_));
    fields.erase(fields.begin());
  }
  TRY_VOID(Read({"minute", 0, 59, {}}, fields[0], schedule.minutes_));
  TRY_VOID(Read({"hour", 0, 23, {}}, fields[1], schedule.hours_));
  TRY_VOID(Read({"day", 1, 31, {}}, fields[2], schedule.days_));
  TRY_VOID(Read({"month", 1, 12, kMonths}, fields[3], schedule.months_));
  TRY_VOID(Read({"weekday", 0, 7, kWeekdays}, fields[4], schedule.weekdays_));
  schedule.any_day_ = fields[2].starts_with('*');
  schedule.any_weekday_ = fields[4].starts_with('*');
  if (schedule.weekdays_[7]) schedule.weekdays_.set(0);
  return schedule;
}

bool Schedule::MatchesDay(local_days day) const {
  const std::chrono::year_month_day date(day);
  if (!months_[static_cast<unsigned>(date.month())]) return false;
  const bool of_month = days_[static_cast<unsigned>(date.day())];
  const bool of_week = weekdays_[std::chrono::weekday(day).c_encoding()];
  return any_day_ || any_weekday_ ? of_month && of_week : of_month || of_week;
}

std::optional<seconds> Schedule::FirstOfDay(seconds from) const {
  const auto first = std::chrono::floor<minutes>(from);
  for (minutes minute = first; minute < days(1); ++minute) {
    const auto hour = static_cast<std::size_t>(minute / std::chrono::hours(1));
    if (!hours_[hour] || !minutes_[static_cast<std::size_t>(minute.count() % 60)]) continue;
    const seconds begin = minute == first ? from - first : seconds(0);
    for (auto second = begin.count(); second < 60; ++second) {
      if (seconds_[static_cast<std::size_t>(second)]) return minute + seconds(second);
    }
  }
  return std::nullopt;
}

std::optional<Schedule::Local> Schedule::FirstFrom(Local from) const {
  local_days day = std::chrono::floor<days>(from);
  seconds begin = from - Local(day);
  for (int i = 0; i < kSearchDaysMax; ++i, day += days(1), begin = seconds(0)) {
    if (!MatchesDay(day)) continue;
    if (const auto second = FirstOfDay(begin)) return Local(day) + *second;
  }
  return std::nullopt;
}

Wall Schedule::Next(Wall after, const ZoneOffsets& zone) const {
  const auto local = [](Wall time, seconds offset) {
    return local_time<nanoseconds>(time.time_since_epoch() + offset);
  };
  const auto moment = [](Local time, seconds offset) {
    return Wall(nanoseconds(time.time_since_epoch()) - offset);
  };
  Wall from = after + nanoseconds(1);
  for (int spans = 0; spans < 100; ++spans) {
    const OffsetSpan span = zone(from);
    Local first = std::chrono::ceil<seconds>(local(from, span.offset));
    if (!hours_.all() && span.begin > Wall::min() && from - span.begin < days(1)) {
      // The clock was set back to here: these hours have been once.
      const OffsetSpan before = zone(span.begin - nanoseconds(1));
      first = std::max(first, std::chrono::ceil<seconds>(local(span.begin, before.offset)));
    }
    const auto hit = FirstFrom(first);
    if (!hit) return Wall::max();
    const Wall time = moment(*hit, span.offset);
    if (time < span.end) return time;
    const OffsetSpan next = zone(span.end);
    if (*hit < local(span.end, next.offset)) return span.end;
    from = span.end;
  }
  return Wall::max();
}

}  // namespace tend
