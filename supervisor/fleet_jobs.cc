// How the operations of apps are carried out: one job at a time for each app.
#include <algorithm>
#include <utility>

#include "supervisor/fleet.h"

namespace tend::supervisor {
namespace {

using std::chrono::seconds;

// Beyond its own kill_timeout, before whoever waits is told that a worker does not move.
constexpr seconds kStopPatience{5};
constexpr seconds kStartPatience{30};

std::string NameOf(const std::string& app, int slot) {
  return app + ':' + std::to_string(slot);
}

}  // namespace

void Fleet::Enqueue(const std::string& name, Job job) {
  job.ticket->Open();
  App& app = apps_[name];
  if (app.jobs.size() >= kJobsPerAppMax) {
    return job.ticket->Close(
        {ExitCode::kFailed, "too many operations wait for " + name + " already"});
  }
  app.jobs.push_back(std::make_unique<Job>(std::move(job)));
  SchedulePump();
}

void Fleet::SchedulePump() {
  if (std::exchange(pump_scheduled_, true)) return;
  loop_.Post([this, alive = alive_] {
    if (*alive) Pump();
  });
}

// First all that begins, so that it is saved together and before a process is touched.
void Fleet::Pump() {
  pump_scheduled_ = false;
  for (auto& entry : apps_) {
    CollectOthers(entry.second);
    Begin(entry.second);
  }
  SaveIfChanged();
  std::vector<std::string> names;
  for (const auto& entry : apps_)
    names.push_back(entry.first);
  for (const std::string& name : names) {
    const auto found = apps_.find(name);
    if (found == apps_.end()) continue;
    if (Advance(name, found->second)) SchedulePump();
    const auto still = apps_.find(name);
    if (still != apps_.end()) ClosePortsIfIdle(name, still->second);
  }
  SaveIfChanged();
  CheckShutdown();
}

void Fleet::Begin(App& app) {
  if (app.jobs.empty() || std::exchange(app.jobs.front()->begun, true)) return;
  Job& job = *app.jobs.front();
  if (shutting_down_) {
    job.outcome = {ExitCode::kFailed, "tend is shutting down"};
    return;
  }
  if (auto prepared = job.prepare(app, job); !prepared) {
    job.todo.clear();
    const bool unknown = prepared.error().code() == Errc::kNotFound;
    job.outcome = {unknown ? ExitCode::kNoSuchApp : ExitCode::kFailed, prepared.error().message()};
  }
  ArmDeadline(app, job);
}

void Fleet::ArmDeadline(const App& app, Job& job) {
  const bool stops = job.act == Act::kStop || job.act == Act::kRetire;
  config::Duration patience = stops ? kStopPatience : kStartPatience;
  if (app.config) {
    patience += app.config->kill_timeout;
    // A worker that retires may close its connections for as long as it may take to end.
    if (job.act != Act::kStop) patience += app.config->kill_timeout + app.config->reload.drain;
    if (!stops) patience += ReadinessOf(*app.config).patience + app.config->reload.settle;
  }
  job.deadline = loop_.After(patience, [this, &job] {
    job.expired = true;
    SchedulePump();
  });
}

// How many workers the job may be at, besides those that only retire.
std::size_t Fleet::LimitOf(const App& app, const Job& job) const {
  if (job.act != Act::kReload || !app.config) return SIZE_MAX;
  return job.first_is_done ? std::max<std::size_t>(app.config->reload.parallel, 1) : 1;
}

bool Fleet::Advance(const std::string& name, App& app) {
  if (app.jobs.empty() || !app.jobs.front()->begun) return false;
  Job& job = *app.jobs.front();
  bool progress = false;
  for (std::size_t i = 0; i < job.doing.size();) {
    if (!Judge(app, job, job.doing[i])) {
      ++i;
      continue;
    }
    progress = true;
    job.doing.erase(job.doing.begin() + static_cast<std::ptrdiff_t>(i));
  }
  if (shutting_down_ && !job.todo.empty() && job.outcome.code == ExitCode::kOk) {
    job.outcome = {ExitCode::kFailed, "tend is shutting down"};
  }
  if (job.outcome.code != ExitCode::kOk && (job.stop_at_failure || job.expired || shutting_down_)) {
    job.todo.clear();
  }
  const auto busy = [&job] {
    return std::count_if(job.doing.begin(), job.doing.end(),
                         [](const Doing& doing) { return doing.stage != Stage::kRetiring; });
  };
  // As many again may retire, and no more: each is a process too many.
  while (!job.todo.empty() && static_cast<std::size_t>(busy()) < LimitOf(app, job) &&
         job.doing.size() / 2 < LimitOf(app, job)) {
    const int slot = job.todo.front();
    job.todo.pop_front();
    ActOn(app, job, slot);
    // What is so already needs no wait.
    if (Judge(app, job, job.doing.back())) job.doing.pop_back();
    progress = true;
  }
  if (job.doing.empty() && job.todo.empty()) {
    FinishJob(name, app);
    return true;
  }
  if (progress) ArmDeadline(app, job);
  return false;
}

void Fleet::ActOn(App& app, Job& job, int slot) {
  Doing doing;
  doing.slot = slot;
  Worker* worker = FindWorker(app, slot);
  if (worker != nullptr && (job.act == Act::kRestart || job.act == Act::kReload)) {
    doing.before = worker->incarnation();
  }
  // Before acting: a start can fail at once.
  job.doing.push_back(doing);
  if (worker == nullptr) return;
  switch (job.act) {
    case Act::kStart:
      return worker->Start();
    case Act::kReload:
      if (BeginReplacement(app, job, job.doing.back())) return;
      job.doing.back().stage = Stage::kNone;
      [[fallthrough]];
    case Act::kRestart:
      return worker->Restart(job.reason);
    case Act::kRetire:
    case Act::kStop:
      for (const auto& other : app.others) {
        if (other->slot() == slot) other->Stop();
      }
      return job.act == Act::kRetire ? worker->Retire() : worker->Stop();
  }
}

bool Fleet::JudgeStop(const App& app, const Doing& doing) const {
  const bool other = std::any_of(app.others.begin(), app.others.end(),
                                 [&](const auto& worker) { return worker->slot() == doing.slot; });
  return !other && FindWorker(app, doing.slot)->state() == WorkerState::kStopped;
}

bool Fleet::Judge(App& app, Job& job, Doing& doing) {
  const Worker* worker = FindWorker(app, doing.slot);
  if (worker == nullptr || doing.finished) return true;
  if (doing.stage != Stage::kNone) return JudgeReplacement(app, job, doing);
  if (job.act == Act::kStop || job.act == Act::kRetire) {
    if (JudgeStop(app, doing)) return true;
  } else {
    if (doing.failed) {
      // The ticket has the outcome; the job only needs to know that it was not well.
      job.outcome.code = ExitCode::kNotReady;
      job.done.push_back(doing.slot);
      job.ticket->Fail({worker->app().name, doing.slot, *doing.failed});
      return true;
    }
    if (worker->state() == WorkerState::kOnline && worker->incarnation() > doing.before) {
      job.first_is_done = true;
      job.done.push_back(doing.slot);
      return true;
    }
  }
  if (!job.expired && !shutting_down_) return false;
  const std::string name = NameOf(worker->app().name, doing.slot);
  if (shutting_down_) {
    job.outcome = {ExitCode::kFailed, name + ": tend is shutting down"};
  } else {
    job.outcome = {ExitCode::kTimeout,
                   job.act == Act::kStop || job.act == Act::kRetire
                       ? name + " (pid " + std::to_string(worker->pid()) + ") does not end"
                       : name + " is still " + std::string(Name(worker->state()))};
  }
  return true;
}

void Fleet::FinishJob(const std::string& name, App& app) {
  const std::unique_ptr<Job> job = std::move(app.jobs.front());
  app.jobs.pop_front();
  if (job->act == Act::kReload && app.config && !shutting_down_) EndReload(name, app, *job);
  if (job->outcome.code == ExitCode::kOk && app.config && job->act != Act::kStop) {
    ports_.CloseUnused(name);
  }
  const auto& then = job->outcome.code == ExitCode::kOk ? job->finish : job->undo;
  if (then) then(app);
  ClosePortsIfIdle(name, app);
  // Gone, or never came to be.
  if (!app.config && app.jobs.empty()) apps_.erase(name);
  SaveIfChanged();
  Outcome outcome = job->outcome;
  if (outcome.code == ExitCode::kOk && !save_error_.empty()) {
    outcome = {ExitCode::kFailed, "done, but it cannot be saved: " + save_error_};
  }
  job->ticket->Close(outcome);
}

// Nobody is there, or about to come, who would take the connections: they are better refused.
void Fleet::ClosePortsIfIdle(const std::string& name, const App& app) {
  if (!app.others.empty() || !app.jobs.empty()) return;
  const bool idle = std::all_of(app.workers.begin(), app.workers.end(), [](const auto& worker) {
    return worker->state() == WorkerState::kStopped || worker->state() == WorkerState::kErrored;
  });
  if (idle) ports_.CloseApp(name);
}

void Fleet::CheckShutdown() {
  if (!shutting_down_ || !shutdown_) return;
  bool over = true;
  for (const auto& entry : apps_) {
    ForEach(entry.second, [&](const Worker& worker) {
      if (worker.has_process() || worker.state() == WorkerState::kStarting) over = false;
    });
  }
  if (!over) return;
  for (const auto& entry : apps_)
    ports_.CloseApp(entry.first);
  shutdown_deadline_.reset();
  state_.Forget();
  std::exchange(shutdown_, nullptr)->Close({});
}

}  // namespace tend::supervisor
