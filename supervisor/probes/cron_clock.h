// Calls at the times of a schedule, by a wall clock that may be set at any time. It is looked at
// every half minute at least. No moment is called for twice; one that lies more than five minutes
// back when we see that it has come (the clock was set forward, the machine slept) is left out.
//
// Thread: the loop's.
#pragma once

#include <chrono>
#include <functional>

#include "base/loop.h"
#include "base/schedule.h"

namespace tend::probes {

class CronClock {
 public:
  // The first time is one after now.
  CronClock(Loop& loop, const Schedule& schedule, ZoneOffsets zone, std::function<void()> call);

  Wall next() const { return next_; }

 private:
  void Plan();
  void Look();

  Loop& loop_;
  const Schedule schedule_;
  const ZoneOffsets zone_;
  const std::function<void()> call_;
  Wall called_;  // the last moment that was called for, or where we began
  Wall next_;
  Loop::Watch timer_;
};

}  // namespace tend::probes
