#include "supervisor/sidecar/measurements.h"

#include <sys/resource.h>
#include <unistd.h>

#include <cmath>

#include "base/time.h"

namespace tend::supervisor {
namespace {

// The kernel counts CPU time in hundredths of a second: less says nothing.
constexpr double kAgeMin = 0.1;

// Seconds since the epoch at which this process started, as near as the two clocks can tell.
double StartTimeOf(const exporter::ProcSample& self) {
  timespec boot{};
  ::clock_gettime(CLOCK_BOOTTIME, &boot);
  const double up = static_cast<double>(boot.tv_sec) + static_cast<double>(boot.tv_nsec) / 1e9;
  const double ticks = static_cast<double>(::sysconf(_SC_CLK_TCK));
  const double now = std::chrono::duration<double>(NowWall().time_since_epoch()).count();
  return std::round((now - up + static_cast<double>(self.start_ticks) / ticks) * 100) / 100;
}

}  // namespace

void Measurements::Report(const WorkerRef& worker, const TelemetryReport& report) {
  std::unique_ptr<Runtime>& runtime = slots_[{worker.app, worker.slot}].runtime;
  if (!runtime) runtime = std::make_unique<Runtime>();
  runtime->incarnation = worker.incarnation;
  runtime->lag.Add(report, now_);
  const double seconds = report.loop_active_seconds + report.loop_idle_seconds;
  if (seconds > 0) runtime->utilization = report.loop_active_seconds / seconds;
  if (report.heap_used_bytes) runtime->heap_used = report.heap_used_bytes;
  if (report.heap_total_bytes) runtime->heap_total = report.heap_total_bytes;
  if (report.heap_limit_bytes) runtime->heap_limit = report.heap_limit_bytes;
  if (!report.runtime.empty()) runtime->name = report.runtime;
}

void Measurements::Sample(const FleetView& view, Mono now, std::chrono::nanoseconds age_max) {
  now_ = now;
  if (now - sampled_ < age_max) return;
  sampled_ = now;
  for (const auto& entry : view.apps()) {
    for (const WorkerStatus& worker : entry.second.status.workers) {
      Slot& slot = slots_[{entry.first, worker.slot}];
      slot.process.reset();
      if (worker.pid == 0) continue;
      slot.process = sampler_.Sample(worker.pid);
      if (!slot.process) {
        // It may have ended just now; core will say so.
        continue;
      }
      slot.incarnation = worker.incarnation;
      slot.cpu.Add(worker.incarnation, *slot.process, now);
    }
  }
}

exporter::WorkerNumbers Measurements::Numbers(const std::string& app,
                                              const WorkerStatus& worker) const {
  exporter::WorkerNumbers numbers;
  const auto it = slots_.find({app, worker.slot});
  if (it == slots_.end()) return numbers;
  const Slot& slot = it->second;
  numbers.cpu_user_seconds = slot.cpu.user_seconds();
  numbers.cpu_system_seconds = slot.cpu.system_seconds();
  const bool is_current = worker.pid != 0 && slot.incarnation == worker.incarnation;
  if (is_current) numbers.process = slot.process;
  if (is_current && slot.process) numbers.cpu_ratio = CpuRatio(slot, worker);
  if (!slot.runtime) return numbers;
  const Runtime& runtime = *slot.runtime;
  numbers.lag = runtime.lag.View(now_);
  numbers.runtime = runtime.name;
  // The histogram goes on; levels belong to a process that may be gone.
  if (worker.pid == 0 || runtime.incarnation != worker.incarnation) return numbers;
  numbers.heartbeat_age_seconds =
      std::chrono::duration<double>(now_ - runtime.lag.last_report()).count();
  numbers.loop_utilization = runtime.utilization;
  numbers.heap_used_bytes = runtime.heap_used;
  numbers.heap_total_bytes = runtime.heap_total;
  numbers.heap_limit_bytes = runtime.heap_limit;
  return numbers;
}

// Between the last two samples; until there are two, since the process began.
std::optional<double> Measurements::CpuRatio(const Slot& slot, const WorkerStatus& worker) {
  if (const auto ratio = slot.cpu.ratio()) return ratio;
  const double age = std::chrono::duration<double>(NowWall() - worker.started).count();
  if (worker.started == Wall{} || age < kAgeMin) return std::nullopt;
  return (slot.process->user_seconds + slot.process->system_seconds) / age;
}

exporter::WorkerNumbers Measurements::NumbersWithFds(const std::string& app,
                                                     const WorkerStatus& worker) const {
  exporter::WorkerNumbers numbers = Numbers(app, worker);
  if (numbers.process) numbers.open_fds = sampler_.OpenFds(worker.pid);
  return numbers;
}

exporter::SelfSnapshot Measurements::Self() const {
  exporter::SelfSnapshot self;
  if (const auto sample = sampler_.Sample(::getpid())) {
    self.cpu_seconds = sample->user_seconds + sample->system_seconds;
    self.resident_bytes = sample->resident_bytes;
    self.virtual_bytes = sample->virtual_bytes;
    self.start_time_seconds = StartTimeOf(*sample);
  } else {
    self_.CountError("proc");
  }
  self.open_fds = sampler_.OpenFds(::getpid()).value_or(0);
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) == 0) self.max_fds = limit.rlim_cur;
  return self;
}

std::optional<std::uint64_t> Measurements::ResidentBytes(int pid) const {
  const auto sample = sampler_.Sample(pid);
  return sample ? std::optional(sample->resident_bytes) : std::nullopt;
}

void Measurements::Forget(const std::string& app) {
  std::erase_if(slots_, [&](const auto& entry) { return entry.first.first == app; });
}

}  // namespace tend::supervisor
