// A worker whose process, or whose wait, began under a core before us.
#include <utility>

#include "supervisor/adoption.h"
#include "supervisor/worker.h"

namespace tend::supervisor {

void Worker::Resume(Kept kept, std::optional<ExitStatus> exit) {
  pidfd_ = std::move(kept.pidfd);
  if (record_.exec_error != 0) note_ = ExecFailureText();
  if (has_process() && !exit) AttachChannel(std::move(kept.channel));
  if (has_process()) return ResumeProcess(std::move(exit));
  pidfd_.Reset();
  if (record_.role == WorkerRole::kActive) return ResumeWithoutProcess();
  record_.state = WorkerState::kStopped;
  Save();
}

void Worker::ResumeProcess(std::optional<ExitStatus> exit) {
  if (IsEnding()) ArmDeadline(Cause::kKillTimeout);
  if (record_.leader_gone != 0) return CheckSurvivors();
  if (record_.state == WorkerState::kStarting && record_.committed == 0) uncommitted_ = true;
  if (exit) return OnExit(*exit);
  if (!context_.processes.IsAlive(record_.pid, record_.start_time)) {
    // Without a pidfd in the store its keeper is gone, and will not say how it ended.
    return pidfd_.valid() ? AwaitJournal() : OnExit(HowItEnded());
  }
  if (!pidfd_.valid()) AdoptCold();
  // How far it had come with its work is not known.
  if (IsEnding()) return record_.draining != 0 ? Drain() : void();
  if (record_.role == WorkerRole::kActive) context_.ports.Release(record_.incarnation);
  // Either it was let go, or it leaves by itself.
  if (uncommitted_) return AwaitReady();
  if (record_.state != WorkerState::kStarting) {
    record_.state = WorkerState::kOnline;
    return FeedWatchdog();
  }
  if (record_.exec_error != 0) return;  // Its exit is on its way.
  // Whether it was executed was told to the core before us, if at all.
  if (record_.deadline_mono == 0) return AwaitReady();
  ArmDeadline(ReadinessOf(*app_).by == ReadyBy::kUptime ? Cause::kReady : Cause::kLate);
}

void Worker::ResumeWithoutProcess() {
  switch (record_.state) {
    case WorkerState::kStopping:
      return Fire(Cause::kExited);
    case WorkerState::kBackoff:
      return ArmDeadline(Cause::kAgain);
    case WorkerState::kStarting:
    case WorkerState::kReloading:
    case WorkerState::kOnline:
      // It was to be started, and was not yet.
      record_.state = WorkerState::kBackoff;
      return Fire(Cause::kAgain);
    case WorkerState::kStopped:
    case WorkerState::kErrored:
      return;
  }
}

// The keeper that was its parent is gone, and with it the store.
void Worker::AdoptCold() {
  auto pidfd = OpenPidfd(record_.pid);
  if (!pidfd || !context_.processes.IsAlive(record_.pid, record_.start_time)) {
    return AwaitJournal();
  }
  pidfd_ = *std::move(pidfd);
  struct End {
    StoreKind kind;
    int fd;
  };
  constexpr End kEnds[] = {{StoreKind::kStdout, 1},
                           {StoreKind::kStderr, 2},
                           {StoreKind::kTelemetry, kTelemetryFdInWorker}};
  std::string lost;
  for (std::size_t i = 0; i < std::size(kEnds); ++i) {
    if (record_.pipes[i] == 0) continue;
    const auto pipe = ReopenPipe(record_.pid, kEnds[i].fd, record_.pipes[i]);
    if (pipe) {
      const auto put = context_.store.Put(kEnds[i].kind, record_.incarnation, pipe->get());
      if (!put) lost = put.error().message();
    } else {
      lost = pipe.error().message();
    }
  }
  if (!lost.empty()) note_ = "some of its output cannot be read: " + lost;
  if (auto adopted = AdoptChannel(); !adopted) note_ = adopted.error().message();
  if (auto put = context_.store.Put(StoreKind::kPidfd, record_.incarnation, pidfd_.get()); !put) {
    note_ = put.error().message();
  }
  pidfd_watch_ = context_.loop.OnReadable(pidfd_.get(), [this] {
    pidfd_watch_.reset();
    AwaitJournal();
  });
}

// The spare that it has of our end (kChannelSpareFdInWorker).
Result<> Worker::AdoptChannel() {
  if (record_.pipes[3] == 0) return {};
  TRY(Fd channel, TakeDescriptor(pidfd_.get(), kChannelSpareFdInWorker, record_.pipes[3]));
  TRY_VOID(context_.store.Put(StoreKind::kChannel, record_.incarnation, channel.get()));
  AttachChannel(std::move(channel));
  return {};
}

void Worker::OnExitsLost() {
  if (!has_process() || record_.leader_gone != 0) return;
  if (!context_.processes.IsAlive(record_.pid, record_.start_time)) AwaitJournal();
}

// It has ended. If the keeper is its parent, how is about to come; if not, the kernel may tell.
void Worker::AwaitJournal() {
  journal_ = context_.loop.After(kJournalGrace, [this] { OnExit(HowItEnded()); });
}

ExitStatus Worker::HowItEnded() const {
  ExitStatus unknown;
  unknown.known = false;
  unknown.time = context_.loop.WallNow();
  const auto told = pidfd_.valid() ? AskHowItEnded(pidfd_.get()) : std::nullopt;
  return told.value_or(unknown);
}

}  // namespace tend::supervisor
