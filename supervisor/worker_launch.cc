// A worker's new process.
#include <cerrno>
#include <utility>

#include "supervisor/launch.h"
#include "supervisor/spawn.h"
#include "supervisor/worker.h"

namespace tend::supervisor {

using std::chrono::nanoseconds;

void Worker::Spawn() {
  const nanoseconds wait = context_.starts.Reserve(context_.loop.Now());
  if (wait <= nanoseconds(0)) return Launch();
  deadline_ = context_.loop.After(wait, [this] {
    ++depth_;
    Launch();
    --depth_;
    Settle();
  });
}

void Worker::Launch() {
  record_.incarnation = context_.state.TakeIncarnation();
  ++record_.starts;
  if (record_.next_reason != 0) ++record_.restarts[record_.next_reason - 1u];
  record_.next_reason = 0;
  record_.exec_error = 0;
  record_.exec_stage = 0;
  record_.started_wall = context_.loop.WallNow().time_since_epoch().count();
  record_.started_mono =
      std::chrono::duration_cast<nanoseconds>(context_.loop.Now().time_since_epoch()).count();
  forced_ = false;
  note_.clear();
  // The end before this one is told later, but under its own number.
  context_.listener.OnIncarnation(*this);
  const auto launched = LaunchProcess();
  if (launched) {
    State(FactId::kWorkerStarted, {{"pid", std::to_string(record_.pid)}});
    return;
  }
  note_ = launched.error().message();
  if (has_process()) {
    // It waits for a word that will not come, and leaves; its exit is journalled.
    record_.exec_error = EIO;
    return;
  }
  TellEnd();
  Ended ended;
  ended.end.incarnation = record_.incarnation;
  ended.end.exit.known = false;
  ended.end.exit.time = context_.loop.WallNow();
  ended.end.why = note_;
  ended.executed = false;
  ended_ = std::move(ended);
  Fire(Cause::kExecFailed);
}

Result<> Worker::MakeEnds(LaunchSpec& spec, Ends& ends) {
  uid_t owner = ::geteuid();
  if (!app_->uid.empty()) {
    TRY(const Account account, FindAccount(app_->uid, app_->gid));
    owner = account.uid;
  }
  TRY(ends.out, MakeWorkerPipe(owner));
  TRY(ends.err, MakeWorkerPipe(owner));
  spec.stdout_fd = ends.out.write.get();
  spec.stderr_fd = ends.err.write.get();
  if (WantsTelemetry(*app_)) {
    TRY(ends.telemetry, MakeWorkerPipe(owner, WriterMode::kNonBlocking));
    spec.telemetry_fd = ends.telemetry.write.get();
  }
  if (WantsChannel(*app_)) {
    TRY(ends.channel, NodeHost::MakeChannel());
    spec.channel_fd = ends.channel.second.get();
    spec.channel_spare_fd = ends.channel.first.get();
  }
  const bool cluster = app_->exec_mode == config::ExecMode::kCluster;
  // Also without any, so that those of an earlier configuration are known to be no longer wanted.
  TRY(std::vector<int> sockets, context_.ports.OpenConfigured(app_->name, app_->listen));
  if (!cluster) spec.listen_fds = std::move(sockets);
  return {};
}

Result<> Worker::LaunchProcess() {
  const LifeWords life{record_.incarnation, record_.role == WorkerRole::kCandidate,
                       context_.notify_socket};
  TRY(LaunchSpec spec, MakeLaunchSpec(*app_, record_.slot, record_.id, life));
  Ends ends;
  TRY_VOID(MakeEnds(spec, ends));
  const std::uint64_t id = record_.incarnation;
  const std::pair<StoreKind, int> kept[] = {{StoreKind::kStdout, ends.out.read.get()},
                                            {StoreKind::kStderr, ends.err.read.get()},
                                            {StoreKind::kTelemetry, ends.telemetry.read.get()},
                                            {StoreKind::kChannel, ends.channel.first.get()}};
  for (std::size_t i = 0; i < std::size(kept); ++i) {
    const auto [kind, fd] = kept[i];
    record_.pipes[i] = fd < 0 ? 0 : Inode(fd);
    if (fd >= 0) TRY_VOID(context_.store.Put(kind, id, fd));
  }

  record_.journal_before = context_.journal_head();
  TRY(Prepared prepared, context_.processes.Prepare(spec));
  record_.pid = prepared.pid;
  record_.start_time = prepared.start_time;
  record_.leader_gone = 0;
  record_.committed = 0;
  Save();
  // Without its place in the store a core after us finds the process by its record.
  if (auto put = context_.store.Put(StoreKind::kPidfd, id, prepared.pidfd.get()); !put) {
    note_ = put.error().message();
  }
  TRY_VOID(context_.processes.Commit(prepared));
  record_.committed = 1;
  Save();
  AttachChannel(std::move(ends.channel.first));
  pidfd_ = std::move(prepared.pidfd);
  report_ = std::move(prepared.report);
  report_watch_ = context_.loop.OnReadable(report_.get(), [this] { OnReport(); });
  return {};
}

void Worker::AttachChannel(Fd channel) {
  if (!channel.valid()) return;
  context_.ports.Attach({Ref(), record_.pid, app_->exec_mode == config::ExecMode::kCluster,
                         app_->balance, record_.role == WorkerRole::kCandidate},
                        std::move(channel));
}

void Worker::OnReport() {
  const auto report = context_.processes.ReadReport(report_.get());
  if (!report) return;
  report_watch_.reset();
  report_.Reset();
  if (report->stage != ExecStage::kNone) {
    record_.exec_stage = static_cast<std::uint8_t>(report->stage);
    record_.exec_error = report->error;
    note_ = ExecFailureText();
    Save();
    return;
  }
  if (record_.state == WorkerState::kStarting) AwaitReady();
}

std::string Worker::ExecFailureText() const {
  const auto why = [this](std::string doing) {
    return SysError(std::move(doing), record_.exec_error).message();
  };
  switch (static_cast<ExecStage>(record_.exec_stage)) {
    case ExecStage::kDirectory:
      return why("cannot enter the folder " + app_->cwd);
    case ExecStage::kUser:
      return why("cannot become user " + app_->uid);
    case ExecStage::kGroup:
      return why("cannot become group " + app_->gid);
    case ExecStage::kSession:
    case ExecStage::kDescriptors:
      return why("cannot prepare the process");
    case ExecStage::kNone:
    case ExecStage::kExec:
      break;
  }
  return why("cannot execute " + ProgramOf(*app_));
}

}  // namespace tend::supervisor
