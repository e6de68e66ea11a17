// What the workers' processes use, over all lives of a worker: a short look at each whenever
// somebody asks, at most once a second; a closer one now and then, on the helper thread; and
// the last word of those that ended from the keeper's exit journal.
//
// Thread: the loop's.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/loop.h"
#include "base/record.h"
#include "config/observe.h"
#include "exporter/proc_sampler.h"
#include "exporter/process_totals.h"
#include "exporter/self_metrics.h"
#include "exporter/snapshot.h"
#include "supervisor/exit_journal.h"
#include "supervisor/sidecar/fleet_view.h"
#include "supervisor/sidecar/helper_thread.h"
#include "supervisor/sidecar/process_look.h"

namespace tend::supervisor {

class ProcessWatch {
 public:
  ProcessWatch(Loop& loop, HelperThread& helper, exporter::SelfMetrics& self);

  void SetLevel(config::MetricsLevel level) { level_ = level; }
  // Exits from now on are taken from there. The journal must outlive this.
  void SetJournal(const ExitJournalReader* journal);

  // A process began, or (`pid` is 0) is about to; how much it uses is asked for from now on.
  void Begin(const WorkerRef& worker, int pid);
  // Looks at all processes, unless that was done less than `age_max` ago.
  void Sample(const FleetView& view, Mono now, std::chrono::nanoseconds age_max);
  // On the helper thread. False: such a look is under way.
  bool LookCloser(const FleetView& view, Mono now);

  exporter::ProcessNumbers Numbers(const FleetView::App& app, const WorkerStatus& worker) const;
  std::string AppVersion(const std::string& app, const WorkerStatus& worker) const;
  std::vector<std::pair<std::uint16_t, std::uint64_t>> Backlog(const std::string& app) const;
  // Right now.
  std::optional<std::uint64_t> ResidentBytes(int pid) const;
  exporter::SelfSnapshot Self() const;

  // What a worker had used that we have not seen before: of a former process of ours.
  using Remembered = std::function<exporter::ProcessTotals::Kept(const std::string& app, int slot)>;
  void SetRemembered(Remembered remembered) { remembered_ = std::move(remembered); }
  // For whoever remembers.
  void EachTotal(
      const std::function<void(
          const std::string& app, int slot, const exporter::ProcessTotals& totals)>& visit) const;

  void Forget(const std::string& app);
  void Forget(const std::string& app, int slot) { slots_.erase({app, slot}); }

 private:
  // Of the process that serves; if it is not there, of the newest one.
  struct Closer {
    std::uint64_t incarnation = 0;
    exporter::ProcDetail detail;
    std::optional<std::uint64_t> max_fds, proportional_bytes;  // of an earlier look, too
    std::optional<std::uint64_t> processes;
    std::optional<exporter::TcpCounts> tcp_connections;
    std::optional<std::string> app_version;
    Mono proportional_at{};
  };
  struct Slot {
    exporter::ProcessTotals totals;
    std::map<std::uint64_t, exporter::ProcSample> samples;  // by incarnation: of the last look
    Closer closer;
    exporter::CgroupSample cgroup;
  };
  using Key = std::pair<std::string, int>;

  Slot& SlotOf(const std::string& app, int slot);
  void ReadJournal();
  void CountErrors();
  // Those that serve, by what core says.
  void BeginAll(const FleetView& view);
  std::vector<LookTarget> Targets(const FleetView& view, Mono now);
  void Take(const Look& look);
  static void Take(const LookResult& result, Slot& slot);
  static std::optional<double> CpuRatio(const Slot& slot,
                                        const exporter::ProcSample& sample,
                                        const WorkerStatus& worker);

  Loop& loop_;
  HelperThread& helper_;
  exporter::SelfMetrics& self_;
  const exporter::ProcSampler sampler_;
  const std::shared_ptr<exporter::ProcSampler> closer_;  // the helper thread's
  Remembered remembered_;
  config::MetricsLevel level_ = config::MetricsLevel::kStandard;
  const ExitJournalReader* journal_ = nullptr;
  std::uint64_t journal_seq_ = 0;
  std::map<Key, Slot> slots_;
  std::map<std::string, std::map<std::uint16_t, std::uint64_t>> backlog_;
  std::uint64_t errors_ = 0;  // of sampler_, as counted
  Mono sampled_{};
  bool looking_ = false;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace tend::supervisor
