#include "supervisor/worker.h"

#include <signal.h>

#include <algorithm>
#include <utility>

#include "supervisor/adoption.h"

namespace tend::supervisor {
namespace {

using std::chrono::milliseconds;
using std::chrono::nanoseconds;

constexpr nanoseconds kPollMax = milliseconds(100);
constexpr nanoseconds kSweepMax = std::chrono::seconds(10);
// SIGKILL is sent again to what did not go, as when a process was forked meanwhile.
constexpr nanoseconds kKillAgain = std::chrono::seconds(1);

std::int64_t ToCount(Mono time) {
  return std::chrono::duration_cast<nanoseconds>(time.time_since_epoch()).count();
}

Wall ToWall(std::int64_t count) {
  return Wall(nanoseconds(count));
}

}  // namespace

Worker::Worker(WorkerContext& context,
               std::shared_ptr<const config::AppConfig> app,
               std::size_t index,
               const WorkerRecord& record)
    : context_(context), app_(std::move(app)), index_(index), record_(record) {}

void Worker::Start() {
  if (!has_process()) record_.consecutive_failures = 0;
  if (!has_process()) record_.backoff_delay = 0;
  Fire(Cause::kStart);
}

void Worker::Stop() {
  Fire(Cause::kStop);
  // Who says so does not want to wait for its connections.
  if (record_.draining != 0) Fire(Cause::kDrained);
}

void Worker::Restart(RestartReason reason) {
  record_.consecutive_failures = 0;
  record_.backoff_delay = 0;
  if (has_process() && record_.next_reason == 0) {
    record_.next_reason = static_cast<std::uint8_t>(static_cast<int>(reason) + 1);
  }
  Fire(Cause::kRestart);
}

void Worker::ResetCounters() {
  record_.restarts = {};
  record_.forced_kills = 0;
  record_.consecutive_failures = 0;
  Save();
  context_.listener.OnChanged(*this);
}

Result<> Worker::Signal(int number) {
  const bool sent = has_process() && !record_.leader_gone &&
                    context_.processes.Signal(record_.pid, record_.start_time, number, false) > 0;
  if (!sent) return Error(Errc::kNotFound, Ref().Name() + " has no running process");
  return {};
}

void Worker::Fire(Cause cause) {
  const WorkerState from = record_.state;
  const Step step = Next(from, cause);
  const bool was_ending = IsEnding();
  record_.state = step.to;
  // Ending in another way keeps the deadline that runs.
  if (step.to != from && !(was_ending && IsEnding())) {
    deadline_.reset();
    poll_.reset();
    record_.deadline_mono = 0;
  }
  ++depth_;
  Perform(step.action);
  if (--depth_ == 0) Settle();
}

void Worker::Settle() {
  Save();
  TellEnd();
  for (Fact& fact : std::exchange(facts_, {}))
    context_.listener.OnFact(std::move(fact));
  context_.listener.OnChanged(*this);
}

void Worker::Perform(Action action) {
  switch (action) {
    case Action::kNone:
    case Action::kCount:
      return;
    case Action::kSpawn:
      return Spawn();
    case Action::kTerminate:
      return Terminate();
    case Action::kDrain:
      return Drain();
    case Action::kKill:
      return Kill();
    case Action::kAnnounce:
      note_.clear();
      uncommitted_ = false;
      FeedWatchdog(app_->health.grace);
      return State(FactId::kWorkerOnline, {});
    case Action::kOverdue:
      return Overdue();
    case Action::kJudge:
      return Judge();
    case Action::kRest:
      record_.next_reason = 0;
      record_.consecutive_failures = 0;
      note_.clear();
      return;
    case Action::kGiveUp:
      return GiveUp();
  }
}

void Worker::Terminate() {
  // It was waiting for its turn to start.
  if (!has_process()) return Fire(Cause::kExited);
  drain_.reset();
  watchdog_.reset();
  record_.draining = 0;
  SetDeadline(app_->kill_timeout, Cause::kKillTimeout);
  // Before the signal: a core after us must not take this end for a crash.
  Save();
  context_.ports.Leaving(record_.incarnation);
  if (app_->shutdown_with_message &&
      context_.ports.Send(record_.incarnation, "\"shutdown\"").has_value()) {
    return;
  }
  context_.processes.Signal(record_.pid, record_.start_time, app_->kill_signal, app_->treekill);
}

void Worker::Kill() {
  if (!std::exchange(forced_, true)) {
    ++record_.forced_kills;
    State(FactId::kWorkerForceKilled,
          {{"pid", std::to_string(record_.pid)},
           {"after", FormatDuration(app_->kill_timeout)},
           {"what", record_.leader_gone != 0 ? "left-over processes" : "worker"}});
  }
  SetDeadline(kKillAgain, Cause::kKillTimeout);
  context_.processes.Signal(record_.pid, record_.start_time, SIGKILL, app_->treekill);
}

void Worker::OnExit(const ExitStatus& exit) {
  journal_.reset();
  if (!has_process() || record_.leader_gone != 0) return;
  if (report_.valid()) OnReport();
  record_.has_last_exit = 1;
  record_.exit_known = exit.known ? 1 : 0;
  record_.exit_code = exit.code.value_or(-1);
  record_.exit_signal = exit.signal.value_or(0);
  record_.exit_wall = exit.time.time_since_epoch().count();
  record_.leader_gone = 1;
  if (IsEnding()) {
    Save();
    poll_delay_ = kSurvivorPoll;
    return CheckSurvivors();
  }
  CloseLife();
  Fire(ended_->executed ? Cause::kExited : Cause::kExecFailed);
}

void Worker::CheckSurvivors() {
  if (app_->treekill && context_.processes.SurvivorCount(record_.pid, record_.start_time) > 0) {
    poll_ = context_.loop.After(poll_delay_, [this] { CheckSurvivors(); });
    poll_delay_ = std::min(poll_delay_ * 2, kPollMax);
    return;
  }
  CloseLife();
  Fire(Cause::kExited);
}

// The process, and what we waited for of its tree, is gone: the record has none any more.
void Worker::CloseLife() {
  Ended ended;
  ended.end.incarnation = record_.incarnation;
  ended.end.exit = LastExit();
  ended.end.asked = IsEnding();
  ended.end.was_online = record_.state == WorkerState::kOnline;
  ended.executed = record_.exec_error == 0;
  ended.end.why = ended.executed ? Describe(ended.end.exit) : ExecFailureText();
  ended.uptime = Uptime();
  ended.pid = record_.pid;
  ended.start_time = record_.start_time;
  ended_ = std::move(ended);
  context_.state.NoteEnded(Ref());
  record_.pid = 0;
  record_.start_time = 0;
  record_.leader_gone = 0;
  record_.committed = 0;
  record_.draining = 0;
  drain_.reset();
  watchdog_.reset();
  said_.clear();
  context_.ports.Detach(record_.incarnation);
  report_watch_.reset();
  pidfd_watch_.reset();
  report_.Reset();
  pidfd_.Reset();
}

void Worker::Judge() {
  TEND_CHECK(ended_.has_value());
  // A reload decides what becomes of the slot.
  if (record_.role != WorkerRole::kActive) return Fire(Cause::kFinished);
  if (std::exchange(uncommitted_, false)) return Fire(Cause::kAgain);
  FailureHistory history{record_.consecutive_failures, nanoseconds(record_.backoff_delay)};
  const EndedLife life{ended_->uptime, ended_->end.exit, ended_->executed};
  const Verdict verdict = supervisor::Judge(*app_, life, history);
  record_.consecutive_failures = history.consecutive;
  record_.backoff_delay = history.delay.count();
  switch (verdict.kind) {
    case Verdict::Kind::kGaveUp:
      ended_->then = "given up";
      return Fire(Cause::kGaveUp);
    case Verdict::Kind::kFinished:
      ended_->then = "finished";
      // With autorestart it was one of stop_exit_codes.
      ended_->end.final = app_->autorestart || ended_->end.exit.ok();
      record_.next_reason = 0;
      return Fire(Cause::kFinished);
    case Verdict::Kind::kAgain:
      break;
  }
  record_.next_reason = static_cast<std::uint8_t>(static_cast<int>(verdict.reason) + 1);
  if (verdict.delay <= nanoseconds(0)) {
    ended_->then = "restart";
    return Fire(Cause::kAgain);
  }
  ended_->then = "restart in " + FormatDuration(verdict.delay);
  note_ = ended_->end.why;
  SetDeadline(verdict.delay, Cause::kAgain);
}

void Worker::GiveUp() {
  const std::string why = ended_ ? ended_->end.why : note_;
  const std::string failures = std::to_string(record_.consecutive_failures);
  note_ = "gave up after " + failures +
          (record_.consecutive_failures == 1 ? " failed start: " : " failed starts in a row: ") +
          why;
  record_.next_reason = 0;
  State(FactId::kWorkerErrored, {{"failures", failures}, {"why", why}});
}

// After the next process was let go, so that nothing of this delays it.
void Worker::TellEnd() {
  if (!ended_) return;
  const Ended ended = *std::exchange(ended_, std::nullopt);
  const LifeEnd& end = ended.end;
  context_.store.Drop(StoreKind::kPidfd, end.incarnation);
  context_.store.Drop(StoreKind::kChannel, end.incarnation);
  std::vector<std::pair<std::string, std::string>> fields;
  if (ended.executed && end.exit.code) fields.emplace_back("code", std::to_string(*end.exit.code));
  if (ended.executed && end.exit.signal)
    fields.emplace_back("signal", SignalName(*end.exit.signal));
  fields.emplace_back("why", end.why);
  fields.emplace_back("uptime", FormatDuration(std::chrono::floor<milliseconds>(ended.uptime)));
  if (!ended.then.empty()) fields.emplace_back("then", ended.then);
  const FactId id = end.asked        ? FactId::kWorkerStopped
                    : ended.executed ? FactId::kWorkerExited
                                     : FactId::kWorkerSpawnFailed;
  context_.listener.OnFact(
      {id, context_.loop.WallNow(), app_->name, record_.slot, std::move(fields)});
  context_.listener.OnLifeEnd(*this, end);
  context_.listener.OnEnded(*this, end.incarnation);
  if (end.asked || ended.pid == 0 || !app_->treekill) return;
  SweepTree(ended.pid, ended.start_time, kPollMax);
}

// What a worker that died by itself left behind would hold its ports against its successor.
void Worker::SweepTree(int pid, std::uint64_t start_time, nanoseconds again) {
  if (context_.processes.SurvivorCount(pid, start_time) == 0) return;
  context_.processes.Signal(pid, start_time, SIGKILL, true);
  sweep_ = context_.loop.After(again, [this, pid, start_time, again] {
    SweepTree(pid, start_time, std::min(again * 2, kSweepMax));
  });
}

void Worker::SetDeadline(nanoseconds delay, Cause cause) {
  record_.deadline_mono = ToCount(context_.loop.Now() + delay);
  deadline_ = context_.loop.After(delay, [this, cause] { Fire(cause); });
}

void Worker::ArmDeadline(Cause cause) {
  const nanoseconds left(record_.deadline_mono - ToCount(context_.loop.Now()));
  deadline_ = context_.loop.After(std::max(left, nanoseconds(0)), [this, cause] { Fire(cause); });
}

void Worker::State(FactId id, std::vector<std::pair<std::string, std::string>> fields) {
  facts_.push_back({id, context_.loop.WallNow(), app_->name, record_.slot, std::move(fields)});
}

bool Worker::IsEnding() const {
  return record_.state == WorkerState::kStopping || record_.state == WorkerState::kReloading;
}

nanoseconds Worker::Uptime() const {
  return nanoseconds(
      std::max<std::int64_t>(0, ToCount(context_.loop.Now()) - record_.started_mono));
}

ExitStatus Worker::LastExit() const {
  ExitStatus exit;
  exit.known = record_.exit_known != 0;
  if (exit.known && record_.exit_signal != 0) exit.signal = record_.exit_signal;
  if (exit.known && record_.exit_signal == 0) exit.code = record_.exit_code;
  exit.time = ToWall(record_.exit_wall);
  return exit;
}

WorkerStatus Worker::Status() const {
  WorkerStatus status;
  status.id = record_.id;
  status.slot = record_.slot;
  status.pid = record_.pid;
  status.incarnation = record_.incarnation;
  status.state = record_.state;
  status.starts = record_.starts;
  std::copy(record_.restarts.begin(), record_.restarts.end(), status.restarts_by_reason.begin());
  const bool stable = record_.state == WorkerState::kOnline && Uptime() >= app_->min_uptime;
  status.consecutive_failures = stable ? 0 : record_.consecutive_failures;
  if (record_.state == WorkerState::kBackoff) {
    const nanoseconds left(record_.deadline_mono - ToCount(context_.loop.Now()));
    status.backoff_seconds = std::max(0.0, std::chrono::duration<double>(left).count());
  }
  if (has_process()) status.started = ToWall(record_.started_wall);
  if (record_.has_last_exit != 0) status.last_exit = LastExit();
  status.forced_kills = record_.forced_kills;
  status.note = note_.empty() ? said_ : note_;
  return status;
}

}  // namespace tend::supervisor
