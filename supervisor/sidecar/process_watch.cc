#include "supervisor/sidecar/process_watch.h"

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>

#include "base/time.h"

namespace tend::supervisor {
namespace {

using exporter::Used;

// The kernel counts CPU time in hundredths of a second: less says nothing.
constexpr double kAgeMin = 0.1;
// The kernel walks all pages of a process for its proportional share: seldom, and not all at once.
constexpr auto kProportionalEvery = std::chrono::seconds(60);
constexpr std::size_t kLooksPerMinute = 4;

// Seconds since the epoch at which this process started, as near as the two clocks can tell.
double StartTimeOf(const exporter::ProcSample& self) {
  timespec boot{};
  ::clock_gettime(CLOCK_BOOTTIME, &boot);
  const double up = static_cast<double>(boot.tv_sec) + static_cast<double>(boot.tv_nsec) / 1e9;
  const double ticks = static_cast<double>(::sysconf(_SC_CLK_TCK));
  const double now = std::chrono::duration<double>(NowWall().time_since_epoch()).count();
  return std::round((now - up + static_cast<double>(self.start_ticks) / ticks) * 100) / 100;
}

std::optional<std::uint64_t> Whole(std::optional<double> number) {
  if (!number) return std::nullopt;
  return static_cast<std::uint64_t>(*number);
}

std::string FolderOf(const std::string& path) {
  const auto slash = path.rfind('/');
  return slash == std::string::npos ? std::string(".") : path.substr(0, slash);
}

}  // namespace

ProcessWatch::ProcessWatch(Loop& loop, HelperThread& helper, exporter::SelfMetrics& self)
    : loop_(loop),
      helper_(helper),
      self_(self),
      closer_(std::make_shared<exporter::ProcSampler>()) {}

void ProcessWatch::SetJournal(const ExitJournalReader* journal) {
  journal_ = journal;
  journal_seq_ = journal->head();
}

void ProcessWatch::Begin(const WorkerRef& worker, int pid) {
  // Before it: one that had the same pid.
  ReadJournal();
  // One that has no process yet may never have one, and another one serves meanwhile.
  if (pid != 0) SlotOf(worker.app, worker.slot).totals.Begin(worker.incarnation, pid);
}

ProcessWatch::Slot& ProcessWatch::SlotOf(const std::string& app, int slot) {
  const auto [it, is_new] = slots_.try_emplace({app, slot});
  if (is_new && remembered_) it->second.totals.Resume(remembered_(app, slot));
  return it->second;
}

void ProcessWatch::ReadJournal() {
  if (journal_ == nullptr) return;
  if (journal_->head() < journal_seq_) journal_seq_ = 0;
  const Mono now = loop_.Now();
  const auto cpus = static_cast<double>(std::max(1L, ::sysconf(_SC_NPROCESSORS_ONLN)));
  while (const auto exit = journal_->After(journal_seq_)) {
    journal_seq_ = exit->seq;
    for (auto& entry : slots_) {
      entry.second.totals.End(exit->pid, static_cast<double>(exit->user_us) / 1e6,
                              static_cast<double>(exit->system_us) / 1e6, now, cpus);
    }
  }
}

void ProcessWatch::BeginAll(const FleetView& view) {
  for (const auto& entry : view.apps()) {
    for (const WorkerStatus& worker : entry.second.status.workers) {
      if (worker.pid != 0)
        SlotOf(entry.first, worker.slot).totals.Begin(worker.incarnation, worker.pid);
    }
  }
}

void ProcessWatch::CountErrors() {
  for (; errors_ < sampler_.errors(); ++errors_)
    self_.CountError("proc");
}

void ProcessWatch::Sample(const FleetView& view, Mono now, std::chrono::nanoseconds age_max) {
  if (now - sampled_ < age_max) return;
  sampled_ = now;
  const auto begin = std::chrono::steady_clock::now();
  BeginAll(view);
  for (auto& entry : slots_) {
    Slot& slot = entry.second;
    slot.samples.clear();
    for (const auto& life : slot.totals.lives()) {
      const auto sample = sampler_.Sample(life.pid);
      // It may have ended just now; the journal will say so.
      if (!sample) continue;
      slot.totals.Add(life.incarnation, *sample, now);
      if (life.start_ticks == sample->start_ticks) slot.samples.emplace(life.incarnation, *sample);
    }
  }
  ReadJournal();
  CountErrors();
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
  self_.ObserveCollect("proc", took.count());
}

std::vector<LookTarget> ProcessWatch::Targets(const FleetView& view, Mono now) {
  std::vector<LookTarget> targets;
  const bool all = level_ != config::MetricsLevel::kBasic;
  std::size_t proportional = slots_.size() / kLooksPerMinute + 1;
  for (auto& [key, slot] : slots_) {
    const auto& lives = slot.totals.lives();
    if (lives.empty()) continue;
    const WorkerStatus* worker = view.FindWorker(key.first, key.second);
    const auto serving = std::find_if(lives.begin(), lives.end(), [&](const auto& known) {
      return worker != nullptr && known.incarnation == worker->incarnation;
    });
    const auto& life = serving == lives.end() ? lives.back() : *serving;
    Closer& closer = slot.closer;
    if (closer.incarnation != life.incarnation) {
      closer = Closer();
      closer.incarnation = life.incarnation;
    }
    LookTarget target;
    target.worker = {key.first, key.second, life.incarnation};
    target.pid = life.pid;
    target.wanted.max_fds = all && !closer.max_fds;
    target.wanted.sockets = level_ == config::MetricsLevel::kFull;
    if (all && proportional > 0 && now - closer.proportional_at >= kProportionalEvery) {
      target.wanted.proportional = true;
      closer.proportional_at = now;
      --proportional;
    }
    if (const FleetView::App* app = view.Find(key.first); app != nullptr && !closer.app_version) {
      target.package_folders = {FolderOf(app->config.script), app->config.cwd};
    }
    targets.push_back(std::move(target));
  }
  return targets;
}

bool ProcessWatch::LookCloser(const FleetView& view, Mono now) {
  if (looking_) return false;
  BeginAll(view);
  std::vector<LookTarget> targets = Targets(view, now);
  if (targets.empty()) return true;
  const bool all = level_ != config::MetricsLevel::kBasic;
  const LookWanted wanted = {all, all, level_ == config::MetricsLevel::kFull};
  looking_ = helper_.Post([this, &loop = loop_, alive = std::weak_ptr<bool>(alive_),
                           sampler = closer_, targets = std::move(targets), wanted] {
    auto look = std::make_shared<const Look>(LookAt(*sampler, targets, wanted));
    // Whoever waits for the helper thread to end owns the loop, too.
    if (alive.expired()) return;
    loop.Post([this, alive, look] {
      if (!alive.expired()) Take(*look);
    });
  });
  return looking_;
}

void ProcessWatch::Take(const Look& look) {
  looking_ = false;
  for (std::uint64_t i = 0; i < look.errors; ++i)
    self_.CountError("proc");
  self_.ObserveCollect("details", look.took.count());
  backlog_ = look.backlog;
  for (const LookResult& result : look.workers) {
    const auto slot = slots_.find({result.worker.app, result.worker.slot});
    if (slot != slots_.end()) Take(result, slot->second);
  }
}

void ProcessWatch::Take(const LookResult& result, Slot& slot) {
  slot.totals.Add(result.worker.incarnation, result.detail);
  Closer& closer = slot.closer;
  if (closer.incarnation != result.worker.incarnation) return;
  closer.detail = result.detail;
  if (result.detail.max_fds) closer.max_fds = result.detail.max_fds;
  if (result.detail.proportional_bytes)
    closer.proportional_bytes = result.detail.proportional_bytes;
  closer.processes = result.processes;
  closer.tcp_connections = result.tcp_connections;
  if (result.app_version) closer.app_version = result.app_version;
  slot.cgroup = result.cgroup.value_or(exporter::CgroupSample());
}

exporter::ProcessNumbers ProcessWatch::Numbers(const FleetView::App& app,
                                               const WorkerStatus& worker) const {
  exporter::ProcessNumbers numbers;
  if (app.config.max_memory != 0) numbers.memory_limit_bytes = app.config.max_memory;
  const auto it = slots_.find({app.config.name, worker.slot});
  if (it == slots_.end()) return numbers;
  const Slot& slot = it->second;
  numbers.cpu_user_seconds = slot.totals.Total(Used::kUserSeconds);
  numbers.cpu_system_seconds = slot.totals.Total(Used::kSystemSeconds);
  numbers.cpu_wait_seconds = slot.totals.Total(Used::kWaitSeconds);
  numbers.voluntary_switches = Whole(slot.totals.Total(Used::kVoluntarySwitches));
  numbers.involuntary_switches = Whole(slot.totals.Total(Used::kInvoluntarySwitches));
  numbers.minor_faults = Whole(slot.totals.Total(Used::kMinorFaults));
  numbers.major_faults = Whole(slot.totals.Total(Used::kMajorFaults));
  numbers.read_bytes = Whole(slot.totals.Total(Used::kReadBytes));
  numbers.written_bytes = Whole(slot.totals.Total(Used::kWrittenBytes));
  if (worker.pid == 0) return numbers;
  const auto sample = slot.samples.find(worker.incarnation);
  if (sample != slot.samples.end()) {
    numbers.resident_bytes = sample->second.resident_bytes;
    numbers.virtual_bytes = sample->second.virtual_bytes;
    numbers.threads = sample->second.threads;
    numbers.cpu_ratio = CpuRatio(slot, sample->second, worker);
  }
  const Closer& closer = slot.closer;
  if (closer.incarnation != worker.incarnation || closer.detail.start_ticks == 0) return numbers;
  numbers.swap_bytes = closer.detail.swap_bytes;
  numbers.peak_resident_bytes = closer.detail.peak_resident_bytes;
  numbers.proportional_bytes = closer.proportional_bytes;
  numbers.open_fds = closer.detail.open_fds;
  numbers.max_fds = closer.max_fds;
  numbers.processes = closer.processes;
  numbers.tcp_connections = closer.tcp_connections;
  numbers.oom_kills = slot.cgroup.oom_kills;
  numbers.throttled_seconds = slot.cgroup.throttled_seconds;
  numbers.waited_seconds = slot.cgroup.waited_seconds;
  return numbers;
}

// Between the last two samples; until there are two, since the process began.
std::optional<double> ProcessWatch::CpuRatio(const Slot& slot,
                                             const exporter::ProcSample& sample,
                                             const WorkerStatus& worker) {
  if (const auto ratio = slot.totals.CpuRatio(worker.incarnation)) return ratio;
  const double age = std::chrono::duration<double>(NowWall() - worker.started).count();
  if (worker.started == Wall{} || age < kAgeMin) return std::nullopt;
  return (sample.user_seconds + sample.system_seconds) / age;
}

std::string ProcessWatch::AppVersion(const std::string& app, const WorkerStatus& worker) const {
  const auto slot = slots_.find({app, worker.slot});
  return slot == slots_.end() ? std::string() : slot->second.closer.app_version.value_or("");
}

std::vector<std::pair<std::uint16_t, std::uint64_t>> ProcessWatch::Backlog(
    const std::string& app) const {
  const auto ports = backlog_.find(app);
  if (ports == backlog_.end()) return {};
  return {ports->second.begin(), ports->second.end()};
}

std::optional<std::uint64_t> ProcessWatch::ResidentBytes(int pid) const {
  const auto sample = sampler_.Sample(pid);
  return sample ? std::optional(sample->resident_bytes) : std::nullopt;
}

exporter::SelfSnapshot ProcessWatch::Self() const {
  exporter::SelfSnapshot self;
  if (const auto sample = sampler_.Sample(::getpid())) {
    self.cpu_seconds = sample->user_seconds + sample->system_seconds;
    self.resident_bytes = sample->resident_bytes;
    self.virtual_bytes = sample->virtual_bytes;
    self.start_time_seconds = StartTimeOf(*sample);
  }
  self.open_fds = sampler_.OpenFds(::getpid()).value_or(0);
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) == 0) self.max_fds = limit.rlim_cur;
  return self;
}

void ProcessWatch::EachTotal(
    const std::function<void(const std::string&, int, const exporter::ProcessTotals&)>& visit)
    const {
  for (const auto& [key, slot] : slots_)
    visit(key.first, key.second, slot.totals);
}

void ProcessWatch::Forget(const std::string& app) {
  std::erase_if(slots_, [&](const auto& entry) { return entry.first.first == app; });
  backlog_.erase(app);
}

}  // namespace tend::supervisor
