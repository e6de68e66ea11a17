#include "supervisor/sidecar/worker_reports.h"

namespace tend::supervisor {
namespace {

std::uint64_t RunningIncarnation(const WorkerStatus& worker) {
  return worker.pid != 0 ? worker.incarnation : 0;
}

// Null if nothing was kept of it.
template <typename Series>
std::unique_ptr<Series> Resume(const CounterTable& table,
                               RowKind kind,
                               const std::string& app,
                               int slot) {
  auto series = std::make_unique<Series>();
  bool is_kept = false;
  for (const std::string& name : table.Names(kind, app, slot))
    is_kept = series->Expect(name) || is_kept;
  if (!is_kept) return nullptr;
  series->Counters(table.Read(kind, app, slot));
  return series;
}

}  // namespace

WorkerReports::Slot& WorkerReports::SlotOf(const std::string& app, int slot) {
  const auto [it, is_new] = slots_.try_emplace({app, slot});
  if (is_new) {
    it->second.runtime = Resume<exporter::RuntimeSeries>(table_, RowKind::kWorker, app, slot);
    it->second.custom = Resume<exporter::CustomSeries>(table_, RowKind::kCustom, app, slot);
  }
  return it->second;
}

void WorkerReports::Store(const FleetView& view) {
  for (auto& [key, slot] : slots_) {
    // What it said late does not bring back the row of one that was dropped.
    if (view.FindWorker(key.first, key.second) == nullptr) continue;
    if (slot.runtime) slot.runtime->Counters(table_.Write(RowKind::kWorker, key.first, key.second));
    if (slot.custom) slot.custom->Counters(table_.Write(RowKind::kCustom, key.first, key.second));
  }
}

void WorkerReports::Report(const WorkerRef& worker, const TelemetryReport& report) {
  auto& runtime = SlotOf(worker.app, worker.slot).runtime;
  if (!runtime) runtime = std::make_unique<exporter::RuntimeSeries>();
  runtime->Add(worker.incarnation, report, loop_.Now());
}

void WorkerReports::Custom(const WorkerRef& worker,
                           const std::vector<CustomValue>& values,
                           std::size_t refused) {
  auto& custom = SlotOf(worker.app, worker.slot).custom;
  if (!custom) custom = std::make_unique<exporter::CustomSeries>();
  custom->Add(worker.incarnation, values, refused, loop_.Now());
}

std::optional<exporter::RuntimeNumbers> WorkerReports::RuntimeOf(const std::string& app,
                                                                 const WorkerStatus& worker) const {
  const auto slot = slots_.find({app, worker.slot});
  if (slot == slots_.end() || !slot->second.runtime) return std::nullopt;
  return slot->second.runtime->View(RunningIncarnation(worker), loop_.Now());
}

std::optional<exporter::CustomNumbers> WorkerReports::CustomOf(const std::string& app,
                                                               const WorkerStatus& worker) const {
  const auto slot = slots_.find({app, worker.slot});
  if (slot == slots_.end() || !slot->second.custom) return std::nullopt;
  return slot->second.custom->View(RunningIncarnation(worker), loop_.Now());
}

void WorkerReports::Forget(const std::string& app) {
  std::erase_if(slots_, [&](const auto& entry) { return entry.first.first == app; });
}

}  // namespace tend::supervisor
