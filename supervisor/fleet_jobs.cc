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
  for (auto& entry : apps_)
    Begin(entry.second);
  SaveIfChanged();
  std::vector<std::string> names;
  for (const auto& entry : apps_)
    names.push_back(entry.first);
  for (const std::string& name : names) {
    const auto found = apps_.find(name);
    if (found == apps_.end()) continue;
    if (Advance(name, found->second)) SchedulePump();
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
  const config::Duration kill =
      app.config ? app.config->kill_timeout : config::Duration(seconds(0));
  const config::Duration patience =
      kill + (job.act == Act::kStop ? config::Duration(kStopPatience) : kStartPatience);
  job.deadline = loop_.After(patience, [this, &job] {
    job.expired = true;
    SchedulePump();
  });
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
  if (job.outcome.code != ExitCode::kOk && (job.stop_at_failure || job.expired || shutting_down_)) {
    job.todo.clear();
  }
  while (!job.todo.empty() && job.doing.size() < job.parallel) {
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
    case Act::kRestart:
      return worker->Restart(RestartReason::kManual);
    case Act::kReload:
      return worker->Restart(RestartReason::kReload);
    case Act::kStop:
      return worker->Stop();
  }
}

bool Fleet::Judge(App& app, Job& job, Doing& doing) {
  const Worker* worker = FindWorker(app, doing.slot);
  if (worker == nullptr || doing.finished) return true;
  if (job.act == Act::kStop) {
    if (worker->state() == WorkerState::kStopped) return true;
  } else {
    if (doing.failed) {
      // The ticket has the outcome; the job only needs to know that it was not well.
      job.outcome.code = ExitCode::kNotReady;
      job.ticket->Fail({worker->app().name, doing.slot, *doing.failed});
      return true;
    }
    if (worker->state() == WorkerState::kOnline && worker->incarnation() > doing.before) {
      return true;
    }
  }
  if (!job.expired && !shutting_down_) return false;
  const std::string name = NameOf(worker->app().name, doing.slot);
  if (shutting_down_) {
    job.outcome = {ExitCode::kFailed, name + ": tend is shutting down"};
  } else {
    job.outcome = {ExitCode::kTimeout,
                   job.act == Act::kStop
                       ? name + " (pid " + std::to_string(worker->pid()) + ") does not end"
                       : name + " is still " + std::string(Name(worker->state()))};
  }
  return true;
}

void Fleet::FinishJob(const std::string& name, App& app) {
  const std::unique_ptr<Job> job = std::move(app.jobs.front());
  app.jobs.pop_front();
  if (job->outcome.code == ExitCode::kOk && job->finish) job->finish(app);
  // Gone, or never came to be.
  if (!app.config && app.jobs.empty()) apps_.erase(name);
  SaveIfChanged();
  Outcome outcome = job->outcome;
  if (outcome.code == ExitCode::kOk && !save_error_.empty()) {
    outcome = {ExitCode::kFailed, "done, but it cannot be saved: " + save_error_};
  }
  job->ticket->Close(outcome);
}

void Fleet::CheckShutdown() {
  if (!shutting_down_ || !shutdown_) return;
  for (const auto& entry : apps_) {
    for (const auto& worker : entry.second.workers) {
      if (worker->has_process() || worker->state() == WorkerState::kStarting) return;
    }
  }
  shutdown_deadline_.reset();
  state_.Forget();
  std::exchange(shutdown_, nullptr)->Close({});
}

}  // namespace tend::supervisor
