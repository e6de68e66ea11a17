// What others tell the fleet: Node's channels, sd_notify, and the sidecar, which looks at workers
// from outside.
#include <utility>

#include "supervisor/fleet.h"

namespace tend::supervisor {

void Fleet::OnWord(std::uint64_t incarnation, NodeWord word) {
  Worker* worker = FindIncarnation(incarnation);
  if (worker == nullptr) return;
  switch (word) {
    case NodeWord::kReady:
      return worker->OnReady(ReadyBy::kWord);
    case NodeWord::kListening:
      return worker->OnReady(ReadyBy::kListening);
    case NodeWord::kDisconnected:
      return worker->OnDisconnected();
  }
}

void Fleet::OnNodeMessage(const WorkerRef& worker, std::string_view type, std::string_view data) {
  for (FleetListener* listener : listeners_)
    listener->OnNodeMessage(worker, type, data);
}

void Fleet::OnNotify(int pid, int session, std::string_view message) {
  // A worker leads a session of its own.
  Worker* sender = nullptr;
  for (const auto& entry : apps_) {
    ForEach(entry.second, [&](Worker& worker) {
      if (worker.has_process() && (worker.pid() == pid || worker.pid() == session)) {
        sender = &worker;
      }
    });
  }
  if (sender != nullptr) sender->OnNotify(message);
}

void Fleet::OnProbedReady(std::uint64_t incarnation) {
  if (Worker* worker = FindIncarnation(incarnation)) worker->OnReady(ReadyBy::kProbe);
}

void Fleet::TellRestart(const std::string& app,
                        int slot,
                        RestartReason reason,
                        const std::string& why) {
  OnFact({FactId::kRestartAsked,
          loop_.WallNow(),
          app,
          slot,
          {{"reason", std::string(Name(reason))}, {"why", why}}});
}

void Fleet::RestartSick(std::uint64_t incarnation, RestartReason reason, const std::string& why) {
  Worker* worker = FindIncarnation(incarnation);
  if (worker == nullptr || worker->role() != WorkerRole::kActive ||
      worker->state() != WorkerState::kOnline) {
    return;
  }
  App& app = apps_.at(worker->app().name);
  // Who replaces it, or stops it, is at work already; if it stays as it is, the sidecar asks again.
  if (!app.jobs.empty() || shutting_down_) return;
  TellRestart(worker->app().name, worker->slot(), reason, why);
  // One that does not answer is no use until its successor is up; any other is.
  if (reason == RestartReason::kUnresponsive) return worker->Restart(reason);
  Job job;
  job.ticket = std::make_shared<Ticket>();
  job.act = Act::kReload;
  job.reason = reason;
  job.prepare = [slot = worker->slot()](App&, Job& self) -> Result<> {
    self.todo = {slot};
    return {};
  };
  Enqueue(worker->app().name, std::move(job));
}

void Fleet::RestartApp(const std::string& name, RestartReason reason, const std::string& why) {
  const auto found = apps_.find(name);
  const bool idle = found != apps_.end() && found->second.config && found->second.wanted &&
                    found->second.jobs.empty() && !shutting_down_;
  if (!idle) return;
  TellRestart(name, -1, reason, why);
  Job job;
  job.ticket = std::make_shared<Ticket>();
  // Who changes a file wants to see what comes of it, at once.
  job.act = reason == RestartReason::kWatch ? Act::kRestart : Act::kReload;
  job.reason = reason;
  job.prepare = [this](App& app, Job& self) -> Result<> {
    const std::vector<int> slots = WantedSlots(app);
    if (app.config) self.todo.assign(slots.begin(), slots.end());
    return {};
  };
  Enqueue(name, std::move(job));
}

Result<> Fleet::Inject(std::uint64_t incarnation, Fd connection, NodeHost::InjectAt at) {
  return ports_.Inject(incarnation, std::move(connection), at);
}

}  // namespace tend::supervisor
