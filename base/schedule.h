// Times of the day at which something is to happen: `daily`, or a cron expression. Pure: the time
// zone is handed in.
#pragma once

#include <bitset>
#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string_view>

#include "base/result.h"
#include "base/time.h"

namespace tend {

// A part of time in which local time is `offset` ahead of UTC.
struct OffsetSpan {
  Wall begin = Wall::min();
  Wall end = Wall::max();
  std::chrono::seconds offset{0};
};
// The span that a moment lies in.
using ZoneOffsets = std::function<OffsetSpan(Wall)>;

class Schedule {
 public:
  // `hourly`, `daily` (at midnight), `weekly` (Sunday), `monthly` (the 1st), or five fields
  // "minute hour day month weekday" of numbers, names (jan, mon), `*`, ranges a-b, steps /n and
  // lists with commas. If both days are restricted one of them is enough, as in cron(8). Where
  // seconds are allowed they may stand before these as a sixth.
  enum class Seconds : std::uint8_t { kNone, kAllowed };
  static Result<Schedule> Parse(std::string_view text, Seconds may = Seconds::kNone);

  // The first such moment after `after`; Wall::max() if there is none in ten years. Where the clock
  // is set forward, what falls into the missing hour happens when it is over; where it is set back,
  // what has a fixed hour happens once.
  Wall Next(Wall after, const ZoneOffsets& zone) const;

 private:
  using Local = std::chrono::local_seconds;
  std::optional<Local> FirstFrom(Local from) const;
  bool MatchesDay(std::chrono::local_days day) const;
  std::optional<std::chrono::seconds> FirstOfDay(std::chrono::seconds from) const;

  std::bitset<60> seconds_{1};
  std::bitset<60> minutes_;
  std::bitset<24> hours_;
  std::bitset<32> days_;
  std::bitset<13> months_;
  std::bitset<8> weekdays_;  // 0 and 7 are Sunday
  bool any_day_ = true;
  bool any_weekday_ = true;
};

}  // namespace tend
