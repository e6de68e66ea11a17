#include "supervisor/sidecar/life_times.h"

#include <array>
#include <chrono>

namespace tend::supervisor {
namespace {

constexpr auto kBounds = std::to_array<double>({0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60});
// A worker that is exchanged is a sign of a reload only if the end of one follows: what is older
// than this was a restart.
constexpr auto kQuietMax = std::chrono::minutes(1);

double Seconds(Wall::duration time) {
  return std::chrono::duration<double>(time).count();
}

}  // namespace

LifeTimes::Durations::Durations() : ready(kBounds), reloaded(kBounds), reload_failed(kBounds) {}

LifeTimes::Durations& LifeTimes::DurationsOf(const std::string& app) {
  return durations_[app];
}

void LifeTimes::SeeReload(const std::string& app, Wall now) {
  Reload& reload = reloads_[app];
  if (now - reload.latest > kQuietMax) reload.first = now;
  reload.latest = now;
}

void LifeTimes::Began(const WorkerRef& worker, Wall since, bool is_successor) {
  Start& start = starts_[{worker.app, worker.slot}];
  if (start.incarnation == worker.incarnation) return;
  start = {worker.incarnation, since, std::nullopt};
  if (is_successor) SeeReload(worker.app, since);
}

void LifeTimes::Changed(const std::string& app, const WorkerStatus& worker, Wall now) {
  if (worker.state == WorkerState::kReloading) SeeReload(app, now);
}

void LifeTimes::State(const Fact& fact) {
  if (fact.id == FactId::kAppReloaded) return EndReload(fact, &Durations::reloaded);
  if (fact.id == FactId::kReloadFailed) return EndReload(fact, &Durations::reload_failed);
  if (fact.id != FactId::kWorkerOnline) return;
  const auto start = starts_.find({fact.app, fact.slot});
  if (start == starts_.end() || start->second.ready_seconds) return;
  if (fact.time < start->second.since) return;  // The clock was set back.
  start->second.ready_seconds = Seconds(fact.time - start->second.since);
  DurationsOf(fact.app).ready.Observe(*start->second.ready_seconds);
}

void LifeTimes::EndReload(const Fact& fact, exporter::Histogram Durations::*histogram) {
  const auto reload = reloads_.find(fact.app);
  if (reload == reloads_.end()) return;
  if (fact.time >= reload->second.first) {
    (DurationsOf(fact.app).*histogram).Observe(Seconds(fact.time - reload->second.first));
  }
  reloads_.erase(reload);
}

exporter::AppDurations LifeTimes::View(const std::string& app) const {
  const auto found = durations_.find(app);
  const Durations none;
  const Durations& of = found == durations_.end() ? none : found->second;
  return {of.ready.View(), of.reloaded.View(), of.reload_failed.View()};
}

std::optional<double> LifeTimes::ReadySeconds(const std::string& app,
                                              int slot,
                                              std::uint64_t incarnation) const {
  const auto start = starts_.find({app, slot});
  if (start == starts_.end() || start->second.incarnation != incarnation) return std::nullopt;
  return start->second.ready_seconds;
}

void LifeTimes::Forget(const std::string& app) {
  durations_.erase(app);
  reloads_.erase(app);
  std::erase_if(starts_, [&](const auto& entry) { return entry.first.first == app; });
}

}  // namespace tend::supervisor
