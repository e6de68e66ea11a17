#include "cli/person_time.h"

#include <time.h>

#include <chrono>
#include <string>

namespace tend::cli {
namespace {

time_t Seconds(Wall time) {
  return std::chrono::floor<std::chrono::seconds>(time).time_since_epoch().count();
}

Wall FromLocal(tm fields) {
  fields.tm_isdst = -1;
  return Wall(std::chrono::seconds(::mktime(&fields)));
}

Wall Midnight(Wall now, int days_back) {
  const time_t seconds = Seconds(now);
  tm fields{};
  ::localtime_r(&seconds, &fields);
  fields.tm_mday -= days_back;
  fields.tm_hour = fields.tm_min = fields.tm_sec = 0;
  return FromLocal(fields);
}

bool HasZone(std::string_view text) {
  if (text.empty() || text.back() == 'Z' || text.back() == 'z') return true;
  // The hyphens of a date come before the tenth byte.
  return text.find_first_of("+-", 10) != std::string_view::npos;
}

}  // namespace

Result<Wall> ParsePersonTime(std::string_view text, Wall now) {
  if (text == "now") return now;
  if (text == "today") return Midnight(now, 0);
  if (text == "yesterday") return Midnight(now, 1);
  if (const auto ago = ParseDuration(text); ago) return now - *ago;
  const auto time = ParseTime(text);
  if (!time) {
    return Error(Errc::kInvalid, "not a time: " + std::string(text) +
                                     " (10m, today, 2026-11-21 10:31, or RFC 3339)");
  }
  if (HasZone(text)) return *time;
  const time_t seconds = Seconds(*time);
  tm fields{};
  ::gmtime_r(&seconds, &fields);
  const auto fraction = *time - std::chrono::floor<std::chrono::seconds>(*time);
  return FromLocal(fields) + fraction;
}

}  // namespace tend::cli
