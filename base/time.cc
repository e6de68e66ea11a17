#include "base/time.h"

#include <array>
#include <charconv>
#include <cmath>
#include <ctime>
#include <limits>

#include "base/number.h"

namespace tend {
namespace {

using std::chrono::nanoseconds;

constexpr std::int64_t kNanosPerSecond = 1'000'000'000;

void PutDigits(char* out, std::int64_t value, int digits) {
  for (int i = digits - 1; i >= 0; --i) {
    out[i] = static_cast<char>('0' + value % 10);
    value /= 10;
  }
}

struct Calendar {
  std::chrono::year_month_day date;
  std::int64_t second_of_day;
  std::int64_t nanos;
};

Calendar Split(Wall time) {
  const auto day = std::chrono::floor<std::chrono::days>(time);
  const std::int64_t rest = (time - day).count();
  return {std::chrono::year_month_day{day}, rest / kNanosPerSecond, rest % kNanosPerSecond};
}

// Reads exactly `digits` decimal digits from the front of `text`.
bool TakeDigits(std::string_view& text, std::size_t digits, int& value) {
  if (text.size() < digits) return false;
  const auto number = ParseNumber<int>(text.substr(0, digits));
  if (!number || text[0] == '-') return false;
  value = *number;
  text.remove_prefix(digits);
  return true;
}

bool TakeChar(std::string_view& text, std::string_view any_of) {
  if (text.empty() || any_of.find(text[0]) == std::string_view::npos) return false;
  text.remove_prefix(1);
  return true;
}

bool TakeFraction(std::string_view& text, std::int64_t& nanos) {
  if (!TakeChar(text, ".,")) return true;
  std::int64_t scale = kNanosPerSecond / 10;
  std::size_t n = 0;
  for (; n < text.size() && text[n] >= '0' && text[n] <= '9'; ++n, scale /= 10) {
    nanos += (text[n] - '0') * scale;
  }
  text.remove_prefix(n);
  return n > 0;
}

bool TakeOffset(std::string_view& text, std::int64_t& seconds) {
  if (text.empty() || TakeChar(text, "Zz")) return true;
  const int sign = text[0] == '-' ? -1 : 1;
  int hours = 0, minutes = 0;
  if (!TakeChar(text, "+-") || !TakeDigits(text, 2, hours)) return false;
  TakeChar(text, ":");
  if (!TakeDigits(text, 2, minutes) || hours > 23 || minutes > 59) return false;
  seconds = sign * (hours * 3600LL + minutes * 60LL);
  return true;
}

Result<Wall> Compose(int year, int month, int day, std::int64_t second_of_day, std::int64_t nanos) {
  const std::chrono::year_month_day date{std::chrono::year(year),
                                         std::chrono::month(static_cast<unsigned>(month)),
                                         std::chrono::day(static_cast<unsigned>(day))};
  if (!date.ok()) return Error(Errc::kInvalid, "no such day");
  // 64-bit nanoseconds end in 2262.
  if (year < 1678 || year > 2261) return Error(Errc::kInvalid, "year out of range");
  return Wall(std::chrono::sys_days(date)) + std::chrono::seconds(second_of_day) +
         nanoseconds(nanos);
}

bool ValidTimeOfDay(int hour, int minute, int second) {
  return hour <= 23 && minute <= 59 && second <= 60;
}

}  // namespace

Wall NowWall() {
  timespec now{};
  ::clock_gettime(CLOCK_REALTIME, &now);
  return Wall(std::chrono::seconds(now.tv_sec) + nanoseconds(now.tv_nsec));
}

void WriteRfc3339(Wall time, char* out) {
  const Calendar c = Split(time);
  PutDigits(out, static_cast<int>(c.date.year()), 4);
  out[4] = '-';
  PutDigits(out + 5, static_cast<unsigned>(c.date.month()), 2);
  out[7] = '-';
  PutDigits(out + 8, static_cast<unsigned>(c.date.day()), 2);
  out[10] = 'T';
  PutDigits(out + 11, c.second_of_day / 3600, 2);
  out[13] = ':';
  PutDigits(out + 14, c.second_of_day / 60 % 60, 2);
  out[16] = ':';
  PutDigits(out + 17, c.second_of_day % 60, 2);
  out[19] = '.';
  PutDigits(out + 20, c.nanos, 9);
  out[29] = 'Z';
}

std::string FormatRfc3339(Wall time) {
  std::string text(kRfc3339Size, '\0');
  WriteRfc3339(time, text.data());
  return text;
}

std::string FormatCompact(Wall time) {
  const Calendar c = Split(time);
  std::string text = "00000000T000000Z";
  PutDigits(text.data(), static_cast<int>(c.date.year()), 4);
  PutDigits(text.data() + 4, static_cast<unsigned>(c.date.month()), 2);
  PutDigits(text.data() + 6, static_cast<unsigned>(c.date.day()), 2);
  PutDigits(text.data() + 9, c.second_of_day / 3600, 2);
  PutDigits(text.data() + 11, c.second_of_day / 60 % 60, 2);
  PutDigits(text.data() + 13, c.second_of_day % 60, 2);
  return text;
}

Result<Wall> ParseCompact(std::string_view text) {
  int year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0;
  const bool ok = TakeDigits(text, 4, year) && TakeDigits(text, 2, month) &&
                  TakeDigits(text, 2, day) && TakeChar(text, "T") && TakeDigits(text, 2, hour) &&
                  TakeDigits(text, 2, minute) && TakeDigits(text, 2, second) &&
                  TakeChar(text, "Z") && text.empty() && ValidTimeOfDay(hour, minute, second);
  if (!ok) return Error(Errc::kInvalid, "not a time like 20261121T103107Z");
  return Compose(year, month, day, hour * 3600LL + minute * 60LL + second, 0);
}

Result<Wall> ParseTime(std::string_view text) {
  const Error wrong(Errc::kInvalid,
                    "\"" + std::string(text) + "\" is not a time like 2026-11-21T10:31:07Z");
  int year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0;
  std::int64_t nanos = 0, offset = 0;
  const bool date_ok = TakeDigits(text, 4, year) && TakeChar(text, "-") &&
                       TakeDigits(text, 2, month) && TakeChar(text, "-") &&
                       TakeDigits(text, 2, day);
  if (!date_ok) return wrong;
  if (!text.empty()) {
    const bool time_ok = TakeChar(text, "Tt ") && TakeDigits(text, 2, hour) &&
                         TakeChar(text, ":") && TakeDigits(text, 2, minute);
    if (!time_ok) return wrong;
    if (TakeChar(text, ":") && (!TakeDigits(text, 2, second) || !TakeFraction(text, nanos))) {
      return wrong;
    }
    if (!TakeOffset(text, offset) || !text.empty()) return wrong;
  }
  if (!ValidTimeOfDay(hour, minute, second)) return wrong;
  return Compose(year, month, day, hour * 3600LL + minute * 60LL + second - offset, nanos);
}

Result<nanoseconds> ParseDuration(std::string_view text, nanoseconds bare_unit) {
  const Error wrong(Errc::kInvalid, "\"" + std::string(text) + "\" is not a duration such as " +
                                        "250ms, 5s, 10m, 1h or 7d");
  double value = 0;
  const auto [stop, ec] =
      std::from_chars(text.data(), text.data() + text.size(), value, std::chars_format::fixed);
  if (ec != std::errc{} || !(value >= 0)) return wrong;
  const std::string_view unit(stop, static_cast<std::size_t>(text.data() + text.size() - stop));
  double scale = 0;
  if (unit.empty()) {
    scale = static_cast<double>(bare_unit.count());
  } else if (unit == "ms") {
    scale = 1e6;
  } else if (unit == "s") {
    scale = 1e9;
  } else if (unit == "m") {
    scale = 60e9;
  } else if (unit == "h") {
    scale = 3600e9;
  } else if (unit == "d") {
    scale = 86400e9;
  } else if (unit == "w") {
    scale = 7 * 86400e9;
  } else {
    return wrong;
  }
  if (value * scale > 9.2e18) return wrong;
  return nanoseconds(static_cast<std::int64_t>(std::llround(value * scale)));
}

std::string FormatDuration(nanoseconds duration) {
  struct Unit {
    std::int64_t nanos;
    const char* name;
  };
  static constexpr std::array<Unit, 5> kUnits{{{86400 * kNanosPerSecond, "d"},
                                               {3600 * kNanosPerSecond, "h"},
                                               {60 * kNanosPerSecond, "m"},
                                               {kNanosPerSecond, "s"},
                                               {1'000'000, "ms"}}};
  const std::int64_t n = duration.count();
  if (n == 0) return "0s";
  for (const Unit& unit : kUnits) {
    if (n % unit.nanos == 0) return std::to_string(n / unit.nanos) + unit.name;
  }
  return std::to_string(n / 1'000'000) + "ms";
}

Result<std::uint64_t> ParseSize(std::string_view text) {
  const Error wrong(Errc::kInvalid,
                    "\"" + std::string(text) + "\" is not a size such as 512K, 20M or 1G");
  double value = 0;
  const auto [stop, ec] =
      std::from_chars(text.data(), text.data() + text.size(), value, std::chars_format::fixed);
  if (ec != std::errc{} || !(value >= 0)) return wrong;
  std::string_view unit(stop, static_cast<std::size_t>(text.data() + text.size() - stop));
  int shift = 0;
  if (!unit.empty()) {
    const auto letter = std::string_view("KMGT").find(
        static_cast<char>(unit[0] >= 'a' ? unit[0] - 'a' + 'A' : unit[0]));
    if (letter != std::string_view::npos) {
      shift = 10 * (static_cast<int>(letter) + 1);
      unit.remove_prefix(1);
      if (unit.starts_with('i')) unit.remove_prefix(1);
    }
    if (!unit.empty() && unit != "B" && unit != "b") return wrong;
  }
  const double bytes = std::ldexp(value, shift);
  if (bytes >= 9.2e18) return wrong;
  return static_cast<std::uint64_t>(std::llround(bytes));
}

std::string FormatSize(std::uint64_t bytes) {
  static constexpr std::string_view kLetters = "TGMK";
  for (std::size_t i = 0; i < kLetters.size(); ++i) {
    const std::uint64_t unit = std::uint64_t{1} << (10 * (kLetters.size() - i));
    if (bytes != 0 && bytes % unit == 0) return std::to_string(bytes / unit) + kLetters[i];
  }
  return std::to_string(bytes);
}

}  // namespace tend
