#include "supervisor/sidecar/process_follower.h"

#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <utility>

namespace tend::supervisor {
namespace {

constexpr auto kLook = std::chrono::seconds(1);
// All of /proc is read for that.
constexpr auto kLookByName = std::chrono::seconds(2);

Wall StartedAt(const FoundProcess& process) {
  timespec boot{};
  ::clock_gettime(CLOCK_BOOTTIME, &boot);
  const auto up = std::chrono::seconds(boot.tv_sec) + std::chrono::nanoseconds(boot.tv_nsec);
  const auto ticks = static_cast<std::uint64_t>(::sysconf(_SC_CLK_TCK));
  const auto start = std::chrono::milliseconds(process.start_ticks * 1000 / ticks);
  return NowWall() - up + start;
}

}  // namespace

ProcessFollower::ProcessFollower(Loop& loop,
                                 LinkListener& sidecar,
                                 std::string app,
                                 ProcessSelector selector)
    : loop_(loop), sidecar_(sidecar), app_(std::move(app)), selector_(std::move(selector)) {}

Result<> ProcessFollower::Check(const ProcessSelector& selector) {
  KnownProcesses none;
  const auto found = FindProcesses(selector, none);
  if (!found && found.error().code() != Errc::kNotFound) return found.error();
  if (found && found->empty() && selector.by == SelectBy::kPid) {
    return Error(Errc::kNotFound, "there is no process " + selector.value);
  }
  return {};
}

void ProcessFollower::Begin() {
  auto found = FindProcesses(selector_, *known_);
  if (found && !found->empty()) chosen_ = found->front();
  if (!found) {
    Say(found.error().message() + "; waiting for it");
  } else if (found->empty()) {
    Say("no such process is running; waiting for one");
  }
  Take(found ? *std::move(found) : std::vector<FoundProcess>());
  LookLater();
}

void ProcessFollower::LookLater() {
  look_ = loop_.After(selector_.by == SelectBy::kName ? kLookByName : kLook, [this] { Look(); });
}

void ProcessFollower::Look() {
  soon_.reset();
  LookLater();
  if (selector_.by == SelectBy::kName) return LookElsewhere();
  Looked(FindProcesses(selector_, *known_));
}

// A process that is stuck would hold up the loop.
void ProcessFollower::LookElsewhere() {
  look_again_ = looking_;
  if (looking_) return;
  looking_ = helper_.Post([this, selector = selector_, known = known_, &loop = loop_,
                           alive = std::weak_ptr<bool>(alive_)] {
    auto found = FindProcesses(selector, *known);
    // Whoever waits for the thread to end owns the loop, too.
    if (alive.expired()) return;
    loop.Post([this, alive, found = std::move(found)] {
      if (alive.expired()) return;
      looking_ = false;
      Looked(found);
      if (look_again_) LookElsewhere();
    });
  });
}

void ProcessFollower::Looked(Result<std::vector<FoundProcess>> found) {
  // Not there any more, or yet: that is no process. What is in the way of looking is said.
  if (!found && found.error().code() != Errc::kNotFound) Say(found.error().message());
  Take(found ? *std::move(found) : std::vector<FoundProcess>());
}

void ProcessFollower::Take(std::vector<FoundProcess> found) {
  if (selector_.by == SelectBy::kPid) {
    std::erase_if(found, [this](const FoundProcess& process) { return process != chosen_; });
  }
  const auto changes = workers_.Update(found, loop_.WallNow(), StartedAt);
  std::erase_if(watched_, [&](const auto& watched) {
    return std::none_of(found.begin(), found.end(),
                        [&](const auto& process) { return process.pid == watched.first; });
  });
  for (const FoundProcess& process : found) {
    if (!watched_.contains(process.pid)) Watch(process.pid);
  }
  Tell(changes);
}

void ProcessFollower::Watch(int pid) {
  Watched& watched = watched_[pid];
  watched.pidfd = Fd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
  if (!watched.pidfd.valid()) return;
  watched.ended = loop_.OnReadable(watched.pidfd.get(), [this, pid] {
    // Until it is reaped it can be read; once is enough.
    watched_[pid].ended.reset();
    if (!soon_) soon_ = loop_.After(std::chrono::nanoseconds(0), [this] { Look(); });
  });
}

void ProcessFollower::Say(const std::string& text) {
  if (std::exchange(said_, text) != text) std::fprintf(stderr, "%s\n", text.c_str());
}

void ProcessFollower::Tell(const AttachedWorkers::Changes& changes) {
  const Wall now = loop_.WallNow();
  for (const int slot : changes.dropped)
    sidecar_.OnWorkerGone(app_, slot);
  for (const int slot : changes.ended) {
    sidecar_.OnFact({FactId::kWorkerExited, now, app_, slot, {{"why", "ended, nobody saw how"}}});
    if (const WorkerStatus* worker = workers_.Find(slot)) sidecar_.OnWorker(app_, *worker);
    std::fprintf(stderr, "%s:%d has ended\n", app_.c_str(), slot);
  }
  for (const int slot : changes.started) {
    const WorkerStatus& worker = *workers_.Find(slot);
    sidecar_.OnWorker(app_, worker);
    sidecar_.OnFact(
        {FactId::kWorkerStarted, now, app_, slot, {{"pid", std::to_string(worker.pid)}}});
    sidecar_.OnFact({FactId::kWorkerOnline, now, app_, slot, {}});
    std::fprintf(stderr, "%s:%d is process %d\n", app_.c_str(), slot, worker.pid);
    said_.clear();
  }
}

}  // namespace tend::supervisor
