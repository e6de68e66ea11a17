#include "exporter/alert/incident_book.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <set>
#include <string_view>

namespace tend::exporter {
namespace {

using enum IncidentKind;

constexpr double kWarnAt = 0.80, kCriticalAt = 0.95, kFineBelow = 0.75;
// A segment is at most half of the limit: with less than that left, it is not the limit that holds.
constexpr double kHeldFrom = 0.50;
constexpr std::string_view kCrashesDetail = "crashes";  // of a loop that is one for their number

std::string FieldOf(const Fact& fact, std::string_view name) {
  const auto found = std::find_if(fact.fields.begin(), fact.fields.end(),
                                  [&](const auto& field) { return field.first == name; });
  return found == fact.fields.end() ? std::string() : found->second;
}

std::string NameOf(const std::string& app, int slot) {
  return slot < 0 ? app : app + ':' + std::to_string(slot);
}

std::uint64_t CrashesOf(const WorkerStatus& worker) {
  return worker.restarts_by_reason[static_cast<std::size_t>(RestartReason::kCrash)];
}

bool IsOfCrashes(const Incident& incident) {
  return std::any_of(incident.details.begin(), incident.details.end(),
                     [](const auto& detail) { return detail.first == kCrashesDetail; });
}

std::vector<std::pair<std::string, std::string>> DetailsOf(const WorkerStatus& worker,
                                                           bool is_flapping) {
  std::vector<std::pair<std::string, std::string>> details;
  details.emplace_back("failures", std::to_string(worker.consecutive_failures));
  if (worker.last_exit) details.emplace_back("last_exit", Describe(*worker.last_exit));
  if (!worker.note.empty()) details.emplace_back("note", worker.note);
  details.emplace_back("restarts", std::to_string(worker.restarts()));
  if (is_flapping) details.emplace_back(kCrashesDetail, std::to_string(CrashesOf(worker)));
  return details;
}

double ShareOf(const DiskUse& disk) {
  if (disk.limit_bytes == 0) return 0;
  return static_cast<double>(disk.used_bytes) / static_cast<double>(disk.limit_bytes);
}

// "the logs of api take 81 % of the 1.0 GiB that they may"
std::string Taken(const std::string& whose, const DiskUse& disk) {
  return whose + " take " + std::to_string(disk.used_bytes * 100 / disk.limit_bytes) +
         " % of the " + FormatSize(disk.limit_bytes) + " that they may";
}

}  // namespace

void IncidentBook::Load(BookState state) {
  for (OpenIncident& saved : state.open) {
    Incident& incident = saved.incident;
    Key key{incident.kind, incident.app, incident.slot, incident.subject};
    open_[std::move(key)] = {std::move(incident), saved.is_told, Mono{}};
  }
  for (const HeldLogs& held : state.held) {
    Disk& disk = disks_[held.app];
    disk.is_held = true;
    disk.limit_bytes = held.limit_bytes;
  }
}

BookState IncidentBook::Save() const {
  BookState state;
  for (const auto& entry : open_)
    state.open.push_back({entry.second.incident, entry.second.is_told});
  for (const auto& [app, disk] : disks_) {
    if (disk.is_held) state.held.push_back({app, disk.limit_bytes});
  }
  return state;
}

// Sixteen digits of when it began; later ones sort behind earlier ones.
std::string IncidentBook::NewId(Wall began) {
  const auto count = static_cast<std::uint64_t>(began.time_since_epoch().count());
  last_id_ = std::max(count, last_id_ + 1);
  std::array<char, 16> digits{};
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), last_id_, 16).ptr;
  return std::string(digits.data(), end);
}

void IncidentBook::Begin(const Key& key, std::string summary, Details details, Instant now) {
  const auto [at, is_new] = open_.try_emplace(key);
  Incident& incident = at->second.incident;
  incident.details = std::move(details);
  if (!is_new) return;
  incident.id = NewId(now.wall);
  incident.kind = key.kind;
  incident.severity = SeverityOf(key.kind);
  incident.app = key.app;
  incident.slot = key.slot;
  incident.subject = key.subject;
  incident.summary = std::move(summary);
  incident.began = now.wall;
  at->second.since = now.mono;
}

void IncidentBook::GrowInto(
    const Key& from, const Key& key, std::string summary, Details details, Instant now) {
  auto node = open_.extract(from);
  if (node.empty() || IsOpen(key)) return Begin(key, std::move(summary), std::move(details), now);
  Open& open = node.mapped();
  if (std::exchange(open.is_told, false)) open.incident.before = from.kind;
  open.incident.kind = key.kind;
  open.incident.severity = SeverityOf(key.kind);
  open.incident.summary = std::move(summary);
  open.incident.details = std::move(details);
  open.since = now.mono;
  node.key() = key;
  open_.insert(std::move(node));
}

void IncidentBook::Happened(Key key, Wall time, std::string summary, Details details) {
  Incident incident;
  incident.id = NewId(time);
  incident.kind = key.kind;
  incident.severity = SeverityOf(key.kind);
  incident.app = std::move(key.app);
  incident.slot = key.slot;
  incident.subject = std::move(key.subject);
  incident.summary = std::move(summary);
  incident.details = std::move(details);
  incident.began = incident.ended = time;
  told_.push_back(std::move(incident));
}

void IncidentBook::End(const Key& key, std::string summary, Instant now) {
  auto node = open_.extract(key);
  if (node.empty()) return;
  Open& open = node.mapped();
  // Nobody has heard of it.
  if (!open.is_told && !open.incident.before) return;
  open.incident.summary = std::move(summary);
  open.incident.ended = std::max(now.wall, open.incident.began + std::chrono::nanoseconds(1));
  told_.push_back(std::move(open.incident));
}

void IncidentBook::EndAllOf(const std::string& app,
                            int slot,
                            const std::string& summary,
                            Instant now) {
  std::vector<Key> keys;
  for (const auto& entry : open_) {
    if (entry.first.app == app && (slot < 0 || entry.first.slot == slot))
      keys.push_back(entry.first);
  }
  for (const Key& key : keys)
    End(key, summary, now);
}

void IncidentBook::PutApp(const std::string& app, StableRule rule) {
  rules_[app] = rule;
}

void IncidentBook::DropApp(const std::string& app, Instant now) {
  rules_.erase(app);
  disks_.erase(app);
  write_errors_.erase(app);
  std::erase_if(workers_, [&](const auto& entry) { return entry.first.first == app; });
  EndAllOf(app, -1, app + " was deleted", now);
}

void IncidentBook::DropWorker(const std::string& app, int slot, Instant now) {
  workers_.erase({app, slot});
  EndAllOf(app, slot, NameOf(app, slot) + " was removed", now);
}

void IncidentBook::Synced(Instant now) {
  std::set<WorkerKey> unknown;
  for (const auto& entry : open_) {
    const auto& [kind, app, slot, subject] = entry.first;
    const bool is_known =
        app.empty() || (slot < 0 ? rules_.contains(app) : workers_.contains({app, slot}));
    if (!is_known) unknown.emplace(app, slot);
  }
  for (const auto& [app, slot] : unknown)
    EndAllOf(app, slot, NameOf(app, slot) + " was deleted", now);
  std::erase_if(disks_, [&](const auto& disk) {
    return !disk.first.empty() && !rules_.contains(disk.first);
  });
}

// By core's own count: it knows which ends nobody asked for, and has them all.
void IncidentBook::CountCrashes(const Key& loop,
                                Worker& worker,
                                const WorkerStatus& status,
                                Instant now) {
  const std::uint64_t count = CrashesOf(status);
  if (!worker.crashes) {
    const auto open = open_.find(loop);
    worker.is_flapping = open != open_.end() && IsOfCrashes(open->second.incident);
  }
  const std::uint64_t before = std::exchange(worker.crashes, count).value_or(count);
  if (count < before) {
    worker.Forgive();
    return End(loop, NameOf(loop.app, loop.slot) + " was reset", now);
  }
  for (std::uint64_t crash = before; crash < std::min(count, before + kCrashes); ++crash)
    worker.last_crashes.push_back(now.mono);
  while (worker.last_crashes.size() > kCrashes)
    worker.last_crashes.pop_front();
  const bool is_often = count > before && worker.last_crashes.size() == kCrashes &&
                        now.mono - worker.last_crashes.front() <= kCrashWindow;
  if (!is_often || IsOpen(loop) || IsOpen({kErrored, loop.app, loop.slot, ""})) return;
  worker.is_flapping = true;
  std::string summary = NameOf(loop.app, loop.slot) + " crashed " + std::to_string(kCrashes) +
                        " times within " + FormatDuration(kCrashWindow);
  if (status.last_exit) summary += ", last: " + Describe(*status.last_exit);
  Begin(loop, std::move(summary), DetailsOf(status, true), now);
}

void IncidentBook::PutWorker(const std::string& app, const WorkerStatus& status, Instant now) {
  if (!rules_.contains(app)) return;
  Worker& worker = workers_[{app, status.slot}];
  const bool is_online = status.state == WorkerState::kOnline;
  const bool is_same = worker.incarnation == status.incarnation;
  if (!is_same || !is_online) {
    worker.online.reset();
    worker.failing.reset();
  }
  if (is_online && !worker.online) worker.online = now.mono;
  worker.incarnation = status.incarnation;
  const std::string name = NameOf(app, status.slot);
  const Key loop{kCrashLoop, app, status.slot, ""};
  const Key errored{kErrored, app, status.slot, ""};
  CountCrashes(loop, worker, status, now);
  switch (status.state) {
    case WorkerState::kBackoff:
    case WorkerState::kStarting: {
      if (status.consecutive_failures < kLoopFailures || IsOpen(errored)) return;
      std::string summary = name + " crashes again and again";
      if (status.last_exit) summary += ", last: " + Describe(*status.last_exit);
      return Begin(loop, std::move(summary), DetailsOf(status, worker.is_flapping), now);
    }
    case WorkerState::kErrored:
      if (status.consecutive_failures == 0) return End(errored, name + " was reset", now);
      return GrowInto(loop, errored,
                      name + ": " + (status.note.empty() ? "was given up" : status.note),
                      DetailsOf(status, false), now);
    case WorkerState::kStopped:
      worker.Forgive();
      return EndAllOf(app, status.slot, name + " has stopped", now);
    case WorkerState::kOnline:
    case WorkerState::kReloading:
    case WorkerState::kStopping:
      return;
  }
}

void IncidentBook::OnFact(const Fact& fact, Instant now) {
  const std::string name = NameOf(fact.app, fact.slot);
  const std::string why = FieldOf(fact, "why");
  const auto worker = workers_.find({fact.app, fact.slot});
  const Key unhealthy{kUnhealthy, fact.app, fact.slot, ""};
  switch (fact.id) {
    case FactId::kRoleRestarted: {
      const std::string role = FieldOf(fact, "role");
      return Happened({kDaemonRestarted, "", -1, role}, fact.time,
                      "tend's " + role + " died and was started again; workers were not touched",
                      fact.fields);
    }
    case FactId::kReloadFailed:
      return Happened({kReloadFailed, fact.app, -1, ""}, fact.time,
                      "the reload of " + fact.app + " failed: " + why, fact.fields);
    case FactId::kRestartAsked: {
      const std::string reason = FieldOf(fact, "reason");
      if (reason == Name(RestartReason::kMemoryLimit)) {
        return Happened({kMemoryRestart, fact.app, fact.slot, ""}, fact.time,
                        name + " is restarted: " + why, fact.fields);
      }
      if (reason == Name(RestartReason::kUnresponsive) && worker != workers_.end())
        Begin(unhealthy, name + " is restarted as unhealthy: " + why, fact.fields, now);
      return;
    }
    case FactId::kHealthCheckFailed:
      if (worker == workers_.end() || worker->second.failing) return;
      worker->second.failing = now.mono;
      worker->second.why = why;
      return;
    case FactId::kHealthRecovered:
      if (worker != workers_.end()) worker->second.failing.reset();
      return End(unhealthy, name + " is healthy again", now);
    case FactId::kLogWriteFailed:
      if (rules_.contains(fact.app)) write_errors_[fact.app] = FieldOf(fact, "error");
      return;
    case FactId::kLogWriteResumed:
      write_errors_.erase(fact.app);
      return;
    default:
      return;
  }
}

// Whether lines are lost, and whether retention holds the logs at their limit.
void IncidentBook::LookAtRoom(Disk& disk, const DiskUse& use, Instant now) {
  const bool is_new = !disk.lost_lines.has_value();
  const Key warning{kDiskWarning, use.app, -1, ""}, critical{kDiskCritical, use.app, -1, ""};
  disk.is_losing = use.is_failing || use.lost_lines > disk.lost_lines.value_or(use.lost_lines);
  const bool is_removing = use.removed > std::exchange(disk.removed, use.removed);
  // One that is gone for a while and comes back is the same.
  const std::uint64_t limit_before = disk.limit_bytes;
  if (use.limit_bytes > 0) disk.limit_bytes = use.limit_bytes;
  const bool is_same_limit = limit_before == 0 || limit_before == disk.limit_bytes;
  disk.lost_lines = use.lost_lines;
  // The sidecar before us may have seen some being lost a moment ago.
  if (disk.is_losing || (is_new && IsOpen(critical))) disk.last_loss = now.mono;
  if (disk.last_loss && now.mono - *disk.last_loss >= kNoLossFor) disk.last_loss.reset();
  if (disk.last_loss || !is_same_limit) disk.is_held = false;
  if (disk.last_loss) return;

  const double share = ShareOf(use);
  const bool is_told = IsOpen(warning) || IsOpen(critical);
  if (is_removing && share >= (is_told ? kHeldFrom : kWarnAt)) disk.is_held = true;
  if (is_new && !is_told && share >= kCriticalAt) disk.is_held = true;
  if (share >= kFineBelow || is_removing) return disk.room.reset();
  if (!disk.room) disk.room = now.mono;
  if (now.mono - *disk.room >= kRoomFor) disk.is_held = false;
}

void IncidentBook::PutDisk(const DiskUse& use, Instant now) {
  Disk& disk = disks_[use.app];
  LookAtRoom(disk, use, now);
  const Key warning{kDiskWarning, use.app, -1, ""};
  const Key critical{kDiskCritical, use.app, -1, ""};
  const double share = ShareOf(use);
  const std::string whose = use.app.empty() ? "the logs of all apps" : "the logs of " + use.app;
  Details details = {{"used", FormatSize(use.used_bytes)}};
  if (use.limit_bytes > 0) details.emplace_back("limit", FormatSize(use.limit_bytes));
  if (disk.is_losing) {
    const auto error = write_errors_.find(use.app);
    if (error != write_errors_.end()) details.emplace_back("error", error->second);
    std::string summary = "lines of " + use.app + " are lost: they cannot be written";
    if (error != write_errors_.end()) summary += ": " + error->second;
    return GrowInto(warning, critical, std::move(summary), std::move(details), now);
  }
  if (disk.last_loss) return;
  if (!disk.is_held && share >= kCriticalAt)
    return GrowInto(warning, critical, Taken(whose, use), std::move(details), now);
  if (!disk.is_held && share >= kWarnAt && !IsOpen(critical))
    return Begin(warning, Taken(whose, use), std::move(details), now);
  if (!disk.is_held && share >= kFineBelow) return;
  const std::string over = disk.is_held
                               ? "retention holds " + whose + " at " + FormatSize(use.limit_bytes) +
                                     ": the oldest are removed"
                               : whose + " have room again";
  End(warning, over, now);
  End(critical, over, now);
}

void IncidentBook::PutDisks(const std::vector<DiskUse>& disks, Instant now) {
  for (const DiskUse& disk : disks) {
    if (disk.app.empty() || rules_.contains(disk.app)) PutDisk(disk, now);
  }
}

void IncidentBook::PutExporters(const std::vector<ExporterLag>& exporters, Instant now) {
  std::set<Key> there;
  for (const ExporterLag& exporter : exporters) {
    const Key key{kExporterBehind, "", -1, exporter.name};
    there.insert(key);
    if (!exporter.lag) continue;
    const bool is_behind =
        exporter.behind > std::chrono::nanoseconds(0) && *exporter.lag > exporter.behind;
    if (is_behind) {
      const auto lag = FormatDuration(std::chrono::floor<std::chrono::seconds>(*exporter.lag));
      Details details = {{"lag", lag}, {"queued_lines", std::to_string(exporter.queued)}};
      if (!exporter.last_error.empty()) details.emplace_back("error", exporter.last_error);
      std::string summary = "exporter " + exporter.name + " is " + lag + " behind";
      if (!exporter.last_error.empty()) summary += ": " + exporter.last_error;
      Begin(key, std::move(summary), std::move(details), now);
    } else if (*exporter.lag * 2 <= exporter.behind ||
               exporter.behind == std::chrono::nanoseconds(0)) {
      End(key, "exporter " + exporter.name + " has caught up", now);
    }
  }
  std::vector<Key> gone;
  for (const auto& entry : open_) {
    if (entry.first.kind == kExporterBehind && !there.contains(entry.first))
      gone.push_back(entry.first);
  }
  for (const Key& key : gone)
    End(key, "exporter " + key.subject + " is not configured any more", now);
}

void IncidentBook::LookAtWorkers(Instant now) {
  for (auto& [ref, worker] : workers_) {
    const auto& [app, slot] = ref;
    const auto rule = rules_.find(app);
    const StableRule stable = rule == rules_.end() ? StableRule() : rule->second;
    const std::string name = NameOf(app, slot);
    const Key unhealthy{kUnhealthy, app, slot, ""};
    if (worker.failing && now.mono - *worker.failing >= kFailingMax) {
      Begin(unhealthy, name + " fails its checks: " + worker.why, {{"why", worker.why}}, now);
    }
    if (!worker.online) continue;
    const auto online = now.mono - *worker.online;
    for (const Key& key : {Key{kCrashLoop, app, slot, ""}, Key{kErrored, app, slot, ""}}) {
      const auto needed = worker.is_flapping && key.kind == kCrashLoop
                              ? std::max<std::chrono::nanoseconds>(stable.crash, kCrashWindow)
                              : stable.crash;
      if (online < needed || !IsOpen(key)) continue;
      worker.Forgive();
      End(key, name + " is online again", now);
    }
    if (online >= stable.health && !worker.failing) End(unhealthy, name + " is healthy again", now);
  }
}

std::vector<Incident> IncidentBook::Take(Instant now) {
  LookAtWorkers(now);
  for (auto& [key, open] : open_) {
    if (open.is_told || now.mono - open.since < kSettle) continue;
    open.is_told = true;
    told_.push_back(open.incident);
  }
  return std::exchange(told_, {});
}

bool IncidentBook::is_settling() const {
  return std::any_of(open_.begin(), open_.end(),
                     [](const auto& entry) { return !entry.second.is_told; });
}

}  // namespace tend::exporter
