// How a worker comes up, and how it gives its place to another.
#include <algorithm>
#include <utility>

#include "base/utf8.h"
#include "supervisor/worker.h"

namespace tend::supervisor {
namespace {

using std::chrono::nanoseconds;

constexpr std::size_t kStatusMax = 200;  // bytes of STATUS= that are kept

std::string PlainText(std::string_view text) {
  // Cut in the middle of a character it may end with half of one.
  while (!text.empty() && !IsUtf8(text))
    text.remove_suffix(1);
  std::string plain(text);
  for (char& c : plain) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = ' ';
  }
  return plain;
}

}  // namespace

void Worker::AwaitReady() {
  const Readiness readiness = ReadinessOf(*app_);
  SetDeadline(readiness.patience, readiness.by == ReadyBy::kUptime ? Cause::kReady : Cause::kLate);
  Save();
}

void Worker::OnReady(ReadyBy seen) {
  if (!has_process() || record_.leader_gone != 0) return;
  if (record_.state != WorkerState::kStarting) return;
  if (IsReadyBy(ReadinessOf(*app_).by, seen)) Fire(Cause::kReady);
}

void Worker::Overdue() {
  const Readiness readiness = ReadinessOf(*app_);
  // A cluster's worker need not be a server; but one whose app has a port should use it.
  const bool no_server = readiness.by == ReadyBy::kListening && !context_.ports.HasAny(app_->name);
  if (no_server) return Fire(Cause::kReady);
  note_ = WhyLate(readiness);
  State(FactId::kWorkerLate, {{"pid", std::to_string(record_.pid)}, {"why", note_}});
  context_.listener.OnLate(*this, note_);
  if (readiness.late_is_restarted && record_.role == WorkerRole::kActive) {
    Restart(RestartReason::kReadyTimeout);
  }
}

void Worker::Demote() {
  record_.role = WorkerRole::kRetiring;
  Save();
}

void Worker::Retire() {
  Fire(Cause::kRetire);
}

// Its last responses tell their clients to go; then its servers close; and when nobody is connected
// any more, or that takes too long, it is told to end.
void Worker::Drain() {
  const std::uint64_t id = record_.incarnation;
  record_.draining = 1;
  watchdog_.reset();
  context_.ports.Drain(id);
  const bool cluster = app_->exec_mode == config::ExecMode::kCluster && record_.pipes[3] != 0;
  const nanoseconds drain = app_->reload.drain;
  const nanoseconds closing = cluster ? app_->kill_timeout : nanoseconds(0);
  SetDeadline(drain + closing, Cause::kDrained);
  if (!cluster) return;
  drain_ = context_.loop.After(drain, [this, id] { context_.ports.Disconnect(id); });
}

void Worker::OnDisconnected() {
  if (record_.state != WorkerState::kStopping || !drain_) return;
  SetDeadline(kLinger, Cause::kDrained);
}

void Worker::TakeOver(Worker& old, RestartReason reason) {
  TEND_CHECK(record_.role == WorkerRole::kCandidate);
  record_.id = old.record_.id;
  record_.starts += old.record_.starts;
  record_.forced_kills += old.record_.forced_kills;
  record_.restarts = old.record_.restarts;
  ++record_.restarts[static_cast<std::size_t>(reason)];
  record_.has_last_exit = old.record_.has_last_exit;
  record_.exit_known = old.record_.exit_known;
  record_.exit_code = old.record_.exit_code;
  record_.exit_signal = old.record_.exit_signal;
  record_.exit_wall = old.record_.exit_wall;
  record_.role = WorkerRole::kActive;
  // In this order: a core after us takes the younger of two active ones.
  Save();
  old.Demote();
  context_.ports.Release(record_.incarnation);
}

void Worker::FeedWatchdog(nanoseconds more) {
  const nanoseconds limit = app_->health.watchdog;
  if (limit <= nanoseconds(0) || record_.state != WorkerState::kOnline) return;
  watchdog_ = context_.loop.After(limit + more, [this, limit] {
    RestartUnresponsive("no WATCHDOG=1 for " + FormatDuration(limit));
  });
}

void Worker::RestartUnresponsive(const std::string& why) {
  if (record_.state != WorkerState::kOnline) return;
  // One that is to replace another has failed with that.
  if (record_.role != WorkerRole::kActive) return context_.listener.OnLate(*this, why);
  State(FactId::kRestartAsked,
        {{"reason", std::string(Name(RestartReason::kUnresponsive))}, {"why", why}});
  Restart(RestartReason::kUnresponsive);
}

void Worker::OnNotify(std::string_view message) {
  std::string said = said_;
  while (!message.empty()) {
    const std::string_view line = message.substr(0, message.find('\n'));
    message.remove_prefix(std::min(line.size() + 1, message.size()));
    if (line == "READY=1") {
      OnReady(ReadyBy::kWord);
    } else if (line == "WATCHDOG=1") {
      FeedWatchdog();
    } else if (line == "WATCHDOG=trigger") {
      RestartUnresponsive("it said WATCHDOG=trigger");
    } else if (line.starts_with("STATUS=")) {
      said = PlainText(line.substr(7, kStatusMax));
    }
  }
  if (said == said_) return;
  said_ = said;
  context_.listener.OnChanged(*this);
}

}  // namespace tend::supervisor
