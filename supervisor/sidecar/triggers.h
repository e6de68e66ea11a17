// What the sidecar sees of workers that core should act on: ready, sick, too large, standing still,
// files that changed, times that have come. It says so to core, which decides; the rest of it is
// facts.
//
// Fed with core's word (apps, incarnations, states), with telemetry and lines. Whatever is counted
// here begins anew with a new sidecar: it looks twice again before it says a bad word.
//
// Owned by the sidecar. Thread: the loop's.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/fact.h"
#include "base/loop.h"
#include "base/schedule.h"
#include "base/status.h"
#include "supervisor/probes/cron_clock.h"
#include "supervisor/probes/file_watch.h"
#include "supervisor/probes/memory_policy.h"
#include "supervisor/probes/stall_policy.h"
#include "supervisor/sidecar/prober.h"
#include "supervisor/sidecar/worker_checks.h"

namespace tend::supervisor {

class Triggers {
 public:
  struct Options {
    std::function<void(std::string packet)> tell_core;
    std::function<void(Fact fact)> state;
    std::function<std::optional<std::uint64_t>(int pid)> resident_bytes;
    std::vector<std::string> own_files;  // that tend writes: changes there restart nobody
    std::function<ZoneOffsets()> zone;   // the machine's; asked for when somebody needs it
  };
  Triggers(Loop& loop, Options options);
  Triggers(const Triggers&) = delete;
  Triggers& operator=(const Triggers&) = delete;

  // Core tells all it knows anew; what it has not told when it is done is gone.
  void BeginSync();
  void EndSync();
  void PutApp(const config::AppConfig& config);
  void DropApp(const std::string& app);
  void PutIncarnation(const WorkerRef& ref, int pid, std::uint16_t port);
  void PutWorker(const std::string& app, const WorkerStatus& status);
  void DropWorker(const std::string& app, int slot);
  void Ended(std::uint64_t incarnation) { lives_.erase(incarnation); }
  void TakeConnection(std::uint64_t incarnation, Fd connection);
  void NoConnection(std::uint64_t incarnation, const std::string& error, bool unknown);

  void Reported(const WorkerRef& worker);  // telemetry
  // Nothing will be reported any more, which is no standstill.
  void ReportsEnded(std::uint64_t incarnation);
  void Lines(const RecordBatch& batch);

 private:
  struct App {
    std::shared_ptr<const WatchedApp> watched;
    std::unique_ptr<probes::FileWatch> files;
    std::optional<probes::CronClock> cron;
    // Since its files changed: which path, who began before that, how often core may be asked yet.
    std::string changed;
    std::set<std::uint64_t> stale;
    int asks_left = 0;
    Loop::Watch ask_again;
  };
  struct Life {
    std::shared_ptr<const WatchedApp> app;
    WatchedWorker worker;
    bool confirmed = true;  // by core, since it began to tell all
    bool is_online = false;
    bool awaits_ready = false;
    bool said_ready = false;  // its line was there, or its port answered
    std::unique_ptr<ReadyWatch> ready;
    std::unique_ptr<HealthWatch> health;
    probes::MemoryPolicy memory;
    std::optional<probes::StallPolicy> stall;
  };

  void WatchFiles(App& app);
  void OnFiles(App& app, const std::string& path);
  void AskAgainLater(App& app);
  void WatchClock(App& app);
  void AwaitReady(Life& life);
  void SayReady(Life& life);
  void SetOnline(Life& life, bool is_online);
  void Rewatch(Life& life, std::shared_ptr<const WatchedApp> app);
  void OnHealth(const Life& life, const HealthWatch::Round& round);
  void CannotLook(const WorkerRef& worker, const std::string& key);
  void TickLater();
  void Tick();
  bool NeedsTick(const Life& life) const;
  void LookAtMemory(Life& life);
  void LookAtLoop(Life& life);
  void State(FactId id,
             const WorkerRef& worker,
             std::vector<std::pair<std::string, std::string>> fields);

  Loop& loop_;
  const Options options_;
  Prober prober_;
  std::map<std::string, App> apps_;
  std::map<std::uint64_t, Life> lives_;  // by incarnation
  std::set<std::string> told_unknown_;   // apps of which CannotLook was said
  Loop::Watch tick_;
};

}  // namespace tend::supervisor
