#include "supervisor/backoff.h"

#include <gtest/gtest.h>

namespace tend::supervisor {
namespace {

using std::chrono::milliseconds;
using std::chrono::nanoseconds;
using std::chrono::seconds;

EndedLife Exited(int code, nanoseconds uptime) {
  EndedLife life;
  life.exit.code = code;
  life.uptime = uptime;
  return life;
}

EndedLife Killed(int signal, nanoseconds uptime) {
  EndedLife life;
  life.exit.signal = signal;
  life.uptime = uptime;
  return life;
}

TEST(Backoff, ASignalIsACrashAndNotExitCodeZero) {
  config::AppConfig app;
  app.stop_exit_codes = {0};
  FailureHistory history;
  const Verdict verdict = Judge(app, Killed(9, seconds(5)), history);
  EXPECT_EQ(verdict.kind, Verdict::Kind::kAgain);
  EXPECT_EQ(verdict.reason, RestartReason::kCrash);
  EXPECT_EQ(Judge(app, Exited(0, seconds(5)), history).kind, Verdict::Kind::kFinished);
}

TEST(Backoff, GrowsByHalfUpToFifteenSecondsAndForgetsAfterThirty) {
  config::AppConfig app;
  app.exp_backoff_restart_delay = milliseconds(100);
  app.max_restarts = 1000;
  FailureHistory history;
  EXPECT_EQ(Judge(app, Exited(1, seconds(0)), history).delay, milliseconds(100));
  EXPECT_EQ(Judge(app, Exited(1, seconds(0)), history).delay, milliseconds(150));
  EXPECT_EQ(Judge(app, Exited(1, seconds(0)), history).delay, milliseconds(225));
  for (int i = 0; i < 40; ++i)
    Judge(app, Exited(1, seconds(0)), history);
  EXPECT_EQ(Judge(app, Exited(1, seconds(29)), history).delay, seconds(15));
  EXPECT_EQ(Judge(app, Exited(1, seconds(30)), history).delay, milliseconds(100));
}

TEST(Backoff, ExponentialWinsOverTheFixedDelay) {
  config::AppConfig app;
  app.restart_delay = seconds(9);
  FailureHistory history;
  EXPECT_EQ(Judge(app, Exited(1, seconds(5)), history).delay, seconds(9));
  app.exp_backoff_restart_delay = milliseconds(50);
  EXPECT_EQ(Judge(app, Exited(1, seconds(5)), history).delay, milliseconds(50));
}

TEST(Backoff, ACrashLoopThatBeginsLateIsStoppedAsWell) {
  config::AppConfig app;
  app.max_restarts = 4;
  FailureHistory history;
  EXPECT_EQ(Judge(app, Exited(1, std::chrono::hours(100)), history).kind, Verdict::Kind::kAgain);
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(Judge(app, Exited(1, milliseconds(10)), history).kind, Verdict::Kind::kAgain);
  }
  EXPECT_EQ(Judge(app, Exited(1, milliseconds(10)), history).kind, Verdict::Kind::kGaveUp);
}

TEST(Backoff, WithoutAutorestartItIsFinishedOrCannotBeStartedAtAll) {
  config::AppConfig app;
  app.autorestart = false;
  FailureHistory history;
  EXPECT_EQ(Judge(app, Exited(1, seconds(5)), history).kind, Verdict::Kind::kFinished);
  EndedLife never;
  never.executed = false;
  EXPECT_EQ(Judge(app, never, history).kind, Verdict::Kind::kGaveUp);
}

TEST(StartLimiter, GivesABurstAndThenARate) {
  StartLimiter limiter(2, 10);
  const Mono now{seconds(100)};
  EXPECT_EQ(limiter.Reserve(now).count(), 0);
  EXPECT_EQ(limiter.Reserve(now).count(), 0);
  EXPECT_EQ(limiter.Reserve(now), milliseconds(100));
  EXPECT_EQ(limiter.Reserve(now), milliseconds(200));
  EXPECT_EQ(limiter.Reserve(now + seconds(10)).count(), 0);
}

}  // namespace
}  // namespace tend::supervisor
