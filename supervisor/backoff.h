// When a worker that ended by itself is started again: the restart policy of one app, as a function
// of how the worker ended, and the limit on starts of all apps together. Pure but for what the
// caller keeps; any thread.
#pragma once

#include <chrono>
#include <cstdint>

#include "base/status.h"
#include "config/config.h"

namespace tend::supervisor {

// What is kept of a worker's past, in its state record.
struct FailureHistory {
  std::uint32_t consecutive = 0;      // ends before min_uptime, without a longer life in between
  std::chrono::nanoseconds delay{0};  // of the last exponential back-off; 0: none yet
};

struct EndedLife {
  std::chrono::nanoseconds uptime{0};
  ExitStatus exit;
  bool executed = true;  // false: its program never ran
};

struct Verdict {
  enum class Kind : std::uint8_t { kAgain, kFinished, kGaveUp };
  Kind kind = Kind::kAgain;
  std::chrono::nanoseconds delay{0};  // before the next start
  RestartReason reason = RestartReason::kCrash;
};

inline constexpr std::chrono::nanoseconds kBackoffMax = std::chrono::seconds(15);
inline constexpr std::chrono::nanoseconds kBackoffForgottenAfter = std::chrono::seconds(30);
// Before a program that cannot be executed is tried again; nothing is gained by haste.
inline constexpr std::chrono::nanoseconds kExecRetryDelay = std::chrono::milliseconds(100);

// A stable life (uptime >= min_uptime) forgives the failures before it; max_restarts unstable ones
// in a row give up.
Verdict Judge(const config::AppConfig& app, const EndedLife& life, FailureHistory& history);

// At most `burst` starts at once and `per_second` in the long run. Whoever reserves gets a place in
// the row and how long to wait for it.
class StartLimiter {
 public:
  StartLimiter(double burst, double per_second) : burst_(burst), rate_(per_second), have_(burst) {}
  std::chrono::nanoseconds Reserve(Mono now);

 private:
  const double burst_, rate_;
  double have_;  // below 0: places given away
  Mono at_{};
};

}  // namespace tend::supervisor
