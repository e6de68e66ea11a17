#include "supervisor/sidecar/fleet_view.h"

#include <algorithm>
#include <utility>

namespace tend::supervisor {

void FleetView::BeginSync() {
  syncing_ = true;
  for (auto& entry : apps_)
    entry.second.confirmed = false;
}

std::vector<std::string> FleetView::EndSync() {
  std::vector<std::string> dropped;
  for (auto it = apps_.begin(); it != apps_.end();) {
    if (it->second.confirmed) {
      ++it;
      continue;
    }
    dropped.push_back(it->first);
    it = apps_.erase(it);
  }
  syncing_ = false;
  synced_ = true;
  return dropped;
}

void FleetView::PutApp(config::AppConfig config, AppStatus status) {
  App& app = apps_[config.name];
  // Core tells the workers one by one after this; those of an app that was not confirmed are old.
  if (app.confirmed) status.workers = std::move(app.status.workers);
  app.config = std::move(config);
  app.status = std::move(status);
  app.confirmed = true;
}

void FleetView::DropApp(const std::string& app) {
  apps_.erase(app);
}

bool FleetView::PutWorker(const std::string& app, WorkerStatus worker) {
  const auto it = apps_.find(app);
  if (it == apps_.end()) return false;
  std::vector<WorkerStatus>& workers = it->second.status.workers;
  const auto place =
      std::lower_bound(workers.begin(), workers.end(), worker.slot,
                       [](const WorkerStatus& known, int slot) { return known.slot < slot; });
  if (place != workers.end() && place->slot == worker.slot) {
    *place = std::move(worker);
  } else {
    workers.insert(place, std::move(worker));
  }
  return true;
}

void FleetView::DropWorker(const std::string& app, int slot) {
  const auto it = apps_.find(app);
  if (it == apps_.end()) return;
  std::erase_if(it->second.status.workers,
                [slot](const WorkerStatus& worker) { return worker.slot == slot; });
}

const FleetView::App* FleetView::Find(const std::string& app) const {
  const auto it = apps_.find(app);
  return it == apps_.end() ? nullptr : &it->second;
}

const WorkerStatus* FleetView::FindWorker(const std::string& app, int slot) const {
  const App* known = Find(app);
  if (known == nullptr) return nullptr;
  for (const WorkerStatus& worker : known->status.workers) {
    if (worker.slot == slot) return &worker;
  }
  return nullptr;
}

bool FleetView::HasEnded(const std::string& app, int slot, std::uint64_t incarnation) const {
  const WorkerStatus* worker = FindWorker(app, slot);
  if (worker == nullptr) return false;
  const bool is_live = worker->incarnation == incarnation && worker->pid != 0;
  return worker->incarnation >= incarnation && !is_live;
}

}  // namespace tend::supervisor
