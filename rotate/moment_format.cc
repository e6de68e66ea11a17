#include "rotate/moment_format.h"

#include <time.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>

namespace tend::rotate {
namespace {

// A longer one stands before those that it begins with.
constexpr std::string_view kTokens[] = {
    "YYYY", "YY",   "Q",   "MMMM", "MMM", "MM", "Mo", "M",  "DDDD", "DDD", "DD", "Do",
    "D",    "dddd", "ddd", "dd",   "do",  "d",  "E",  "HH", "H",    "hh",  "h",  "kk",
    "k",    "mm",   "m",   "ss",   "s",   "A",  "a",  "ZZ", "Z",    "X",   "x"};
struct Preset {
  std::string_view token, format;
};
constexpr Preset kPresets[] = {{"LLLL", "dddd, MMMM D, YYYY h:mm A"},
                               {"LLL", "MMMM D, YYYY h:mm A"},
                               {"LL", "MMMM D, YYYY"},
                               {"LTS", "h:mm:ss A"},
                               {"LT", "h:mm A"},
                               {"L", "MM/DD/YYYY"}};
constexpr std::size_t kFractionMax = 9;

constexpr std::array<std::string_view, 12> kMonths = {
    "January", "February", "March",     "April",   "May",      "June",
    "July",    "August",   "September", "October", "November", "December"};
constexpr std::array<std::string_view, 7> kDays = {"Sunday",   "Monday", "Tuesday", "Wednesday",
                                                   "Thursday", "Friday", "Saturday"};

struct Moment {
  tm local{};
  std::int64_t unix_milliseconds = 0;
  std::uint32_t nanoseconds = 0;
};

Moment MomentOf(Wall time) {
  const auto seconds = std::chrono::floor<std::chrono::seconds>(time);
  const time_t unix_seconds = seconds.time_since_epoch().count();
  Moment moment;
  ::localtime_r(&unix_seconds, &moment.local);
  moment.nanoseconds = static_cast<std::uint32_t>((time - seconds).count());
  moment.unix_milliseconds = unix_seconds * 1000 + moment.nanoseconds / 1'000'000;
  return moment;
}

void AppendPadded(std::int64_t number, std::size_t width, std::string& out) {
  const std::string digits = std::to_string(number);
  if (digits.size() < width) out.append(width - digits.size(), '0');
  out.append(digits);
}

// "1st", "22nd", "13th".
void AppendOrdinal(int number, std::string& out) {
  const int tens = number % 100 / 10;
  const int ones = number % 10;
  out.append(std::to_string(number));
  out.append(tens == 1 || ones == 0 || ones > 3 ? "th"
             : ones == 1                        ? "st"
             : ones == 2                        ? "nd"
                                                : "rd");
}

void AppendOffset(const tm& local, bool with_colon, std::string& out) {
  const auto minutes = local.tm_gmtoff / 60;
  out.append(1, minutes < 0 ? '-' : '+');
  AppendPadded(std::abs(minutes) / 60, 2, out);
  if (with_colon) out.append(1, ':');
  AppendPadded(std::abs(minutes) % 60, 2, out);
}

void AppendDay(std::string_view token, const tm& local, std::string& out) {
  if (token[0] == 'E') {
    out.append(std::to_string(local.tm_wday == 0 ? 7 : local.tm_wday));
  } else if (token == "d") {
    out.append(std::to_string(local.tm_wday));
  } else if (token == "do") {
    AppendOrdinal(local.tm_wday, out);
  } else {
    const std::string_view name = kDays[static_cast<std::size_t>(local.tm_wday)];
    out.append(token.size() == 4 ? name : name.substr(0, token.size()));
  }
}

void AppendDate(std::string_view token, const tm& local, std::string& out) {
  if (token == "YY") {
    AppendPadded((local.tm_year + 1900) % 100, 2, out);
  } else if (token == "YYYY") {
    AppendPadded(local.tm_year + 1900, 4, out);
  } else if (token == "Q") {
    out.append(std::to_string(local.tm_mon / 3 + 1));
  } else if (token == "Mo") {
    AppendOrdinal(local.tm_mon + 1, out);
  } else if (token == "Do") {
    AppendOrdinal(local.tm_mday, out);
  } else if (token[0] == 'M' && token.size() >= 3) {
    const std::string_view name = kMonths[static_cast<std::size_t>(local.tm_mon)];
    out.append(token.size() == 4 ? name : name.substr(0, 3));
  } else if (token[0] == 'M') {
    AppendPadded(local.tm_mon + 1, token.size(), out);
  } else if (token.size() >= 3) {
    AppendPadded(local.tm_yday + 1, token.size() == 4 ? 3 : 1, out);
  } else {
    AppendPadded(local.tm_mday, token.size(), out);
  }
}

void AppendToken(std::string_view token, const Moment& moment, std::string& out) {
  const tm& local = moment.local;
  switch (token[0]) {
    case 'H':
      return AppendPadded(local.tm_hour, token.size(), out);
    case 'h':
      return AppendPadded((local.tm_hour + 11) % 12 + 1, token.size(), out);
    case 'k':
      return AppendPadded((local.tm_hour + 23) % 24 + 1, token.size(), out);
    case 'm':
      return AppendPadded(local.tm_min, token.size(), out);
    case 's':
      return AppendPadded(local.tm_sec, token.size(), out);
    case 'S': {
      std::string digits;
      AppendPadded(moment.nanoseconds, kFractionMax, digits);
      out.append(digits, 0, token.size());
      return;
    }
    case 'A':
      out.append(local.tm_hour < 12 ? "AM" : "PM");
      return;
    case 'a':
      out.append(local.tm_hour < 12 ? "am" : "pm");
      return;
    case 'Z':
      return AppendOffset(local, token.size() == 1, out);
    case 'X':
      out.append(std::to_string(moment.unix_milliseconds / 1000));
      return;
    case 'x':
      out.append(std::to_string(moment.unix_milliseconds));
      return;
    case 'd':
    case 'E':
      return AppendDay(token, local, out);
    default:
      return AppendDate(token, local, out);
  }
}

}  // namespace

MomentFormat::MomentFormat(std::string_view format) {
  Parse(format);
}

void MomentFormat::Parse(std::string_view format) {
  while (!format.empty()) {
    const auto begins = [&](std::string_view token) { return format.starts_with(token); };
    if (const std::size_t end = format.find(']'); format[0] == '[' && end != format.npos) {
      parts_.push_back({false, std::string(format.substr(1, end - 1))});
      format.remove_prefix(end + 1);
      continue;
    }
    const auto* const preset =
        std::find_if(std::begin(kPresets), std::end(kPresets),
                     [&](const Preset& candidate) { return begins(candidate.token); });
    if (preset != std::end(kPresets)) {
      Parse(preset->format);
      format.remove_prefix(preset->token.size());
      continue;
    }
    std::size_t size = std::min(format.find_first_not_of('S'), format.size());
    size = std::min(size, kFractionMax);
    if (size == 0) {
      const auto* const token = std::find_if(std::begin(kTokens), std::end(kTokens), begins);
      if (token != std::end(kTokens)) size = token->size();
    }
    parts_.push_back({size > 0, std::string(format.substr(0, std::max<std::size_t>(size, 1)))});
    format.remove_prefix(parts_.back().text.size());
  }
}

void MomentFormat::Append(Wall time, std::string& out) const {
  const Moment moment = MomentOf(time);
  for (const Part& part : parts_) {
    if (part.is_token) {
      AppendToken(part.text, moment, out);
    } else {
      out.append(part.text);
    }
  }
}

}  // namespace tend::rotate
