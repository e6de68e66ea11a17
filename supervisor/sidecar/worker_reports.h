// What workers tell about themselves, summed up by slot: reports of their runtime, and numbers that
// their apps made up.
//
// Owned by the sidecar. Thread: the loop's.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/loop.h"
#include "base/status.h"
#include "base/telemetry.h"
#include "exporter/custom_series.h"
#include "exporter/runtime_series.h"
#include "supervisor/sidecar/counter_table.h"
#include "supervisor/sidecar/fleet_view.h"

namespace tend::supervisor {

class WorkerReports final : public TelemetrySink {
 public:
  // Goes on with the counters that are in `table`.
  WorkerReports(Loop& loop, CounterTable& table) : loop_(loop), table_(table) {}

  void Report(const WorkerRef& worker, const TelemetryReport& report) override;
  void Custom(const WorkerRef& worker,
              const std::vector<CustomValue>& values,
              std::size_t refused) override;

  // nullopt: this slot never said anything of that.
  std::optional<exporter::RuntimeNumbers> RuntimeOf(const std::string& app,
                                                    const WorkerStatus& worker) const;
  std::optional<exporter::CustomNumbers> CustomOf(const std::string& app,
                                                  const WorkerStatus& worker) const;

  // There is such a slot: what is kept of it is to be had before it says anything.
  void Expect(const std::string& app, int slot) { SlotOf(app, slot); }
  // Stores the counters of all workers that there are in the table.
  void Store(const FleetView& view);

  void Forget(const std::string& app);
  void Forget(const std::string& app, int slot) { slots_.erase({app, slot}); }

 private:
  // Most workers have neither.
  struct Slot {
    std::unique_ptr<exporter::RuntimeSeries> runtime;
    std::unique_ptr<exporter::CustomSeries> custom;
  };

  Slot& SlotOf(const std::string& app, int slot);

  Loop& loop_;
  CounterTable& table_;
  std::map<std::pair<std::string, int>, Slot> slots_;
};

}  // namespace tend::supervisor
