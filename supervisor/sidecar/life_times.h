// How long workers take to become ready, and apps to be reloaded, from what core tells.
//
// Pure. Thread: the loop's.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>

#include "base/fact.h"
#include "base/record.h"
#include "base/status.h"
#include "exporter/histogram.h"
#include "exporter/snapshot.h"

namespace tend::supervisor {

class LifeTimes {
 public:
  // A process began at `since`; `is_successor`: beside one that serves.
  void Began(const WorkerRef& worker, Wall since, bool is_successor);
  // What core says of a worker.
  void Changed(const std::string& app, const WorkerStatus& worker, Wall now);
  // worker_online, app_reloaded, reload_failed; others are left alone.
  void State(const Fact& fact);

  exporter::AppDurations View(const std::string& app) const;
  // Absent if that process is not ready, or nobody saw how it became so.
  std::optional<double> ReadySeconds(const std::string& app,
                                     int slot,
                                     std::uint64_t incarnation) const;

  // visit(name, number) for each number of an app, to be kept and set again.
  template <typename Visit>
  void Counters(const std::string& app, Visit&& visit) {
    Durations& of = DurationsOf(app);
    of.ready.Counters("ready", visit);
    of.reloaded.Counters("reloaded", visit);
    of.reload_failed.Counters("reload_failed", visit);
  }
  void Forget(const std::string& app);

 private:
  struct Durations {
    Durations();
    exporter::Histogram ready, reloaded, reload_failed;
  };
  struct Start {
    std::uint64_t incarnation = 0;
    Wall since{};
    std::optional<double> ready_seconds;
  };
  // Signs of a reload that is under way: from the first to the latest of a row.
  struct Reload {
    Wall first{}, latest{};
  };
  using Key = std::pair<std::string, int>;

  Durations& DurationsOf(const std::string& app);
  void SeeReload(const std::string& app, Wall now);
  void EndReload(const Fact& fact, exporter::Histogram Durations::*histogram);

  std::map<std::string, Durations> durations_;
  std::map<Key, Start> starts_;
  std::map<std::string, Reload> reloads_;
};

}  // namespace tend::supervisor
