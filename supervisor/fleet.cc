#include "supervisor/fleet.h"

#include <sys/wait.h>

#include <algorithm>

#include "base/log.h"
#include "config/worker_command.h"

namespace tend::supervisor {

ExitStatus ToStatus(const ExitInfo& exit) {
  ExitStatus status;
  status.time = Wall(std::chrono::nanoseconds(exit.wall_ns));
  if (exit.code == CLD_EXITED) {
    status.code = exit.status;
  } else {
    status.signal = exit.status;
  }
  return status;
}

void Ticket::Fail(const Failure& failure) {
  std::string text = failure.app + ':' + std::to_string(failure.slot);
  if (failure.serving_pid == 0) {
    text += " is not online: " + failure.end.why;
  } else {
    text += ": the new process did not come up (" + failure.end.why + "); the old one, " +
            std::to_string(failure.serving_pid) + ", still serves";
  }
  ++failures_;
  if (worst_.code == ExitCode::kOk) {
    worst_ = {ExitCode::kNotReady, text};
  } else if (failures_ <= 5) {
    worst_.error += "; " + text;
  }
  if (on_failed) on_failed(failure);
}

void Ticket::Close(const Outcome& outcome) {
  if (outcome.code != ExitCode::kOk) {
    if (worst_.code == ExitCode::kOk)
      worst_ = outcome;
    else if (!outcome.error.empty())
      worst_.error += "; " + outcome.error;
  }
  if (--open_ > 0) return;
  if (const auto done = std::exchange(on_done, nullptr)) done(worst_);
}

Fleet::Fleet(FleetParts parts)
    : loop_(parts.loop),
      state_(parts.state),
      saved_(parts.saved),
      processes_(parts.processes),
      ports_(parts.ports),
      context_{parts.loop,
               parts.processes,
               parts.store,
               parts.state,
               starts_,
               parts.ports,
               *this,
               std::move(parts.notify_socket),
               std::move(parts.journal_head)} {}

Fleet::~Fleet() {
  *alive_ = false;
}

void Fleet::RemoveListener(FleetListener* listener) {
  listeners_.erase(std::remove(listeners_.begin(), listeners_.end(), listener), listeners_.end());
}

void Fleet::ForEach(const App& app, const std::function<void(Worker&)>& function) {
  for (const auto* group : {&app.workers, &app.others}) {
    for (const auto& worker : *group)
      function(*worker);
  }
}

void Fleet::OnExit(const ExitInfo& exit) {
  Worker* ended = nullptr;
  for (const auto& entry : apps_) {
    ForEach(entry.second, [&](Worker& worker) {
      if (worker.pid() == exit.pid && worker.journal_before() < exit.seq) ended = &worker;
    });
  }
  if (ended != nullptr) ended->OnExit(ToStatus(exit));
}

void Fleet::OnExitsLost() {
  for (const auto& entry : apps_)
    ForEach(entry.second, [](Worker& worker) { worker.OnExitsLost(); });
}

void Fleet::OnIncarnation(const Worker& worker) {
  const int port = config::PortOf(worker.app(), worker.slot());
  for (FleetListener* listener : listeners_)
    listener->OnIncarnation(worker.Ref(), port);
}

void Fleet::OnLifeEnd(const Worker& worker, const LifeEnd& end) {
  SchedulePump();
  const bool candidate = worker.role() == WorkerRole::kCandidate;
  if (worker.role() == WorkerRole::kRetiring || end.asked) return;
  if (candidate || !end.was_online) NoteFailure(worker, end);
}

void Fleet::OnLate(const Worker& worker, const std::string& why) {
  SchedulePump();
  LifeEnd end;
  end.incarnation = worker.incarnation();
  end.exit.known = false;
  end.why = why;
  NoteFailure(worker, end);
}

// For the job that waits for it.
void Fleet::NoteFailure(const Worker& worker, const LifeEnd& end) {
  const auto found = apps_.find(worker.app().name);
  if (found == apps_.end() || found->second.jobs.empty()) return;
  for (Doing& doing : found->second.jobs.front()->doing) {
    if (doing.slot != worker.slot() || end.incarnation <= doing.before || doing.failed) continue;
    const bool replaced = doing.stage != Stage::kNone;
    if (replaced != (worker.role() == WorkerRole::kCandidate)) continue;
    if (end.final) {
      doing.finished = true;
    } else {
      doing.failed = end;
      if (end.was_online) doing.failed->why += ", after it was ready";
    }
  }
}

void Fleet::OnEnded(const Worker&, std::uint64_t incarnation) {
  for (FleetListener* listener : listeners_)
    listener->OnEnded(incarnation);
}

void Fleet::OnChanged(const Worker& worker) {
  SchedulePump();
  // The slot is what its active worker is.
  if (worker.role() != WorkerRole::kActive) return;
  for (FleetListener* listener : listeners_)
    listener->OnWorker(worker.app().name, worker.Status());
}

void Fleet::OnFact(Fact fact) {
  for (FleetListener* listener : listeners_)
    listener->OnFact(fact);
}

void Fleet::StateFact(FactId id, const std::string& app, std::string why) {
  Fact fact{id, loop_.WallNow(), app, -1, {}};
  if (!why.empty()) fact.fields.emplace_back("why", std::move(why));
  OnFact(std::move(fact));
}

Worker* Fleet::FindWorker(const App& app, int slot) const {
  for (const auto& worker : app.workers) {
    if (worker->slot() == slot) return worker.get();
  }
  return nullptr;
}

Worker* Fleet::FindIncarnation(std::uint64_t incarnation) const {
  Worker* found = nullptr;
  for (const auto& entry : apps_) {
    ForEach(entry.second, [&](Worker& worker) {
      if (worker.incarnation() == incarnation && worker.has_process()) found = &worker;
    });
  }
  return found;
}

std::vector<const Worker*> Fleet::Running() const {
  std::vector<const Worker*> running;
  for (const auto& entry : apps_) {
    ForEach(entry.second, [&](const Worker& worker) {
      if (worker.has_process()) running.push_back(&worker);
    });
  }
  return running;
}

std::vector<std::string> Fleet::AppNames() const {
  std::vector<std::string> names;
  for (const auto& entry : apps_) {
    if (entry.second.config) names.push_back(entry.first);
  }
  return names;
}

std::shared_ptr<const config::AppConfig> Fleet::ConfigOf(const std::string& app) const {
  const auto found = apps_.find(app);
  return found == apps_.end() ? nullptr : found->second.config;
}

AppStatus Fleet::StatusOf(const std::string& name) const {
  const App& app = apps_.at(name);
  const config::AppConfig& config = *app.config;
  AppStatus status;
  status.name = config.name;
  status.namespace_ = config.namespace_;
  status.exec_mode = config.exec_mode == config::ExecMode::kCluster ? "cluster" : "fork";
  status.script = config.script;
  status.interpreter = config.interpreter;
  status.cwd = config.cwd;
  status.instances = config.instances;
  for (const auto& worker : app.workers)
    status.workers.push_back(worker->Status());
  return status;
}

std::vector<Selectable> Fleet::Selectables() const {
  std::vector<Selectable> all;
  for (const auto& entry : apps_) {
    if (!entry.second.config) continue;
    Selectable one{entry.first, entry.second.config->namespace_, {}};
    for (const auto& worker : entry.second.workers)
      one.workers.push_back({worker->slot(), worker->id()});
    all.push_back(std::move(one));
  }
  return all;
}

Result<std::vector<Selected>> Fleet::Select(const std::vector<std::string>& selectors) const {
  const std::vector<Selectable> all = Selectables();
  std::vector<Selected> hits;
  for (const std::string& selector : selectors) {
    const auto found = tend::Select(selector, all);
    if (found.empty() && selector != "all") {
      std::string text = "there is no app \"" + selector + '"';
      const std::string hint = DidYouMean(selector, AppNames());
      if (!hint.empty()) text += "; did you mean \"" + hint + "\"?";
      return Error(Errc::kNotFound, text);
    }
    for (const Selected& hit : found) {
      if (std::find(hits.begin(), hits.end(), hit) == hits.end()) hits.push_back(hit);
    }
  }
  return hits;
}

std::vector<SavedApp> Fleet::Saved() const {
  std::vector<SavedApp> saved;
  for (const auto& entry : apps_) {
    const App& app = entry.second;
    if (!app.config) continue;
    // Until a reload has succeeded, what it replaces is what holds.
    const Job* job = app.jobs.empty() ? nullptr : app.jobs.front().get();
    const bool unproven = job != nullptr && job->begun && job->act == Act::kReload && job->before;
    saved.push_back({unproven ? *job->before : *app.config,
                     app.wanted,
                     {app.stopped_slots.begin(), app.stopped_slots.end()},
                     app.previous});
  }
  return saved;
}

Result<> Fleet::Save() {
  auto written = saved_.Write(Saved());
  save_error_ = written ? "" : written.error().message();
  if (!written) LogError("the list of apps cannot be saved: " + save_error_);
  changed_ = !written;
  return written;
}

void Fleet::SaveIfChanged() {
  if (!changed_) return;
  if (!Save()) changed_ = false;  // The next change tries again.
}

int Fleet::FreeId() const {
  std::set<int> taken;
  for (const auto& entry : apps_) {
    for (const auto& worker : entry.second.workers)
      taken.insert(worker->id());
  }
  int id = 0;
  while (taken.count(id) != 0)
    ++id;
  return id;
}

Result<> Fleet::AddWorker(App& app, int slot) {
  WorkerRecord record;
  record.SetApp(app.config->name);
  record.slot = slot;
  record.id = FreeId();
  TRY(const std::size_t index, state_.Allocate(record));
  auto worker = std::make_unique<Worker>(context_, app.config, index, record);
  const auto after =
      std::find_if(app.workers.begin(), app.workers.end(),
                   [&](const std::unique_ptr<Worker>& w) { return w->slot() > slot; });
  OnChanged(**app.workers.insert(after, std::move(worker)));
  return {};
}

// REQUIRES: it has no process.
void Fleet::RemoveWorker(App& app, int slot) {
  const auto found =
      std::find_if(app.workers.begin(), app.workers.end(),
                   [&](const std::unique_ptr<Worker>& w) { return w->slot() == slot; });
  if (found == app.workers.end()) return;
  TEND_CHECK(!(*found)->has_process());
  const std::string name = (*found)->app().name;
  state_.Free((*found)->index());
  app.workers.erase(found);
  for (FleetListener* listener : listeners_)
    listener->OnWorkerGone(name, slot);
}

std::vector<int> Fleet::WantedSlots(const App& app) const {
  std::vector<int> slots;
  for (const auto& worker : app.workers) {
    if (app.wanted && app.stopped_slots.count(worker->slot()) == 0) {
      slots.push_back(worker->slot());
    }
  }
  return slots;
}

}  // namespace tend::supervisor
