#include "supervisor/sidecar/worker_checks.h"

#include <algorithm>
#include <array>
#include <utility>

namespace tend::supervisor {

using probes::Check;
using probes::CheckDone;
using probes::CheckResult;
using probes::Outcome;

namespace {

constexpr std::chrono::nanoseconds kReadyTimeout = std::chrono::seconds(2);
constexpr std::chrono::nanoseconds kPauseMin = std::chrono::milliseconds(100);
constexpr std::chrono::nanoseconds kPauseMax = std::chrono::seconds(1);

}  // namespace

ReadyWatch::ReadyWatch(Loop& loop,
                       Prober& prober,
                       const WatchedApp& app,
                       const WatchedWorker& worker,
                       Callbacks callbacks)
    : loop_(loop),
      prober_(prober),
      app_(app),
      worker_(worker),
      callbacks_(std::move(callbacks)),
      pause_(kPauseMin) {
  // Its program has just begun.
  timer_ = loop_.After(kPauseMin, [this] { Look(); });
}

void ReadyWatch::Look() {
  const config::ReadyConfig& ready = app_.config.ready;
  CheckDone done = [this](const CheckResult& result) {
    if (result.is_good()) return callbacks_.on_ready();
    timer_ = loop_.After(pause_, [this] { Look(); });
    pause_ = std::min(pause_ * 3 / 2, kPauseMax);
  };
  check_ = ready.http.empty()
               ? prober_.Tcp(ready.tcp, kReadyTimeout, std::move(done))
               : prober_.Http(app_, worker_, ready.http, kReadyTimeout, std::move(done));
  if (!check_) callbacks_.on_unknown();
}

HealthWatch::HealthWatch(Loop& loop,
                         Prober& prober,
                         const WatchedApp& app,
                         const WatchedWorker& worker,
                         Callbacks callbacks)
    : loop_(loop),
      prober_(prober),
      app_(app),
      worker_(worker),
      callbacks_(std::move(callbacks)),
      policy_(app.config.health, loop.Now()) {
  Wait();
}

void HealthWatch::Wait() {
  const auto wait = std::max<std::chrono::nanoseconds>(policy_.next() - loop_.Now(), {});
  timer_ = loop_.After(wait, [this] {
    begun_ = loop_.Now();
    next_ = Step::kHttp;
    looked_ = false;
    RunNext();
  });
}

std::unique_ptr<Check> HealthWatch::Make(Step step, CheckDone done) {
  const config::HealthConfig& health = app_.config.health;
  switch (step) {
    case Step::kHttp:
      return prober_.Http(app_, worker_, health.http, health.timeout, std::move(done));
    case Step::kTcp:
      return prober_.Tcp(health.tcp, health.timeout, std::move(done));
    case Step::kExec:
      return prober_.Exec(app_, worker_, health.exec, health.timeout, std::move(done));
    case Step::kEnd:
      break;
  }
  return nullptr;
}

void HealthWatch::RunNext() {
  const config::HealthConfig& health = app_.config.health;
  const std::array<const std::string*, 3> asked = {&health.http, &health.tcp, &health.exec};
  while (next_ != Step::kEnd) {
    const Step step = next_;
    next_ = static_cast<Step>(static_cast<int>(step) + 1);
    if (asked[static_cast<std::size_t>(step)]->empty()) continue;
    check_ = Make(step, [this, step](CheckResult result) {
      if (result.outcome != Outcome::kUnknown) looked_ = true;
      if (result.outcome == Outcome::kBad) return Finish(step, std::move(result));
      RunNext();
    });
    if (check_) return;
    callbacks_.on_unknown();
  }
  // What could not be looked at is not well either.
  Finish(Step::kEnd, {looked_ ? Outcome::kGood : Outcome::kUnknown});
}

void HealthWatch::Finish(Step step, CheckResult result) {
  static constexpr std::array<std::string_view, 4> kNames = {"http", "tcp", "exec", ""};
  check_.reset();
  const auto change = policy_.Add(result.outcome, begun_, loop_.Now());
  Wait();
  callbacks_.on_round(
      {kNames[static_cast<std::size_t>(step)], std::move(result), change, policy_.failures()});
}

}  // namespace tend::supervisor
