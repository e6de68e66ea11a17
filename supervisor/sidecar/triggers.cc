#include "supervisor/sidecar/triggers.h"

#include <algorithm>
#include <utility>

#include "base/log.h"
#include "base/time.h"
#include "supervisor/probes/ready_line.h"
#include "supervisor/sidecar/link_reader.h"

namespace tend::supervisor {
namespace {

constexpr std::chrono::nanoseconds kAskAgain = std::chrono::seconds(1);
constexpr int kAsksMax = 120;

std::string MiB(std::uint64_t bytes) {
  return std::to_string(bytes >> 20) + " MiB";
}

std::shared_ptr<const WatchedApp> Watched(const config::AppConfig& config) {
  auto app = std::make_shared<WatchedApp>();
  app->config = config;
  if (!config.ready.log.empty()) {
    // One that cannot be read, which no configuration that was checked has, matches nothing.
    if (auto pattern = Pattern::Compile(config.ready.log)) app->ready_line = *std::move(pattern);
  }
  if (!config.health.exec.empty()) {
    auto account = probes::AccountOf(config.uid, config.gid);
    if (account) {
      app->account = *std::move(account);
    } else {
      app->account_error = account.error().message();
    }
  }
  return app;
}

}  // namespace

Triggers::Triggers(Loop& loop, Options options)
    : loop_(loop),
      options_(std::move(options)),
      prober_(loop, [this](std::uint64_t id, std::uint16_t port, bool exact) {
        options_.tell_core(ProbeWord(id, port, exact));
      }) {}

void Triggers::BeginSync() {
  for (auto& entry : lives_)
    entry.second.confirmed = false;
}

void Triggers::EndSync() {
  std::erase_if(lives_, [](const auto& entry) { return !entry.second.confirmed; });
}

void Triggers::PutApp(const config::AppConfig& config) {
  App& app = apps_[config.name];
  if (app.watched && app.watched->config == config) return;
  const auto before = std::exchange(app.watched, Watched(config));
  told_unknown_.erase(config.name);
  const bool same_files = before && before->config.watch == config.watch &&
                          before->config.ignore_watch == config.ignore_watch &&
                          before->config.watch_delay == config.watch_delay &&
                          before->config.out_file == config.out_file &&
                          before->config.error_file == config.error_file &&
                          before->config.log_file == config.log_file;
  if (!same_files) WatchFiles(app);
  for (auto& [name, other] : apps_) {
    const bool may_lie_there = !same_files && name != config.name;
    if (may_lie_there && !other.watched->config.watch.empty()) WatchFiles(other);
  }
  if (!before || before->config.cron_restart != config.cron_restart) WatchClock(app);
  for (auto& entry : lives_) {
    if (entry.second.worker.ref.app == config.name) Rewatch(entry.second, app.watched);
  }
}

void Triggers::DropApp(const std::string& app) {
  apps_.erase(app);
  told_unknown_.erase(app);
  std::erase_if(lives_, [&](const auto& entry) { return entry.second.worker.ref.app == app; });
}

void Triggers::WatchFiles(App& app) {
  app.files.reset();
  app.ask_again.reset();
  const config::AppConfig& config = app.watched->config;
  if (config.watch.empty()) return;
  probes::FileWatch::Options options;
  options.paths = config.watch;
  options.ignore = config.ignore_watch;
  options.own = options_.own_files;
  // Those of other apps may lie beside.
  for (const auto& entry : apps_) {
    const config::AppConfig& any = entry.second.watched->config;
    for (const std::string& file : {any.out_file, any.error_file, any.log_file}) {
      if (!file.empty()) options.own.push_back(file);
    }
  }
  options.quiet = config.watch_delay;
  probes::FileWatch::Callbacks callbacks;
  callbacks.on_change = [this, &app](const std::string& path) { OnFiles(app, path); };
  callbacks.on_incomplete = [this, name = config.name](const std::string& why) {
    options_.state({FactId::kWatchIncomplete, loop_.WallNow(), name, -1, {{"why", why}}});
  };
  app.files = std::make_unique<probes::FileWatch>(loop_, std::move(options), std::move(callbacks));
}

void Triggers::OnFiles(App& app, const std::string& path) {
  const std::string& name = app.watched->config.name;
  app.changed = path + " changed";
  app.stale.clear();
  for (const auto& [incarnation, life] : lives_) {
    if (life.worker.ref.app == name) app.stale.insert(incarnation);
  }
  app.asks_left = kAsksMax;
  options_.tell_core(RestartAppWord(name, RestartReason::kWatch, app.changed));
  AskAgainLater(app);
}

// Core takes no new word while it still acts on an older one, and a worker that was starting just
// then may have read the files as they were.
void Triggers::AskAgainLater(App& app) {
  if (app.asks_left-- <= 0) return;
  app.ask_again = loop_.After(kAskAgain, [this, &app] {
    std::erase_if(app.stale, [this](std::uint64_t known) { return !lives_.contains(known); });
    if (app.stale.empty()) return;
    const bool works = std::any_of(app.stale.begin(), app.stale.end(), [this](std::uint64_t known) {
      return lives_.at(known).is_online;
    });
    if (works) {
      options_.tell_core(
          RestartAppWord(app.watched->config.name, RestartReason::kWatch, app.changed));
    }
    AskAgainLater(app);
  });
}

void Triggers::WatchClock(App& app) {
  app.cron.reset();
  const config::AppConfig& config = app.watched->config;
  if (config.cron_restart.empty()) return;
  const auto schedule = Schedule::Parse(config.cron_restart, Schedule::Seconds::kAllowed);
  if (!schedule) return LogError("restart " + config.name + ": " + schedule.error().message());
  app.cron.emplace(loop_, *schedule, options_.zone(), [this, name = config.name] {
    options_.tell_core(RestartAppWord(name, RestartReason::kCron, "its time has come"));
  });
}

void Triggers::PutIncarnation(const WorkerRef& ref, int pid, std::uint16_t port) {
  const auto app = apps_.find(ref.app);
  if (app == apps_.end()) return;
  const auto [entry, is_new] = lives_.try_emplace(ref.incarnation);
  Life& life = entry->second;
  life.worker.ref = ref;
  life.worker.port = port;
  if (pid != 0) life.worker.pid = pid;
  life.confirmed = true;
  life.app = app->second.watched;
  if (is_new) return AwaitReady(life);
  // Core is told again what it may not have heard.
  if (life.said_ready && !life.is_online) options_.tell_core(ReadyWord(ref.incarnation));
}

void Triggers::PutWorker(const std::string& app, const WorkerStatus& status) {
  for (auto& [incarnation, life] : lives_) {
    if (life.worker.ref.app != app || life.worker.ref.slot != status.slot) continue;
    if (incarnation != status.incarnation) {
      // One that was the slot's, or is not yet and gets ready beside it.
      SetOnline(life, false);
      continue;
    }
    life.worker.pid = status.pid;
    if (status.state != WorkerState::kStarting) {
      life.awaits_ready = false;
      life.ready.reset();
    }
    SetOnline(life, status.state == WorkerState::kOnline);
  }
}

void Triggers::DropWorker(const std::string& app, int slot) {
  std::erase_if(lives_, [&](const auto& entry) {
    const WorkerRef& ref = entry.second.worker.ref;
    return ref.app == app && ref.slot == slot;
  });
}

void Triggers::TakeConnection(std::uint64_t incarnation, Fd connection) {
  prober_.TakeConnection(incarnation, std::move(connection));
}

void Triggers::NoConnection(std::uint64_t incarnation, const std::string& error, bool unknown) {
  prober_.NoConnection(incarnation, error, unknown);
}

void Triggers::AwaitReady(Life& life) {
  life.awaits_ready = true;
  life.ready.reset();
  if (!ReadyWatch::IsWanted(life.app->config)) return;
  ReadyWatch::Callbacks callbacks;
  callbacks.on_ready = [this, &life] { SayReady(life); };
  callbacks.on_unknown = [this, &life] { CannotLook(life.worker.ref, "ready.http"); };
  life.ready =
      std::make_unique<ReadyWatch>(loop_, prober_, *life.app, life.worker, std::move(callbacks));
}

void Triggers::SayReady(Life& life) {
  life.said_ready = true;
  life.awaits_ready = false;
  options_.tell_core(ReadyWord(life.worker.ref.incarnation));
}

void Triggers::SetOnline(Life& life, bool is_online) {
  if (std::exchange(life.is_online, is_online) == is_online) return;
  life.health.reset();
  life.stall.reset();
  life.memory = {};
  if (!is_online) return;
  const config::HealthConfig& health = life.app->config.health;
  if (HealthWatch::IsWanted(life.app->config)) {
    HealthWatch::Callbacks callbacks;
    callbacks.on_round = [this, &life](const HealthWatch::Round& round) { OnHealth(life, round); };
    callbacks.on_unknown = [this, &life] { CannotLook(life.worker.ref, "health.http"); };
    life.health =
        std::make_unique<HealthWatch>(loop_, prober_, *life.app, life.worker, std::move(callbacks));
  }
  if (health.event_loop != config::Duration::zero()) {
    life.stall.emplace(health.event_loop, loop_.Now() + health.grace);
  }
  TickLater();
}

void Triggers::Rewatch(Life& life, std::shared_ptr<const WatchedApp> app) {
  const bool was_online = life.is_online;
  const bool awaited_ready = life.awaits_ready;
  // What looks at it looks through the old one.
  SetOnline(life, false);
  life.ready.reset();
  life.app = std::move(app);
  if (awaited_ready) AwaitReady(life);
  SetOnline(life, was_online);
}

void Triggers::OnHealth(const Life& life, const HealthWatch::Round& round) {
  const WorkerRef& ref = life.worker.ref;
  if (round.change.recovered) State(FactId::kHealthRecovered, ref, {});
  if (round.change.failing) {
    State(FactId::kHealthCheckFailed, ref,
          {{"check", std::string(round.check)}, {"why", round.result.why}});
  }
  if (!round.change.sick) return;
  std::string why = std::to_string(round.failures);
  why += round.failures == 1 ? " failed check, " : " failed checks in a row, the last one ";
  why.append(round.check).append(": ").append(round.result.why);
  options_.tell_core(RestartWord(ref.incarnation, RestartReason::kUnresponsive, why));
}

void Triggers::CannotLook(const WorkerRef& worker, const std::string& key) {
  if (!told_unknown_.insert(worker.app).second) return;
  State(
      FactId::kHealthUnknown, worker,
      {{"key", key}, {"why", "its port is not known: `port`, or a whole address, would tell it"}});
}

bool Triggers::NeedsTick(const Life& life) const {
  return life.is_online && (life.app->config.max_memory != 0 || life.stall);
}

void Triggers::TickLater() {
  const bool is_needed = std::any_of(lives_.begin(), lives_.end(),
                                     [this](const auto& entry) { return NeedsTick(entry.second); });
  if (!is_needed || tick_) return;
  static_assert(probes::MemoryPolicy::kEvery == probes::StallPolicy::kEvery);
  tick_ = loop_.After(probes::MemoryPolicy::kEvery, [this] { Tick(); });
}

void Triggers::Tick() {
  tick_.reset();
  for (auto& entry : lives_) {
    if (!entry.second.is_online) continue;
    LookAtMemory(entry.second);
    LookAtLoop(entry.second);
  }
  TickLater();
}

void Triggers::LookAtMemory(Life& life) {
  const config::AppConfig& config = life.app->config;
  if (config.max_memory == 0 || life.worker.pid == 0) return;
  const auto resident = options_.resident_bytes(life.worker.pid);
  if (!resident) return;
  using Change = probes::MemoryPolicy::Change;
  const Change change = life.memory.Add(*resident, config.max_memory, loop_.Now());
  if (change == Change::kNone) return;
  const WorkerRef& ref = life.worker.ref;
  if (change == Change::kAbove) {
    State(FactId::kMemoryAboveLimit, ref,
          {{"resident", MiB(*resident)}, {"limit", FormatSize(config.max_memory)}});
  }
  if (config.on_memory == config::OnMemory::kWarn) return;
  options_.tell_core(RestartWord(
      ref.incarnation, RestartReason::kMemoryLimit,
      MiB(*resident) + " of resident memory, more than " + FormatSize(config.max_memory)));
}

void Triggers::LookAtLoop(Life& life) {
  if (!life.stall || !life.stall->Look(loop_.Now())) return;
  const std::string why =
      "its event loop has stood still for " + FormatDuration(life.app->config.health.event_loop);
  State(FactId::kHealthCheckFailed, life.worker.ref, {{"check", "event_loop"}, {"why", why}});
  options_.tell_core(RestartWord(life.worker.ref.incarnation, RestartReason::kUnresponsive, why));
}

void Triggers::ReportsEnded(std::uint64_t incarnation) {
  const auto life = lives_.find(incarnation);
  if (life != lives_.end()) life->second.stall.reset();
}

void Triggers::Reported(const WorkerRef& worker) {
  const auto found = lives_.find(worker.incarnation);
  if (found != lives_.end() && found->second.stall) found->second.stall->Reported(loop_.Now());
}

void Triggers::Lines(const RecordBatch& batch) {
  if (batch.lines.empty()) return;
  const auto found = lives_.find(batch.worker->incarnation);
  if (found == lives_.end() || !found->second.awaits_ready || !found->second.app->ready_line) {
    return;
  }
  if (probes::AnyLineMatches(*found->second.app->ready_line, batch)) SayReady(found->second);
}

void Triggers::State(FactId id,
                     const WorkerRef& worker,
                     std::vector<std::pair<std::string, std::string>> fields) {
  options_.state({id, loop_.WallNow(), worker.app, worker.slot, std::move(fields)});
}

}  // namespace tend::supervisor
