// Looks at one process again and again: until it is ready, and, once it is online, whether it is
// well. Both go on until they are destroyed.
//
// Owned by Triggers. Thread: the loop's.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "base/loop.h"
#include "supervisor/probes/health_policy.h"
#include "supervisor/sidecar/prober.h"

namespace tend::supervisor {

// `ready.http` or `ready.tcp`: often at first, once a second later.
class ReadyWatch {
 public:
  struct Callbacks {
    std::function<void()> on_ready;    // once; nothing is looked at after it
    std::function<void()> on_unknown;  // where it listens is not known: nothing is looked at
  };
  // `app` and `worker` outlive this.
  ReadyWatch(Loop& loop,
             Prober& prober,
             const WatchedApp& app,
             const WatchedWorker& worker,
             Callbacks callbacks);
  // True if the configuration asks for one.
  static bool IsWanted(const config::AppConfig& config) {
    return !config.ready.http.empty() || !config.ready.tcp.empty();
  }

 private:
  void Look();

  Loop& loop_;
  Prober& prober_;
  const WatchedApp& app_;
  const WatchedWorker& worker_;
  const Callbacks callbacks_;
  std::chrono::nanoseconds pause_;
  std::unique_ptr<probes::Check> check_;
  Loop::Watch timer_;
};

// `health.http`, `.tcp` and `.exec`, in this order; the first that fails ends the round.
class HealthWatch {
 public:
  // One of them, as the configuration calls it.
  struct Round {
    std::string_view check;
    probes::CheckResult result;
    probes::HealthChange change;
    std::uint32_t failures;  // in a row
  };
  struct Callbacks {
    std::function<void(const Round& round)> on_round;
    std::function<void()> on_unknown;  // where it listens is not known: that is not looked at
  };
  // Its grace begins now. `app` and `worker` outlive this.
  HealthWatch(Loop& loop,
              Prober& prober,
              const WatchedApp& app,
              const WatchedWorker& worker,
              Callbacks callbacks);
  static bool IsWanted(const config::AppConfig& config) {
    return !config.health.http.empty() || !config.health.tcp.empty() || !config.health.exec.empty();
  }

 private:
  enum class Step : std::uint8_t { kHttp, kTcp, kExec, kEnd };

  void Wait();
  void RunNext();
  std::unique_ptr<probes::Check> Make(Step step, probes::CheckDone done);
  void Finish(Step step, probes::CheckResult result);

  Loop& loop_;
  Prober& prober_;
  const WatchedApp& app_;
  const WatchedWorker& worker_;
  const Callbacks callbacks_;
  probes::HealthPolicy policy_;
  Step next_ = Step::kHttp;
  bool looked_ = false;  // at anything, in this round
  Mono begun_{};
  std::unique_ptr<probes::Check> check_;
  Loop::Watch timer_;
};

}  // namespace tend::supervisor
