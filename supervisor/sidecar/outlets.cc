#include "supervisor/sidecar/outlets.h"

#include <utility>

namespace tend::supervisor {
namespace {

constexpr auto kFlushMax = std::chrono::seconds(5);

}  // namespace

Outlets::~Outlets() {
  Stop(std::chrono::nanoseconds::zero());
}

void Outlets::Apply(const std::vector<config::ExporterConfig>& wanted) {
  for (auto& entry : slots_)
    entry.second.wanted.reset();
  for (const config::ExporterConfig& config : wanted)
    slots_[config.name].wanted = config;
  std::vector<std::string> names;
  for (const auto& entry : slots_)
    names.push_back(entry.first);
  for (const std::string& name : names)
    Settle(name);
}

void Outlets::Settle(const std::string& name) {
  Slot& slot = slots_[name];
  if (slot.ending.joinable()) return;  // comes back when it has ended
  if (slot.outlet && slot.wanted != slot.running) return End(name, slot);
  if (!slot.wanted) {
    slots_.erase(name);
    return;
  }
  if (slot.outlet) return;
  slot.running = *slot.wanted;
  slot.outlet = make_(slot.running);
}

void Outlets::End(const std::string& name, Slot& slot) {
  const auto ended = [this, name, alive = std::weak_ptr<bool>(alive_)] {
    if (alive.expired()) return;
    slots_[name].ending.join();
    Settle(name);
  };
  slot.ending = std::thread(
      [this, ended, outlet = std::shared_ptr<Outlet>(std::move(slot.outlet))]() mutable {
        outlet->Stop(kFlushMax);
        outlet.reset();
        loop_.Post(ended);
      });
}

std::vector<exporter::ExportStats> Outlets::Stats() const {
  std::vector<exporter::ExportStats> all;
  for (const auto& entry : slots_) {
    if (entry.second.outlet) all.push_back(entry.second.outlet->Stats());
  }
  return all;
}

void Outlets::Stop(std::chrono::nanoseconds time_max) {
  alive_ = std::make_shared<bool>(true);  // what was posted finds nobody
  for (auto& entry : slots_) {
    Slot& slot = entry.second;
    if (slot.ending.joinable() || !slot.outlet) continue;
    slot.ending = std::thread([outlet = slot.outlet.get(), time_max] { outlet->Stop(time_max); });
  }
  for (auto& entry : slots_) {
    if (entry.second.ending.joinable()) entry.second.ending.join();
  }
  slots_.clear();
}

}  // namespace tend::supervisor
