#include "supervisor/probes/cron_clock.h"

#include <algorithm>
#include <utility>

namespace tend::probes {
namespace {

constexpr std::chrono::nanoseconds kLookEvery = std::chrono::seconds(30);
constexpr auto kLateMax = std::chrono::minutes(5);
// A clock that is set back by more was wrong before; by less, its hours have been once.
constexpr auto kSetBackMax = std::chrono::hours(3);

}  // namespace

CronClock::CronClock(Loop& loop,
                     const Schedule& schedule,
                     ZoneOffsets zone,
                     std::function<void()> call)
    : loop_(loop),
      schedule_(schedule),
      zone_(std::move(zone)),
      call_(std::move(call)),
      called_(loop.WallNow()) {
  Plan();
}

void CronClock::Plan() {
  const Wall now = loop_.WallNow();
  if (now < called_ - kSetBackMax) called_ = now;
  next_ = schedule_.Next(std::max(now, called_), zone_);
  // Never a turn of the loop without end, whatever the clock says.
  const auto wait =
      std::clamp<std::chrono::nanoseconds>(next_ - now, std::chrono::milliseconds(1), kLookEvery);
  timer_ = loop_.After(wait, [this] { Look(); });
}

void CronClock::Look() {
  const Wall now = loop_.WallNow();
  const bool is_due = now >= next_ && now - next_ <= kLateMax;
  if (is_due) called_ = next_;
  Plan();
  if (is_due) call_();
}

}  // namespace tend::probes
