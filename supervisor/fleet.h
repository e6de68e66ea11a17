// All apps and their workers, and the operations that a person may ask for. An operation becomes
// one job for each app that it touches; jobs of one app run one after the other (fleet_jobs.cc).
// Whoever waits holds a Ticket.
//
// What workers report is looked at in the next turn of the loop, never from inside a worker, so a
// job may remove workers.
//
// Owned by core_main. Thread: the loop's.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/control.h"
#include "base/exit_code.h"
#include "config/config.h"
#include "supervisor/exit_journal.h"
#include "supervisor/saved_apps.h"
#include "supervisor/state_file.h"
#include "supervisor/worker.h"

namespace tend::supervisor {

struct Outcome {
  ExitCode code = ExitCode::kOk;
  std::string error;  // for people; "" when kOk
};

// A worker that did not do what was asked.
struct Failure {
  std::string app;
  int slot = 0;
  LifeEnd end;
  int serving_pid = 0;  // of the process that it should have replaced; 0: none is there
};

// Collects what the jobs of one request come to. Its functions are called from the loop; they may
// be emptied when nobody waits any more.
class Ticket {
 public:
  std::function<void(const Failure&)> on_failed;
  std::function<void(const Outcome&)> on_done;  // once, when all jobs are over

  // Whoever hands out work holds the ticket open meanwhile, so that it is done only once.
  void Open() { ++open_; }
  void Fail(const Failure& failure);
  void Close(const Outcome& outcome);

 private:
  int open_ = 0;
  int failures_ = 0;
  Outcome worst_;
};
using TicketPtr = std::shared_ptr<Ticket>;

// Hears of everything that happens; the link to the sidecar, and clients that wait.
class FleetListener {
 public:
  FleetListener() = default;
  FleetListener(const FleetListener&) = delete;
  FleetListener& operator=(const FleetListener&) = delete;
  virtual ~FleetListener() = default;
  virtual void OnApp(const config::AppConfig& /*app*/) {}
  virtual void OnAppGone(const std::string& /*app*/) {}
  virtual void OnWorker(const std::string& /*app*/, const WorkerStatus& /*worker*/) {}
  virtual void OnWorkerGone(const std::string& /*app*/, int /*slot*/) {}
  // `port`: where it will listen, as far as that is known; else 0.
  virtual void OnIncarnation(const WorkerRef& /*worker*/, int /*port*/) {}
  virtual void OnEnded(std::uint64_t /*incarnation*/) {}
  // How far the replacement of a worker has come: its new process, or the old one, is now `what`.
  virtual void OnReplacing(const WorkerRef& /*worker*/, int /*pid*/, std::string_view /*what*/) {}
  // A worker's program sent a message over Node's channel (NodeHostListener).
  virtual void OnNodeMessage(const WorkerRef& /*worker*/,
                             std::string_view /*type*/,
                             std::string_view /*data*/) {}
  virtual void OnFact(const Fact& /*fact*/) {}
};

inline constexpr std::size_t kJobsPerAppMax = 32;

ExitStatus ToStatus(const ExitInfo& exit);

// What the fleet works with. All outlive it.
struct FleetParts {
  Loop& loop;
  Processes& processes;
  DescriptorStore& store;
  StateFile& state;
  SavedApps& saved;
  WorkerPorts& ports;
  std::string notify_socket;  // WorkerContext
  std::function<std::uint64_t()> journal_head;
};

class Fleet final : public NodeHostListener, private WorkerListener {
 public:
  explicit Fleet(FleetParts parts);
  ~Fleet() override;

  // Listeners outlive the fleet or are removed.
  void AddListener(FleetListener* listener) { listeners_.push_back(listener); }
  void RemoveListener(FleetListener* listener);

  // The one start path: goes on from the records of a core before us, from the saved apps and from
  // what the keeper's store had. `exits` are the journal's records that were not applied yet.
  // `start_wanted`: apps that are wanted are started although nothing of them was running.
  using Kept = std::map<std::uint64_t, Worker::Kept>;  // by incarnation
  void Recover(std::vector<SavedApp> saved,
               Kept kept,
               const std::vector<ExitInfo>& exits,
               bool start_wanted);
  void OnExit(const ExitInfo& exit);
  // Records of the journal were overwritten before they were read.
  void OnExitsLost();

  // Errc::kInvalid if one of them cannot be an app. Configurations are those of Resolve.
  static Result<> CheckApps(const std::vector<config::AppConfig>& apps);
  // Adds or updates the apps and starts them. REQUIRES: CheckApps(apps)
  struct StartHow {
    // What becomes of workers whose configuration is as before.
    enum class Same : std::uint8_t { kLeave, kRestart, kReload } same = Same::kLeave;
    bool renew_environment = false;  // what they inherited is no reason by itself
  };
  void StartApps(std::vector<config::AppConfig> apps, const TicketPtr& ticket, StartHow how);
  // Errc::kNotFound, with a hint, when a selector names nothing. "all" may be nobody.
  Result<std::vector<Selected>> Select(const std::vector<std::string>& selectors) const;
  using Environment = std::map<std::string, std::string>;
  void Start(const std::vector<Selected>& what, const TicketPtr& ticket);
  void Stop(const std::vector<Selected>& what, const TicketPtr& ticket);
  // `update` replaces what the app inherited from who started it.
  void Restart(const std::vector<Selected>& what,
               const std::optional<Environment>& update,
               const TicketPtr& ticket);
  // As Restart, but no worker ends before its successor is up, where both can run at a time
  // (Overlap); where not, one by one. Ends at the first one that does not come up, with the
  // configuration that was before. First one worker alone, then as many as `reload` says at once.
  void Reload(const std::vector<Selected>& what,
              const std::optional<Environment>& update,
              const TicketPtr& ticket);
  // `instances`: "4", "+2", "-1".
  void Scale(const std::vector<Selected>& what,
             const std::string& instances,
             const TicketPtr& ticket);
  // Reloads with the configuration that was before the last change.
  void Rollback(const std::vector<Selected>& what, const TicketPtr& ticket);
  // Errc::kInvalid if it names some of an app's workers only.
  Result<> CheckWhole(const std::vector<Selected>& what) const;
  // REQUIRES: CheckWhole(what)
  void Delete(const std::vector<Selected>& what, const TicketPtr& ticket);
  void Resurrect(const TicketPtr& ticket);
  void Reset(const std::vector<Selected>& what);
  Result<> Signal(const std::vector<Selected>& what, int number);
  // Sends one JSON value to Node programs. Returns the incarnations that have got it;
  // Errc::kNotFound: none.
  Result<std::set<std::uint64_t>> Message(const std::vector<Selected>& what, std::string_view json);

  // What the sidecar saw. Incarnations that are gone are passed over.
  void OnProbedReady(std::uint64_t incarnation);
  void RestartSick(std::uint64_t incarnation, RestartReason reason, const std::string& why);
  void RestartApp(const std::string& app, RestartReason reason, const std::string& why);
  Result<> Inject(std::uint64_t incarnation, Fd connection, NodeHost::InjectAt at);
  // A message of sd_notify from a process whose session leader may be a worker.
  void OnNotify(int pid, int session, std::string_view message);
  // NodeHostListener.
  void OnWord(std::uint64_t incarnation, NodeWord word) override;
  void OnNodeMessage(const WorkerRef& worker,
                     std::string_view type,
                     std::string_view data) override;
  void OnFact(Fact fact) override;

  Result<> Save();
  // Ends all workers; the saved apps stay as they are. Nothing else is accepted from now on.
  void Shutdown(const TicketPtr& ticket);
  bool shutting_down() const { return shutting_down_; }

  std::vector<std::string> AppNames() const;
  // nullptr: no such app.
  std::shared_ptr<const config::AppConfig> ConfigOf(const std::string& app) const;
  AppStatus StatusOf(const std::string& app) const;  // REQUIRES: ConfigOf(app) != nullptr
  // All that have a process, also those that are about to replace another or were replaced; of an
  // app the active ones come first.
  std::vector<const Worker*> Running() const;
  const StateFile& state() const { return state_; }

 private:
  using ConfigPtr = std::shared_ptr<const config::AppConfig>;

  struct Job;
  struct App {
    ConfigPtr config;  // null: being added, or deleted with jobs still to come
    bool wanted = true;
    std::set<int> stopped_slots;
    std::vector<std::unique_ptr<Worker>> workers;  // by slot; active ones
    std::vector<std::unique_ptr<Worker>> others;   // candidates, and those that retire
    std::deque<std::unique_ptr<Job>> jobs;         // the first one runs
    ConfigPtr previous;                            // before the last change; may be null
  };
  enum class Act : std::uint8_t { kStart, kRestart, kReload, kStop, kRetire };
  // How far a worker's replacement is.
  enum class Stage : std::uint8_t {
    kNone,       // it is not replaced but started, restarted or stopped
    kRising,     // the new process comes up
    kSettling,   // it is up, and shows whether it stays so
    kRetiring,   // it has the place; the old process ends
    kSinking,    // it did not come up, and ends
    kSignalled,  // the program replaces itself
  };
  struct Doing {
    int slot = 0;
    std::uint64_t before = 0;  // incarnations up to this one do not count
    std::optional<LifeEnd> failed;
    bool finished = false;  // ended as its configuration wants it to
    Stage stage = Stage::kNone;
  };
  struct Job {
    // What it changes and which slots it is about, decided when its turn comes.
    std::function<Result<>(App&, Job&)> prepare;
    std::function<void(App&)> finish;  // after all went well; may be empty
    std::function<void(App&)> undo;    // after it did not; may be empty
    TicketPtr ticket;
    Act act = Act::kStart;
    RestartReason reason = RestartReason::kManual;
    bool stop_at_failure = false;
    ConfigPtr before;  // what is to be in force again if it fails; null: nothing was changed

    bool begun = false;
    std::deque<int> todo;
    std::vector<Doing> doing;
    std::vector<int> done;       // slots that have new processes
    bool first_is_done = false;  // of a reload
    Loop::Watch settle;          // of the first
    bool settled = false;
    Outcome outcome;
    Loop::Watch deadline;
    bool expired = false;
  };

  // fleet.cc
  void OnIncarnation(const Worker& worker) override;
  void OnLifeEnd(const Worker& worker, const LifeEnd& end) override;
  void OnEnded(const Worker& worker, std::uint64_t incarnation) override;
  void OnChanged(const Worker& worker) override;
  void OnLate(const Worker& worker, const std::string& why) override;
  void StateFact(FactId id, const std::string& app, std::string why = {});
  Worker* FindWorker(const App& app, int slot) const;
  Worker* FindIncarnation(std::uint64_t incarnation) const;
  static void ForEach(const App& app, const std::function<void(Worker&)>& function);
  void NoteFailure(const Worker& worker, const LifeEnd& end);
  std::vector<Selectable> Selectables() const;
  std::vector<SavedApp> Saved() const;
  void SaveIfChanged();
  Result<> AddWorker(App& app, int slot);
  void RemoveWorker(App& app, int slot);
  int FreeId() const;
  std::vector<int> WantedSlots(const App& app) const;

  // fleet_events.cc
  void TellRestart(const std::string& app, int slot, RestartReason reason, const std::string& why);

  // fleet_jobs.cc
  void Enqueue(const std::string& app, Job job);
  void SchedulePump();
  void Pump();
  void Begin(App& app);
  bool Advance(const std::string& name, App& app);  // true: a job is over
  bool Judge(App& app, Job& job, Doing& doing);     // true: no more to wait for
  void ActOn(App& app, Job& job, int slot);
  bool JudgeStop(const App& app, const Doing& doing) const;
  std::size_t LimitOf(const App& app, const Job& job) const;
  void ArmDeadline(const App& app, Job& job);
  void FinishJob(const std::string& name, App& app);
  void ClosePortsIfIdle(const std::string& name, const App& app);
  void CheckShutdown();

  // fleet_reload.cc
  static bool Overlaps(const config::AppConfig& app);
  bool BeginReplacement(App& app, Job& job, Doing& doing);
  bool JudgeReplacement(App& app, Job& job, Doing& doing);
  bool JudgeRising(App& app, Job& job, Doing& doing, Worker& candidate);
  bool JudgeSignalled(App& app, Job& job, Doing& doing);
  void Promote(App& app, Job& job, Doing& doing);
  void Settle(const App& app, Job& job);
  Worker* FindOther(const App& app, int slot, WorkerRole role) const;
  void CollectOthers(App& app);
  void TellReplacing(const Worker& worker, std::string_view what);
  void EndReload(const std::string& name, App& app, Job& job);
  void Restore(const std::string& name, App& app, Job& job);

  // fleet_verbs.cc, fleet_recover.cc
  struct Target {
    std::string app;
    bool whole = false;
    std::vector<int> slots;  // of a part; those of a whole are looked up when its turn comes
  };
  std::vector<Target> Targets(const std::vector<Selected>& what) const;
  std::vector<int> SlotsOf(const App& app, const Target& target) const;
  void EnqueueEach(const std::vector<Selected>& what,
                   const TicketPtr& ticket,
                   Act act,
                   const std::function<Result<>(const Target&, App&, Job&)>& prepare);
  void Again(Act act,
             const std::vector<Selected>& what,
             const std::optional<Environment>& update,
             const TicketPtr& ticket);
  Result<> ApplyConfig(
      const std::string& name, App& app, Job& job, config::AppConfig config, StartHow how);
  Result<> Resize(const std::string& name, App& app, Job& job, int instances);
  void Configure(App& app, config::AppConfig config);
  void Want(App& app, const Target& target);
  void ShrinkToFit(const std::string& name, const App& app, const TicketPtr& ticket);
  void RecoverWorker(App& app,
                     const StateFile::Entry& entry,
                     Kept& kept,
                     const std::vector<ExitInfo>& exits);
  std::vector<std::unique_ptr<Worker>>& PlaceOf(App& app, const WorkerRecord& record);

  Loop& loop_;
  StateFile& state_;
  SavedApps& saved_;
  Processes& processes_;
  WorkerPorts& ports_;
  StartLimiter starts_{200, 100};
  WorkerContext context_;
  std::vector<FleetListener*> listeners_;
  std::map<std::string, App> apps_;
  bool changed_ = false;  // what is saved
  std::string save_error_;
  bool pump_scheduled_ = false;
  bool shutting_down_ = false;
  TicketPtr shutdown_;
  Loop::Watch shutdown_deadline_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace tend::supervisor
