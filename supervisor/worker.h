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
#include "supervisor/processes.h"
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
  virtual void OnFact(Fact fact) = 0;
};

// What a worker works with. All outlive it.
struct WorkerContext {
  Loop& loop;
  Processes& processes;
  DescriptorStore& store;
  StateFile& state;
  StartLimiter& starts;
  WorkerListener& listener;
  // The newest record of the exit journal.
  std::function<std::uint64_t()> journal_head;
};

// An ended process that no journal told of is given up after this long.
inline constexpr std::chrono::nanoseconds kJournalGrace = std::chrono::milliseconds(100);
// How long a program has to run until it counts as up.
inline constexpr std::chrono::nanoseconds kReadyAfter = std::chrono::seconds(1);

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
  // The configuration of the next start.
  void Configure(std::shared_ptr<const config::AppConfig> app) { app_ = std::move(app); }
  void ResetCounters();
  // Errc::kNotFound when no process runs.
  Result<> Signal(int number);

  // The process, pid(), was seen to end by the keeper.
  void OnExit(const ExitStatus& exit);
  // The keeper's journal has lost records: an end may have been among them.
  void OnExitsLost();
  // Goes on from the record of a core before us. `pidfd` is what the store had for it, may be
  // invalid; `exit` is what the journal had.
  void Resume(Fd pidfd, std::optional<ExitStatus> exit);

  const config::AppConfig& app() const { return *app_; }
  int slot() const { return record_.slot; }
  int id() const { return record_.id; }
  int pid() const { return record_.pid; }
  std::size_t index() const { return index_; }
  std::uint64_t journal_before() const { return record_.journal_before; }
  std::uint64_t incarnation() const { return record_.incarnation; }
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
  Result<> LaunchProcess();
  void OnReport();
  void NoteExecFailure(const ExecFailure& failure);
  std::string ExecFailureText() const;

  // The processes of a core before us (worker_resume.cc).
  void ResumeProcess(std::optional<ExitStatus> exit);
  void ResumeWithoutProcess();
  void AdoptCold();
  void AwaitJournal();
  ExitStatus HowItEnded() const;

  WorkerContext& context_;
  std::shared_ptr<const config::AppConfig> app_;
  const std::size_t index_;
  WorkerRecord record_;
  std::string note_;
  Fd pidfd_, report_;
  Loop::Watch report_watch_, pidfd_watch_;
  Loop::Watch deadline_;  // of the state
  Loop::Watch poll_;      // for survivors of the tree
  Loop::Watch journal_;   // for how it ended; whatever else is asked meanwhile
  std::chrono::nanoseconds poll_delay_ = kSurvivorPoll;
  Loop::Watch sweep_;

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
