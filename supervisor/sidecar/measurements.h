// What the sidecar measures of workers: processes from /proc, event loops from telemetry. Sampled
// every few seconds, and again when somebody asks and the last look is older than a second.
//
// Thread: the loop's.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "base/telemetry.h"
#include "exporter/loop_lag.h"
#include "exporter/proc_sampler.h"
#include "exporter/self_metrics.h"
#include "exporter/snapshot.h"
#include "supervisor/sidecar/fleet_view.h"

namespace tend::supervisor {

class Measurements final : public TelemetrySink {
 public:
  explicit Measurements(exporter::SelfMetrics& self) : self_(self) {}

  void Report(const WorkerRef& worker, const TelemetryReport& report) override;
  // The time that Report() goes by.
  void SetNow(Mono now) { now_ = now; }

  // Looks at all processes of `view`, unless that was done less than `age_max` ago.
  void Sample(const FleetView& view, Mono now, std::chrono::nanoseconds age_max);
  // As of the last Sample().
  exporter::WorkerNumbers Numbers(const std::string& app, const WorkerStatus& worker) const;
  // With the descriptors counted, which is a look of its own.
  exporter::WorkerNumbers NumbersWithFds(const std::string& app, const WorkerStatus& worker) const;
  exporter::SelfSnapshot Self() const;
  // Right now.
  std::optional<std::uint64_t> ResidentBytes(int pid) const;

  void Forget(const std::string& app);
  void Forget(const std::string& app, int slot) { slots_.erase({app, slot}); }

 private:
  struct Runtime {
    exporter::LoopLag lag;
    std::uint64_t incarnation = 0;
    std::optional<double> utilization;
    std::optional<std::uint64_t> heap_used, heap_total, heap_limit;
    std::string name;
  };
  struct Slot {
    std::uint64_t incarnation = 0;
    std::optional<exporter::ProcSample> process;
    exporter::CpuSeries cpu;
    std::unique_ptr<Runtime> runtime;  // only of workers that report
  };
  using Key = std::pair<std::string, int>;

  static std::optional<double> CpuRatio(const Slot& slot, const WorkerStatus& worker);

  exporter::SelfMetrics& self_;
  exporter::ProcSampler sampler_;
  std::map<Key, Slot> slots_;
  Mono now_{};
  Mono sampled_{};
};

}  // namespace tend::supervisor
