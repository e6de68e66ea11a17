// What a core finds that starts: the records of the one before it, saved apps, the keeper's store
// and journal. A first start is the same with nothing to be found.
#include <algorithm>
#include <utility>

#include "base/log.h"
#include "supervisor/fleet.h"

namespace tend::supervisor {

void Fleet::Recover(std::vector<SavedApp> saved,
                    Kept kept,
                    const std::vector<ExitInfo>& exits,
                    bool start_wanted) {
  for (SavedApp& one : saved) {
    const std::string name = one.config.name;
    if (name.empty() || name.size() > kAppNameMax) continue;
    App& app = apps_[name];
    app.wanted = one.wanted;
    app.stopped_slots = {one.stopped_slots.begin(), one.stopped_slots.end()};
    app.config = std::make_shared<const config::AppConfig>(std::move(one.config));
    app.previous = std::move(one.previous);
    for (FleetListener* listener : listeners_)
      listener->OnApp(*app.config);
  }
  for (const StateFile::Entry& entry : state_.Entries()) {
    const auto found = apps_.find(std::string(entry.record.App()));
    if (found != apps_.end()) {
      RecoverWorker(found->second, entry, kept, exits);
      continue;
    }
    // Nobody wants it, so nobody may have it ended either.
    const WorkerRecord& record = entry.record;
    if (record.pid != 0 && processes_.IsAlive(record.pid, record.start_time)) {
      OnFact({FactId::kStateQuarantined,
              loop_.WallNow(),
              std::string(record.App()),
              record.slot,
              {{"what", "a process of an unknown app is left alone"},
               {"pid", std::to_string(record.pid)}}});
    }
    state_.Free(entry.index);
  }
  std::set<std::uint64_t> living;
  for (const Worker* worker : Running())
    living.insert(worker->incarnation());
  for (const auto& entry : kept) {
    if (living.count(entry.first) != 0) continue;
    context_.store.Drop(StoreKind::kPidfd, entry.first);
    context_.store.Drop(StoreKind::kChannel, entry.first);
  }
  const bool start_new = start_wanted || !state_.fresh();
  for (auto& entry : apps_) {
    App& app = entry.second;
    std::vector<int> added;
    for (int slot = 0; slot < app.config->instances; ++slot) {
      if (FindWorker(app, slot) != nullptr) continue;
      if (const auto made = AddWorker(app, slot); !made) {
        LogError(app.config->name + ": " + made.error().message());
        break;
      }
      added.push_back(slot);
    }
    for (const int slot : WantedSlots(app)) {
      const bool is_new = std::find(added.begin(), added.end(), slot) != added.end();
      if (start_new && is_new) FindWorker(app, slot)->Start();
    }
    ShrinkToFit(entry.first, app, std::make_shared<Ticket>());
  }
}

// Of two active workers of a slot, as a kill in the middle of TakeOver leaves them, the younger one
// has the place.
std::vector<std::unique_ptr<Worker>>& Fleet::PlaceOf(App& app, const WorkerRecord& record) {
  if (record.role != WorkerRole::kActive) return app.others;
  const auto same = std::find_if(app.workers.begin(), app.workers.end(),
                                 [&](const auto& worker) { return worker->slot() == record.slot; });
  if (same == app.workers.end()) return app.workers;
  if ((*same)->incarnation() > record.incarnation) return app.others;
  app.others.push_back(std::move(*same));
  app.workers.erase(same);
  app.others.back()->Demote();
  app.others.back()->Retire();
  return app.workers;
}

void Fleet::RecoverWorker(App& app,
                          const StateFile::Entry& entry,
                          Kept& kept,
                          const std::vector<ExitInfo>& exits) {
  const WorkerRecord& record = entry.record;
  auto worker = std::make_unique<Worker>(context_, app.config, entry.index, record);
  Worker& added = *worker;
  auto& place = PlaceOf(app, record);
  const auto after = std::find_if(place.begin(), place.end(),
                                  [&](const auto& other) { return other->slot() > record.slot; });
  place.insert(after, std::move(worker));

  std::optional<ExitStatus> exit;
  for (const ExitInfo& info : exits) {
    if (record.pid != 0 && info.pid == record.pid && info.seq > record.journal_before) {
      exit = ToStatus(info);
    }
  }
  added.Resume(std::move(kept[record.incarnation]), std::move(exit));
  if (&place == &app.others) {
    // A reload ends with the core that carried it out.
    added.Demote();
    return added.Retire();
  }
  // A stop that the core before us had saved and not begun.
  const bool unwanted = !app.wanted || app.stopped_slots.count(record.slot) != 0;
  if (unwanted) added.Stop();
}

}  // namespace tend::supervisor
