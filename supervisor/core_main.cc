// tend-core: policy. Started by the keeper, which stays the parent of all workers; may be killed at
// any time and is then started again (docs/ARCHITECTURE.md, "A crash").
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/files.h"
#include "base/log.h"
#include "base/loop.h"
#include "base/paths.h"
#include "supervisor/adoption.h"
#include "supervisor/control/control_server.h"
#include "supervisor/control/notify_socket.h"
#include "supervisor/control/sidecar_link.h"
#include "supervisor/exit_journal.h"
#include "supervisor/fleet.h"
#include "supervisor/keeper_client.h"
#include "supervisor/ports/listeners.h"
#include "supervisor/ports/node_host.h"
#include "supervisor/saved_apps.h"
#include "supervisor/spawn.h"
#include "supervisor/state_file.h"

namespace tend::supervisor {
namespace {

using std::chrono::milliseconds;

class KeeperStore final : public DescriptorStore {
 public:
  explicit KeeperStore(KeeperClient& keeper) : keeper_(keeper) {}
  Result<> Put(StoreKind kind, std::uint64_t id, int fd) override {
    return keeper_.Put(kind, id, fd);
  }
  void Drop(StoreKind kind, std::uint64_t id) override {
    if (auto dropped = keeper_.Drop(kind, id); !dropped) LogError(dropped.error().message());
  }

 private:
  KeeperClient& keeper_;
};

class FactLog final : public FleetListener {
 public:
  void OnFact(const Fact& fact) override { Log(RowOf(fact.id).level, Describe(fact)); }
};

class Core {
 public:
  Core(Loop& loop, Paths paths, StateFile& state, ExitJournalReader journal, WorkerLimits limits)
      : loop_(loop),
        paths_(std::move(paths)),
        state_(state),
        journal_(std::move(journal)),
        keeper_(loop, Callbacks()),
        store_(keeper_),
        processes_(limits),
        saved_(FilesLinux(), paths_.state + "/apps.json"),
        listeners_(store_, FilesLinux(), paths_.run + "/listeners.json"),
        node_(loop, listeners_, fleet_),
        ports_(listeners_, node_),
        fleet_({loop, processes_, store_, state_, saved_, ports_, NotifyAddress(),
                [this] { return journal_.head(); }}) {
    fleet_.AddListener(&log_);
    for (const int number : {SIGTERM, SIGINT})
      signals_.push_back(loop_.OnSignal(number, [this](int) { ShutDown(nullptr); }));
    signals_.push_back(loop_.OnSignal(SIGCHLD, [this](int) { ReapOwn(); }));
    signals_.push_back(loop_.OnSignal(SIGUSR2, [this](int) { ReopenLogs(); }));
  }

  int exit_code() const { return exit_code_; }

 private:
  KeeperClient::Callbacks Callbacks() {
    return {[this](StoreKind kind, std::uint64_t id, Fd fd) { OnPut(kind, id, std::move(fd)); },
            [this] { Begin(); },
            [this] {
              // The workers live on; who starts the keeper again starts us.
              LogWarning("the keeper is gone");
              loop_.Stop();
            }};
  }

  void OnPut(StoreKind kind, std::uint64_t id, Fd fd) {
    if (kind == StoreKind::kPidfd) kept_[id].pidfd = std::move(fd);
    if (kind == StoreKind::kChannel) kept_[id].channel = std::move(fd);
    if (kind == StoreKind::kListener) sockets_.insert_or_assign(id, std::move(fd));
    if (kind == StoreKind::kNotify && !notify_) notify_socket_ = std::move(fd);
    if (kind == StoreKind::kExitEvent && !exit_watch_) exit_event_ = std::move(fd);
    if (kind == StoreKind::kLinkCore && !link_) link_socket_ = std::move(fd);
  }

  // Workers know it for as long as they live, and this keeper may not be their first one.
  std::string NotifyAddress() const { return '@' + paths_.run + "/notify"; }

  void ListenForNotices() {
    if (!notify_socket_.valid()) {
      auto bound = NotifySocket::Bind(NotifyAddress());
      if (!bound) return LogError(bound.error().message());
      notify_socket_ = *std::move(bound);
      if (auto put = store_.Put(StoreKind::kNotify, 0, notify_socket_.get()); !put) {
        LogError(put.error().message());
      }
    }
    notify_ = std::make_unique<NotifySocket>(
        loop_, std::move(notify_socket_), [this](int pid, int session, std::string_view message) {
          fleet_.OnNotify(pid, session, message);
        });
  }

  void Begin() {
    if (server_) return;
    if (!exit_event_.valid() || !link_socket_.valid()) {
      return Fail("the keeper gave us no exit event or no link");
    }
    if (!link_)
      link_ = std::make_unique<SidecarLink>(loop_, fleet_, store_, std::move(link_socket_));
    ControlServices services;
    services.fleet = &fleet_;
    services.sidecar = link_.get();
    services.version = TEND_VERSION;
    services.shut_down = [this](auto done) { ShutDown(std::move(done)); };
    // First, because it tells whether another core still lives.
    auto server = ControlServer::Listen(loop_, paths_.control_socket, std::move(services));
    if (!server && server.error().code() == Errc::kExists && ++listen_attempts_ < 40) {
      retry_ = loop_.After(milliseconds(50), [this] { Begin(); });
      return;
    }
    if (!server) return Fail(server.error().message());
    server_ = *std::move(server);
    Recover();
    ListenForNotices();
    link_->Synchronise();
    exit_watch_ = loop_.OnReadable(exit_event_.get(), [this] { OnExitEvent(); });
    if (auto ready = keeper_.Ready(); !ready) Fail(ready.error().message());
  }

  void Recover() {
    if (state_.fresh()) state_.set_journal_position(journal_.head());
    // The journal was begun anew.
    if (state_.journal_position() > journal_.head()) state_.set_journal_position(0);
    std::vector<ExitInfo> exits;
    std::uint64_t position = state_.journal_position();
    while (auto exit = journal_.After(position)) {
      position = exit->seq;
      exits.push_back(*exit);
    }
    auto loaded = saved_.Load();
    if (!loaded.damage.empty()) Quarantined(loaded.damage);
    for (const std::string& damage : state_.damage())
      Quarantined(damage);
    const char* resurrect = std::getenv("TEND_RESURRECT");  // NOLINT(concurrency-mt-unsafe)
    const bool start = resurrect != nullptr && std::string_view(resurrect) == "1";
    if (!state_.fresh())
      Tell({FactId::kRoleRestarted, loop_.WallNow(), "", -1, {{"role", "core"}}});
    listeners_.Adopt(
        std::exchange(sockets_, {}),
        [this](const std::string& app, std::uint64_t inode) { return FindSocketOf(app, inode); });
    fleet_.Recover(std::move(loaded.apps), std::exchange(kept_, {}), exits, start);
    state_.set_journal_position(position);
  }

  // In the workers of an app that live.
  Fd FindSocketOf(const std::string& app, std::uint64_t inode) {
    for (const StateFile::Entry& entry : state_.Entries()) {
      const WorkerRecord& record = entry.record;
      if (record.App() != app || record.pid == 0) continue;
      if (!processes_.IsAlive(record.pid, record.start_time)) continue;
      if (auto found = FindSocket(record.pid, inode)) return *std::move(found);
    }
    return {};
  }

  void Quarantined(const std::string& what) {
    Tell({FactId::kStateQuarantined, loop_.WallNow(), "", -1, {{"what", what}}});
  }

  void Tell(const Fact& fact) {
    log_.OnFact(fact);
    link_->OnFact(fact);
  }

  void OnExitEvent() {
    std::uint64_t count = 0;
    // Only to make it unreadable; what happened is in the journal.
    if (::read(exit_event_.get(), &count, sizeof count) < 0 && errno != EAGAIN) return;
    bool lost = false;
    while (const auto exit = journal_.After(state_.journal_position())) {
      lost = lost || exit->seq > state_.journal_position() + 1;
      fleet_.OnExit(*exit);
      state_.set_journal_position(exit->seq);
    }
    if (lost) fleet_.OnExitsLost();
  }

  // Where the kernel does not let the keeper be the parent of workers, we are.
  void ReapOwn() {
    siginfo_t info{};
    while (::waitid(P_ALL, 0, &info, WEXITED | WNOHANG) == 0 && info.si_pid != 0) {
      ExitInfo exit;
      exit.seq = UINT64_MAX;
      exit.pid = info.si_pid;
      exit.code = info.si_code;
      exit.status = info.si_status;
      exit.wall_ns = static_cast<std::uint64_t>(loop_.WallNow().time_since_epoch().count());
      fleet_.OnExit(exit);
      info = {};
    }
  }

  // SIGUSR2, as PM2's daemon takes it.
  void ReopenLogs() {
    if (!link_) return;
    for (const std::string& app : fleet_.AppNames()) {
      link_->AskLogs("reopen", app, [app](const Result<>& result) {
        if (!result) LogError("the log of " + app + ": " + result.error().message());
      });
    }
  }

  void ShutDown(std::function<void(const Outcome&)> done) {
    if (fleet_.shutting_down()) {
      if (done) done({ExitCode::kFailed, "tend is shutting down already"});
      return;
    }
    auto ticket = std::make_shared<Ticket>();
    ticket->on_done = [this, done = std::move(done)](const Outcome& outcome) {
      if (done) done(outcome);
      if (auto sent = keeper_.Shutdown(); !sent) LogError(sent.error().message());
      leave_attempts_ = 100;
      Leave();
    };
    fleet_.Shutdown(ticket);
  }

  // When all has been said, or after a second.
  void Leave() {
    const bool said = keeper_.queued() == 0 && (!server_ || server_->queued_bytes() == 0);
    if (!said && --leave_attempts_ > 0) {
      retry_ = loop_.After(milliseconds(10), [this] { Leave(); });
      return;
    }
    if (server_) server_->Close();
    loop_.Stop();
  }

  void Fail(const std::string& why) {
    LogError(why);
    std::fprintf(stderr, "tend-core: %s\n", why.c_str());
    exit_code_ = 1;
    loop_.Stop();
  }

  Loop& loop_;
  const Paths paths_;
  StateFile& state_;
  ExitJournalReader journal_;
  Fleet::Kept kept_;
  std::map<std::uint64_t, Fd> sockets_;
  Fd exit_event_, link_socket_, notify_socket_;
  KeeperClient keeper_;
  KeeperStore store_;
  ProcessesLinux processes_;
  SavedApps saved_;
  FactLog log_;
  Listeners listeners_;
  NodeHost node_;
  PortsOfHost ports_;
  Fleet fleet_;
  std::unique_ptr<NotifySocket> notify_;
  std::unique_ptr<SidecarLink> link_;
  std::unique_ptr<ControlServer> server_;
  Loop::Watch exit_watch_, retry_;
  std::vector<Loop::Watch> signals_;
  int listen_attempts_ = 0;
  int leave_attempts_ = 0;
  int exit_code_ = 0;
};

Result<int> RunCore() {
  const WorkerLimits limits = TakeWorkerLimits();
  TRY(Paths paths, PathsFromEnvironment());
  TRY_VOID(MakeFolders(paths));
  OpenLog("core", paths.own_logs + "/core.log", false);
  TRY(StateFile state, StateFile::Open(paths.run + "/workers", paths.state, BootId(), NowWall()));
  TRY(ExitJournalReader journal, ExitJournalReader::Open(paths.run + '/' + kJournalFile));
  const std::unique_ptr<Loop> loop = MakeAsioLoop();
  Core core(*loop, std::move(paths), state, std::move(journal), limits);
  loop->Run();
  return core.exit_code();
}

}  // namespace
}  // namespace tend::supervisor

int main() {
  ::signal(SIGPIPE, SIG_IGN);
  ::signal(SIGHUP, SIG_IGN);
  const auto code = tend::supervisor::RunCore();
  if (code) return *code;
  std::fprintf(stderr, "tend-core: %s\n", code.error().message().c_str());
  return 1;
}
