// Replacing workers: the new process comes up beside the old one, shows for a while that it stays
// up, takes the place, and only then the old one ends. What does not come up changes nothing.
#include <algorithm>
#include <utility>

#include "supervisor/fleet.h"

namespace tend::supervisor {

bool Fleet::Overlaps(const config::AppConfig& app) {
  switch (app.reload.overlap) {
    case config::Overlap::kYes:
      return true;
    case config::Overlap::kNo:
      return false;
    case config::Overlap::kAuto:
      break;
  }
  return app.exec_mode == config::ExecMode::kCluster || !app.listen.empty();
}

Worker* Fleet::FindOther(const App& app, int slot, WorkerRole role) const {
  for (const auto& worker : app.others) {
    if (worker->slot() == slot && worker->role() == role) return worker.get();
  }
  return nullptr;
}

void Fleet::TellReplacing(const Worker& worker, std::string_view what) {
  for (FleetListener* listener : listeners_)
    listener->OnReplacing(worker.Ref(), worker.pid(), what);
}

// False: it has to be restarted instead.
bool Fleet::BeginReplacement(App& app, Job& job, Doing& doing) {
  Worker* active = FindWorker(app, doing.slot);
  if (active == nullptr || active->state() != WorkerState::kOnline) return false;
  // A changed environment or command is nothing that a signal can bring.
  if (app.config->reload.signal != 0 && !job.before) {
    doing.stage = Stage::kSignalled;
    TellReplacing(*active, "signalled");
    if (!active->Signal(app.config->reload.signal)) return false;
    Settle(app, job);
    return true;
  }
  if (!Overlaps(*app.config)) return false;
  WorkerRecord record;
  record.SetApp(app.config->name);
  record.slot = doing.slot;
  record.id = active->id();
  record.role = WorkerRole::kCandidate;
  doing.stage = Stage::kRising;
  const auto index = state_.Allocate(record);
  if (!index) {
    LifeEnd end;
    end.why = index.error().message();
    doing.failed = end;
    return true;
  }
  app.others.push_back(std::make_unique<Worker>(context_, app.config, *index, record));
  Worker& candidate = *app.others.back();
  candidate.Start();
  TellReplacing(candidate, "starting");
  return true;
}

void Fleet::Settle(const App& app, Job& job) {
  job.settled = false;
  job.settle = loop_.After(app.config->reload.settle, [this, &job] {
    job.settled = true;
    SchedulePump();
  });
}

bool Fleet::JudgeReplacement(App& app, Job& job, Doing& doing) {
  if (doing.stage == Stage::kSignalled) return JudgeSignalled(app, job, doing);
  if (doing.stage == Stage::kRetiring) {
    return job.expired || FindOther(app, doing.slot, WorkerRole::kRetiring) == nullptr;
  }
  Worker* candidate = FindOther(app, doing.slot, WorkerRole::kCandidate);
  if (job.expired || shutting_down_) {
    if (!doing.failed) {
      doing.failed.emplace();
      doing.failed->why = shutting_down_ ? "tend is shutting down" : "it takes too long";
    }
    if (candidate != nullptr) candidate->Stop();
    candidate = nullptr;
  } else if (candidate != nullptr && doing.stage != Stage::kSinking) {
    return JudgeRising(app, job, doing, *candidate);
  }
  if (candidate != nullptr) return false;
  const Worker* active = FindWorker(app, doing.slot);
  job.outcome.code = ExitCode::kNotReady;
  job.ticket->Fail({app.config->name, doing.slot, doing.failed.value_or(LifeEnd()),
                    active == nullptr ? 0 : active->pid()});
  return true;
}

bool Fleet::JudgeRising(App& app, Job& job, Doing& doing, Worker& candidate) {
  if (doing.failed) {
    doing.stage = Stage::kSinking;
    TellReplacing(candidate, "failed");
    candidate.Stop();
    return false;
  }
  if (candidate.state() != WorkerState::kOnline) return false;
  const bool alone = !job.first_is_done && app.config->reload.settle > config::Duration(0);
  if (alone && doing.stage == Stage::kRising) {
    doing.stage = Stage::kSettling;
    TellReplacing(candidate, "ready");
    Settle(app, job);
    return false;
  }
  if (doing.stage == Stage::kSettling && !job.settled) return false;
  Promote(app, job, doing);
  return FindOther(app, doing.slot, WorkerRole::kRetiring) == nullptr;
}

// A program that replaces itself on a signal is not told apart from one that ignores it, but one
// that dies of it is.
bool Fleet::JudgeSignalled(App& app, Job& job, Doing& doing) {
  const Worker* worker = FindWorker(app, doing.slot);
  const bool same = worker != nullptr && worker->state() == WorkerState::kOnline &&
                    worker->incarnation() == doing.before;
  if (same && !job.settled) return false;
  if (same) {
    job.first_is_done = true;
    job.done.push_back(doing.slot);
    TellReplacing(*worker, "ready");
    return true;
  }
  LifeEnd end = doing.failed.value_or(LifeEnd());
  if (end.why.empty()) end.why = "it ended on the signal that should make it reload";
  job.outcome.code = ExitCode::kNotReady;
  job.ticket->Fail({app.config->name, doing.slot, end});
  return true;
}

void Fleet::Promote(App& app, Job& job, Doing& doing) {
  doing.stage = Stage::kRetiring;
  job.first_is_done = true;
  job.done.push_back(doing.slot);
  const auto is_of_slot = [&](const std::unique_ptr<Worker>& worker) {
    return worker->slot() == doing.slot && worker->role() != WorkerRole::kRetiring;
  };
  const auto old = std::find_if(app.workers.begin(), app.workers.end(), is_of_slot);
  const auto candidate = std::find_if(app.others.begin(), app.others.end(), is_of_slot);
  TEND_CHECK(old != app.workers.end() && candidate != app.others.end());
  (*candidate)->TakeOver(**old, job.reason);
  std::swap(*old, *candidate);
  Worker& active = **old;
  Worker& retiring = **candidate;
  TellReplacing(active, "serving");
  OnChanged(active);
  TellReplacing(retiring, "draining");
  retiring.Retire();
}

// Those whose process is gone.
void Fleet::CollectOthers(App& app) {
  std::erase_if(app.others, [this](const std::unique_ptr<Worker>& worker) {
    const bool over = !worker->has_process() && worker->state() == WorkerState::kStopped;
    if (over) state_.Free(worker->index());
    if (over && worker->role() == WorkerRole::kRetiring) TellReplacing(*worker, "stopped");
    return over;
  });
}

void Fleet::EndReload(const std::string& name, App& app, Job& job) {
  if (job.outcome.code == ExitCode::kOk) {
    if (job.before) app.previous = job.before;
    if (job.before) changed_ = true;
    if (!job.done.empty()) StateFact(FactId::kAppReloaded, name);
    return;
  }
  const auto is_online = [](const Worker* worker) {
    return worker != nullptr && worker->state() == WorkerState::kOnline;
  };
  const auto replaced = std::count_if(job.done.begin(), job.done.end(),
                                      [&](int slot) { return is_online(FindWorker(app, slot)); });
  const auto down = std::count_if(app.workers.begin(), app.workers.end(),
                                  [&](const auto& worker) { return !is_online(worker.get()); });
  StateFact(FactId::kReloadFailed, name,
            "workers replaced: " + std::to_string(replaced) + ", down: " + std::to_string(down));
  if (job.before) Restore(name, app, job);
}

// The configuration as it was, and with it those workers that have the new one already.
void Fleet::Restore(const std::string& name, App& app, Job& job) {
  Configure(app, config::AppConfig(*job.before));
  ShrinkToFit(name, app, job.ticket);
  if (job.done.empty()) return;
  auto back = std::make_unique<Job>();
  back->ticket = job.ticket;
  back->act = Act::kReload;
  back->reason = RestartReason::kReload;
  back->prepare = [this, done = job.done](App& to, Job& self) -> Result<> {
    for (const int slot : WantedSlots(to)) {
      const bool is_done = std::find(done.begin(), done.end(), slot) != done.end();
      if (is_done && slot < to.config->instances) self.todo.push_back(slot);
    }
    return {};
  };
  // Before whatever else is asked: who waits for that shall find the app as it was.
  job.ticket->Open();
  app.jobs.push_front(std::move(back));
  SchedulePump();
}

}  // namespace tend::supervisor
