#include "supervisor/backoff.h"

#include <algorithm>

namespace tend::supervisor {
namespace {

using std::chrono::nanoseconds;

nanoseconds NextDelay(const config::AppConfig& app, const EndedLife& life, FailureHistory& past) {
  if (app.exp_backoff_restart_delay <= nanoseconds(0)) return app.restart_delay;
  if (life.uptime >= kBackoffForgottenAfter || past.delay <= nanoseconds(0)) {
    past.delay = std::min(app.exp_backoff_restart_delay, kBackoffMax);
  } else {
    past.delay = std::min(kBackoffMax, past.delay + past.delay / 2);
  }
  return past.delay;
}

}  // namespace

Verdict Judge(const config::AppConfig& app, const EndedLife& life, FailureHistory& history) {
  using Kind = Verdict::Kind;
  Verdict verdict;
  verdict.reason = life.executed && life.exit.ok() ? RestartReason::kExit : RestartReason::kCrash;
  const bool unstable = !life.executed || life.uptime < app.min_uptime;
  history.consecutive = unstable ? history.consecutive + 1 : 0;

  const auto& final_codes = app.stop_exit_codes;
  const bool final_code =
      life.executed && life.exit.known && life.exit.code.has_value() &&
      std::find(final_codes.begin(), final_codes.end(), *life.exit.code) != final_codes.end();
  if (final_code || !app.autorestart) {
    verdict.kind = life.executed ? Kind::kFinished : Kind::kGaveUp;
    return verdict;
  }
  if (unstable && history.consecutive >= app.max_restarts) {
    verdict.kind = Kind::kGaveUp;
    return verdict;
  }
  verdict.delay = NextDelay(app, life, history);
  if (!life.executed) verdict.delay = std::max(verdict.delay, kExecRetryDelay);
  return verdict;
}

std::chrono::nanoseconds StartLimiter::Reserve(Mono now) {
  if (at_ != Mono{} && now > at_) {
    have_ = std::min(burst_, have_ + rate_ * std::chrono::duration<double>(now - at_).count());
  }
  at_ = now;
  have_ -= 1;
  if (have_ >= 0) return nanoseconds(0);
  return std::chrono::duration_cast<nanoseconds>(std::chrono::duration<double>(-have_ / rate_));
}

}  // namespace tend::supervisor
