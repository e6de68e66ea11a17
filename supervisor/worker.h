// One worker: a slot of an app and the processes that live in it, one after the other. It runs the
// table of transitions.h; owns pid, pidfd and deadlines of the running process; and keeps all that
// a core after it must know in its record of the state file.
//
// A spawn tells the sidecar the incarnation, puts the pipes into the keeper's store, prepares the
// process, records it, puts its pidfd, and only then lets it execute. The way from an exit to the
// next spawn has no file, no wait and no report in it; what is to be told is told afterwards.
//
// Thread: the loop's.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/descriptor_store.h"
#include "base/fact.h"
#include "base/loop.h"
#include "base/status.h"
#include "config/config.h"
#include "supervisor/backoff.h"
#include "supervisor/ports/worker_ports.h"
#include "supervisor/processes.h"
#include "supervisor/readiness.h"
#include "supervisor/state_file.h"
#include "supervisor/transitions.h"

namespace tend::supervisor {

class Worker;

// How one life ended, for whoever waits for it.
struct LifeEnd {
  std::uint64_t incarnation = 0;
  ExitStatus exit;
  bool asked = false;       // it was told to end
  bool was_online = false;  // it had come up
  bool final = false;       // it ended as its configuration wants it to, and is not started again
  std::string why;          // for people: "exit code 1", "cannot execute /srv/x: Permission denied"
};

class WorkerListener {
 public:
  WorkerListener() = default;
  WorkerListener(const WorkerListener&) = delete;
  WorkerListener& operator=(const WorkerListener&) = delete;
  virtual ~WorkerListener() = default;
  // Before the pipes of a new incarnation are put.
  virtual void OnIncarnation(const Worker& worker) = 0;
  virtual void OnLifeEnd(const Worker& worker, const LifeEnd& end) = 0;
  // The process of `incarnation` is gone. Its pipes may be drained and closed.
  virtual void OnEnded(const Worker& worker, std::uint64_t incarnation) = 0;
  virtual void OnChanged(const Worker& worker) = 0;
  // It is not up in its time, and goes on.
  virtual void OnLate(const Worker& worker, const std::string& why) = 0;
  virtual void OnFact(Fact fact) = 0;
};

// What a worker works with. All outlive it.
struct WorkerContext {
  Loop& loop;
  Processes& processes;
  DescriptorStore& store;
  StateFile& state;
  StartLimiter& starts;
  WorkerPorts& ports;
  WorkerListener& listener;
  std::string notify_socket;  // NOTIFY_SOCKET of its processes; "": none
  // The newest record of the exit journal.
  std::function<std::uint64_t()> journal_head;
};

// An ended process that no journal told of is given up after this long.
inline constexpr std::chrono::nanoseconds kJournalGrace = std::chrono::milliseconds(100);
// A worker whose connections are all gone has so long to end by itself.
inline constexpr std::chrono::nanoseconds kLinger = std::chrono::milliseconds(200);

// The first of the growing waits for the rest of a tree.
inline constexpr std::chrono::nanoseconds kSurvivorPoll = std::chrono::milliseconds(2);

class Worker {
 public:
  // `index` is the place of `record` in the state file.
  Worker(WorkerContext& context,
         std::shared_ptr<const config::AppConfig> app,
         std::size_t index,
         const WorkerRecord& record);
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  void Start();
  void Stop();
  // A new process: at once if there is none, else when the present one has ended.
  void Restart(RestartReason reason);
  // Its place was taken (TakeOver): it finishes what it does, and ends.
  void Retire();
  // Its place is another's.
  void Demote();
  // Takes the place of `old`, and what is counted there. From now on it takes connections.
  // REQUIRES: role() is kCandidate.
  void TakeOver(Worker& old, RestartReason reason);
  // Something that may make it ready was seen.
  void OnReady(ReadyBy seen);
  // Its program closed Node's channel.
  void OnDisconnected();
  // A message of sd_notify: "READY=1", "STATUS=…", "WATCHDOG=1", one a line.
  void OnNotify(std::string_view message);
  // The configuration of the next start.
  void Configure(std::shared_ptr<const config::AppConfig> app) { app_ = std::move(app); }
  void ResetCounters();
  // Errc::kNotFound when no process runs.
  Result<> Signal(int number);

  // The process, pid(), was seen to end by the keeper.
  void OnExit(const ExitStatus& exit);
  // The keeper's journal has lost records: an end may have been among them.
  void OnExitsLost();
  // What the keeper's store had for a worker; either may be invalid.
  struct Kept {
    Fd pidfd, channel;
  };
  // Goes on from the record of a core before us. `exit` is what the journal had.
  void Resume(Kept kept, std::optional<ExitStatus> exit);

  const config::AppConfig& app() const { return *app_; }
  int slot() const { return record_.slot; }
  int id() const { return record_.id; }
  int pid() const { return record_.pid; }
  std::size_t index() const { return index_; }
  std::uint64_t journal_before() const { return record_.journal_before; }
  std::uint64_t incarnation() const { return record_.incarnation; }
  WorkerRole role() const { return record_.role; }
  WorkerState state() const { return record_.state; }
  bool has_process() const { return record_.pid != 0; }
  const std::string& note() const { return note_; }
  WorkerStatus Status() const;
  WorkerRef Ref() const { return {app_->name, record_.slot, record_.incarnation}; }

 private:
  // The table (worker.cc).
  void Fire(Cause cause);
  void Settle();
  void Perform(Action action);
  void Terminate();
  void Drain();
  void Overdue();
  void FeedWatchdog(std::chrono::nanoseconds more = {});
  void RestartUnresponsive(const std::string& why);
  void Kill();
  void CheckSurvivors();
  void Judge();
  void GiveUp();
  void CloseLife();
  void TellEnd();
  void SweepTree(int pid, std::uint64_t start_time, std::chrono::nanoseconds again);
  void SetDeadline(std::chrono::nanoseconds delay, Cause cause);
  void ArmDeadline(Cause cause);
  void State(FactId id, std::vector<std::pair<std::string, std::string>> fields);
  void Save() { context_.state.Write(index_, record_); }
  bool IsEnding() const;
  std::chrono::nanoseconds Uptime() const;
  ExitStatus LastExit() const;

  // A new process (worker_launch.cc).
  void Spawn();
  void Launch();
  // The worker's ends of what LaunchProcess makes; closed when it is done.
  struct Ends {
    Pipe out, err, telemetry;
    SocketPair channel;
  };
  Result<> LaunchProcess();
  Result<> MakeEnds(LaunchSpec& spec, Ends& ends);
  void AttachChannel(Fd channel);
  void AwaitReady();
  void OnReport();
  std::string ExecFailureText() const;

  // The processes of a core before us (worker_resume.cc).
  void ResumeProcess(std::optional<ExitStatus> exit);
  void ResumeWithoutProcess();
  void AdoptCold();
  Result<> AdoptChannel();
  void AwaitJournal();
  ExitStatus HowItEnded() const;

  WorkerContext& context_;
  std::shared_ptr<const config::AppConfig> app_;
  const std::size_t index_;
  WorkerRecord record_;
  std::string note_;
  std::string said_;  // STATUS= of sd_notify
  Fd pidfd_, report_;
  Loop::Watch report_watch_, pidfd_watch_;
  Loop::Watch deadline_;  // of the state
  Loop::Watch poll_;      // for survivors of the tree
  Loop::Watch journal_;   // for how it ended; whatever else is asked meanwhile
  std::chrono::nanoseconds poll_delay_ = kSurvivorPoll;
  Loop::Watch sweep_;
  Loop::Watch drain_;  // a step of it, before the deadline
  Loop::Watch watchdog_;

  // The life that just ended, until it is told.
  struct Ended {
    LifeEnd end;
    std::chrono::nanoseconds uptime{0};
    int pid = 0;
    std::uint64_t start_time = 0;
    bool executed = true;
    std::string then;  // what is done about it
  };
  std::optional<Ended> ended_;
  std::vector<Fact> facts_;   // told when the table has come to rest
  bool forced_ = false;       // SIGKILL was sent to this life
  bool uncommitted_ = false;  // adopted before it was let go: it leaves by itself
  int depth_ = 0;
};

}  // namespace tend::supervisor
