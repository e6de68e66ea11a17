// What may be asked of the fleet.
#include <algorithm>
#include <utility>

#include "base/log.h"
#include "base/number.h"
#include "config/codec.h"
#include "config/worker_command.h"
#include "supervisor/fleet.h"

namespace tend::supervisor {
namespace {

constexpr std::size_t kConfigMax = 48u << 10;  // bytes, without environments

Result<> CheckApp(const config::AppConfig& app) {
  const auto wrong = [&](const std::string& what) {
    return Error(Errc::kInvalid, "app \"" + app.name + "\": " + what);
  };
  if (app.name.empty()) return Error(Errc::kInvalid, "an app has no name");
  if (app.name.size() > kAppNameMax) return wrong("its name is longer than 63 bytes");
  // It becomes a folder.
  const bool plain = std::none_of(app.name.begin(), app.name.end(), [](char c) {
    return c == '/' || static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
  });
  if (!plain || app.name.front() == '.') return wrong("its name cannot be the name of a folder");
  if (app.script.empty()) return wrong("it has no script");
  // It must fit into one packet of the link and of the control socket.
  if (config::ToJson(app, config::Secrets::kLeaveOut).size() > kConfigMax) {
    return wrong("its configuration is larger than 48 KiB");
  }
  if (app.instances < 1 || app.instances > static_cast<int>(kWorkersMax)) {
    return wrong("instances must be between 1 and " + std::to_string(kWorkersMax));
  }
  return {};
}

Error NoSuchApp() {
  return Error(Errc::kNotFound, "the app was deleted meanwhile");
}

}  // namespace

// Whole apps where all of an app was named, else slots.
std::vector<Fleet::Target> Fleet::Targets(const std::vector<Selected>& what) const {
  std::vector<Target> targets;
  for (const Selected& one : what) {
    auto found = std::find_if(targets.begin(), targets.end(),
                              [&](const Target& target) { return target.app == one.app; });
    if (found == targets.end()) found = targets.insert(found, {one.app, false, {}});
    if (one.slot < 0) found->whole = true;
    if (one.slot >= 0) found->slots.push_back(one.slot);
  }
  for (Target& target : targets) {
    const auto app = apps_.find(target.app);
    if (app != apps_.end() && target.slots.size() == app->second.workers.size()) {
      target.whole = true;
    }
  }
  return targets;
}

std::vector<int> Fleet::SlotsOf(const App& app, const Target& target) const {
  std::vector<int> slots;
  for (const auto& worker : app.workers) {
    const auto& named = target.slots;
    const bool is_named = std::find(named.begin(), named.end(), worker->slot()) != named.end();
    if (target.whole || is_named) slots.push_back(worker->slot());
  }
  return slots;
}

// A job for each app, which `prepare` fills when its turn comes.
void Fleet::EnqueueEach(const std::vector<Selected>& what,
                        const TicketPtr& ticket,
                        Act act,
                        const std::function<Result<>(const Target&, App&, Job&)>& prepare) {
  ticket->Open();
  for (const Target& target : Targets(what)) {
    Job job;
    job.ticket = ticket;
    job.act = act;
    job.reason = act == Act::kReload ? RestartReason::kReload : RestartReason::kManual;
    job.stop_at_failure = act == Act::kReload;
    job.prepare = [target, prepare](App& app, Job& self) -> Result<> {
      if (!app.config) return NoSuchApp();
      return prepare(target, app, self);
    };
    Enqueue(target.app, std::move(job));
  }
  ticket->Close({});
}

void Fleet::Configure(App& app, config::AppConfig config) {
  const bool is_new = app.config == nullptr;
  app.config = std::make_shared<const config::AppConfig>(std::move(config));
  for (const auto& worker : app.workers)
    worker->Configure(app.config);
  changed_ = true;
  if (is_new) StateFact(FactId::kAppAdded, app.config->name);
  for (FleetListener* listener : listeners_)
    listener->OnApp(*app.config);
}

// `target` is to run from now on.
void Fleet::Want(App& app, const Target& target) {
  if (target.whole) {
    app.stopped_slots.clear();
  } else {
    for (const auto& worker : app.workers) {
      if (!app.wanted) app.stopped_slots.insert(worker->slot());
    }
    for (const int slot : target.slots)
      app.stopped_slots.erase(slot);
  }
  app.wanted = true;
  changed_ = true;
}

Result<> Fleet::CheckApps(const std::vector<config::AppConfig>& apps) {
  for (const config::AppConfig& app : apps)
    TRY_VOID(CheckApp(app));
  return {};
}

void Fleet::StartApps(std::vector<config::AppConfig> apps, const TicketPtr& ticket, StartHow how) {
  ticket->Open();
  for (config::AppConfig& app : apps) {
    const std::string name = app.name;
    Job job;
    job.ticket = ticket;
    job.act = Act::kStart;
    auto config = std::make_shared<config::AppConfig>(std::move(app));
    job.prepare = [this, name, config, how](App& to, Job& self) {
      return ApplyConfig(name, to, self, std::move(*config), how);
    };
    Enqueue(name, std::move(job));
  }
  ticket->Close({});
}

Result<> Fleet::ApplyConfig(
    const std::string& name, App& app, Job& job, config::AppConfig config, StartHow how) {
  const bool is_new = app.config == nullptr;
  const bool same = !is_new && config::SameForProcesses(*app.config, config);
  if (same && !how.renew_environment) config.inherited_env = app.config->inherited_env;
  const int instances = config.instances;
  const bool autostart = config.autostart || !is_new;
  if (!is_new && !same) job.before = app.config;
  config.instances = is_new ? 0 : app.config->instances;
  Configure(app, std::move(config));
  if (auto resized = Resize(name, app, job, instances); !resized) {
    // An app that never had a worker never was.
    if (app.workers.empty()) {
      app.config = nullptr;
      for (FleetListener* listener : listeners_)
        listener->OnAppGone(name);
    }
    return resized;
  }
  job.todo.clear();
  if (!autostart) {
    app.wanted = false;
    return {};
  }
  Want(app, {name, true, {}});
  // One that runs as before is left alone, unless it was to be new; one that changed is replaced.
  using Same = StartHow::Same;
  if (!is_new && (!same || how.same == Same::kReload)) {
    job.act = Act::kReload;
    job.reason = RestartReason::kReload;
    job.stop_at_failure = true;
  } else if (!is_new && how.same == Same::kRestart) {
    job.act = Act::kRestart;
  }
  for (const auto& worker : app.workers) {
    if (worker->slot() < instances) job.todo.push_back(worker->slot());
  }
  return {};
}

// Growing adds workers to the job's; shrinking is a job of its own, the next one.
Result<> Fleet::Resize(const std::string& name, App& app, Job& job, int instances) {
  config::AppConfig config = *app.config;
  config.instances = instances;
  Configure(app, std::move(config));
  for (int slot = 0; slot < instances; ++slot) {
    if (FindWorker(app, slot) != nullptr) continue;
    TRY_VOID(AddWorker(app, slot));
    job.todo.push_back(slot);
  }
  ShrinkToFit(name, app, job.ticket);
  return {};
}

// Ends and removes the workers beyond the wanted number, if there are any.
void Fleet::ShrinkToFit(const std::string& name, const App& app, const TicketPtr& ticket) {
  if (app.workers.empty() || app.workers.back()->slot() < app.config->instances) return;
  Job job;
  job.ticket = ticket;
  job.act = Act::kRetire;
  job.prepare = [](App& to, Job& self) -> Result<> {
    if (!to.config) return NoSuchApp();
    for (const auto& worker : to.workers) {
      if (worker->slot() >= to.config->instances) self.todo.push_back(worker->slot());
    }
    return {};
  };
  job.finish = [this](App& to) {
    while (to.config && !to.workers.empty() && to.workers.back()->slot() >= to.config->instances) {
      to.stopped_slots.erase(to.workers.back()->slot());
      RemoveWorker(to, to.workers.back()->slot());
    }
    changed_ = true;
  };
  Enqueue(name, std::move(job));
}

void Fleet::Start(const std::vector<Selected>& what, const TicketPtr& ticket) {
  Again(Act::kStart, what, std::nullopt, ticket);
}

void Fleet::Restart(const std::vector<Selected>& what,
                    const std::optional<Environment>& update,
                    const TicketPtr& ticket) {
  Again(Act::kRestart, what, update, ticket);
}

void Fleet::Reload(const std::vector<Selected>& what,
                   const std::optional<Environment>& update,
                   const TicketPtr& ticket) {
  Again(Act::kReload, what, update, ticket);
}

void Fleet::Again(Act act,
                  const std::vector<Selected>& what,
                  const std::optional<Environment>& update,
                  const TicketPtr& ticket) {
  EnqueueEach(what, ticket, act, [this, update](const Target& target, App& app, Job& job) {
    if (update) {
      config::AppConfig config = *app.config;
      config.inherited_env = *update;
      job.before = app.config;
      Configure(app, std::move(config));
    }
    Want(app, target);
    const std::vector<int> slots = SlotsOf(app, target);
    job.todo.assign(slots.begin(), slots.end());
    return Result<>();
  });
}

void Fleet::Stop(const std::vector<Selected>& what, const TicketPtr& ticket) {
  EnqueueEach(what, ticket, Act::kStop, [this](const Target& target, App& app, Job& job) {
    const std::vector<int> slots = SlotsOf(app, target);
    job.todo.assign(slots.begin(), slots.end());
    if (target.whole) {
      app.wanted = false;
      app.stopped_slots.clear();
    } else {
      app.stopped_slots.insert(slots.begin(), slots.end());
    }
    changed_ = true;
    return Result<>();
  });
}

void Fleet::Scale(const std::vector<Selected>& what,
                  const std::string& instances,
                  const TicketPtr& ticket) {
  const bool relative = instances.starts_with('+') || instances.starts_with('-');
  const std::string digits = instances.substr(relative ? 1 : 0);
  const int number = ParseNumber<int>(digits).value_or(-1);
  const bool is_number = number >= 0 && number <= static_cast<int>(kWorkersMax);
  EnqueueEach(
      what, ticket, Act::kStart, [=, this](const Target& target, App& app, Job& job) -> Result<> {
        const int now = app.config->instances;
        const int want = !relative ? number : instances[0] == '+' ? now + number : now - number;
        if (is_number && want >= 1 && want <= static_cast<int>(kWorkersMax)) {
          // What does not come up does not stay.
          job.undo = [this, name = target.app, now, ticket](App& again) {
            if (!again.config) return;
            Job none;
            none.ticket = ticket;
            const auto shrunk = Resize(name, again, none, now);
            if (!shrunk) LogError(shrunk.error().message());
          };
          return Resize(target.app, app, job, want);
        }
        return Error(Errc::kInvalid, "cannot scale " + target.app + " to \"" + instances +
                                         "\" workers; it needs at least one");
      });
}

void Fleet::Rollback(const std::vector<Selected>& what, const TicketPtr& ticket) {
  EnqueueEach(what, ticket, Act::kReload,
              [this](const Target& target, App& app, Job& job) -> Result<> {
                if (app.previous) {
                  return ApplyConfig(target.app, app, job, config::AppConfig(*app.previous), {});
                }
                return Error(Errc::kInvalid, target.app +
                                                 " has no former configuration to go "
                                                 "back to");
              });
}

Result<> Fleet::CheckWhole(const std::vector<Selected>& what) const {
  for (const Target& target : Targets(what)) {
    if (target.whole) continue;
    return Error(Errc::kInvalid, "this is done to whole apps; use \"tend scale " + target.app +
                                     " -1\", \"tend stop\" or \"tend reload\" for one worker");
  }
  return {};
}

void Fleet::Delete(const std::vector<Selected>& what, const TicketPtr& ticket) {
  EnqueueEach(what, ticket, Act::kStop, [this](const Target& target, App& app, Job& job) {
    app.wanted = false;
    changed_ = true;
    const std::vector<int> slots = SlotsOf(app, target);
    job.todo.assign(slots.begin(), slots.end());
    job.finish = [this, name = target.app](App& gone) {
      while (!gone.workers.empty())
        RemoveWorker(gone, gone.workers.back()->slot());
      gone.config = nullptr;
      gone.previous = nullptr;
      gone.wanted = true;
      gone.stopped_slots.clear();
      changed_ = true;
      StateFact(FactId::kAppDeleted, name);
      for (FleetListener* listener : listeners_)
        listener->OnAppGone(name);
    };
    return Result<>();
  });
}

void Fleet::Resurrect(const TicketPtr& ticket) {
  EnqueueEach(*Select({"all"}), ticket, Act::kStart, [this](const Target&, App& app, Job& job) {
    const std::vector<int> slots = WantedSlots(app);
    job.todo.assign(slots.begin(), slots.end());
    return Result<>();
  });
}

void Fleet::Reset(const std::vector<Selected>& what) {
  for (const Target& target : Targets(what)) {
    const App& app = apps_.at(target.app);
    for (const int slot : SlotsOf(app, target))
      FindWorker(app, slot)->ResetCounters();
  }
}

Result<> Fleet::Signal(const std::vector<Selected>& what, int number) {
  int sent = 0;
  for (const Target& target : Targets(what)) {
    const App& app = apps_.at(target.app);
    for (const int slot : SlotsOf(app, target)) {
      if (FindWorker(app, slot)->Signal(number)) ++sent;
    }
  }
  if (sent == 0) return Error(Errc::kNotFound, "none of the workers runs");
  return {};
}

Result<std::set<std::uint64_t>> Fleet::Message(const std::vector<Selected>& what,
                                               std::string_view json) {
  std::set<std::uint64_t> sent;
  Result<> refused = Error(Errc::kNotFound, "none of the workers runs");
  for (const Target& target : Targets(what)) {
    const App& app = apps_.at(target.app);
    for (const int slot : SlotsOf(app, target)) {
      const std::uint64_t incarnation = FindWorker(app, slot)->incarnation();
      refused = ports_.Send(incarnation, json);
      if (refused) sent.insert(incarnation);
    }
  }
  if (sent.empty()) return refused.error();
  return sent;
}

void Fleet::Shutdown(const TicketPtr& ticket) {
  ticket->Open();
  if (shutting_down_) return ticket->Close({ExitCode::kFailed, "tend is shutting down already"});
  shutting_down_ = true;
  shutdown_ = ticket;
  config::Duration patience(0);
  for (const auto& entry : apps_) {
    for (const auto& worker : entry.second.workers) {
      patience = std::max(patience, worker->app().kill_timeout);
    }
    ForEach(entry.second, [](Worker& worker) { worker.Stop(); });
  }
  shutdown_deadline_ = loop_.After(patience + std::chrono::seconds(5), [this] {
    if (!shutdown_) return;
    std::string still;
    for (const Worker* worker : Running())
      still += ' ' + std::to_string(worker->pid());
    std::exchange(shutdown_, nullptr)->Close({ExitCode::kTimeout, "still alive:" + still});
  });
  SchedulePump();
}

}  // namespace tend::supervisor
