// A fleet on fakes: the vocabulary of the fleet's tests.
#pragma once

#include <signal.h>
#include <stdlib.h>

#include <filesystem>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "supervisor/fleet.h"
#include "support/fake_loop.h"
#include "support/fake_ports.h"
#include "support/fake_processes.h"

namespace tend::supervisor {

class FakeStore final : public DescriptorStore {
 public:
  Result<> Put(StoreKind kind, std::uint64_t id, int) override {
    held.emplace_back(kind, id);
    return {};
  }
  void Drop(StoreKind kind, std::uint64_t id) override { std::erase(held, std::pair(kind, id)); }
  bool Has(StoreKind kind, std::uint64_t id) const {
    return std::find(held.begin(), held.end(), std::pair(kind, id)) != held.end();
  }
  std::vector<std::pair<StoreKind, std::uint64_t>> held;
};

class Recorder final : public FleetListener {
 public:
  void OnIncarnation(const WorkerRef& worker, int) override {
    heard.push_back("incarnation " + worker.Name());
  }
  void OnEnded(std::uint64_t) override { heard.push_back("ended"); }
  void OnWorkerGone(const std::string& app, int slot) override {
    heard.push_back("gone " + app + ':' + std::to_string(slot));
  }
  void OnAppGone(const std::string& app) override { heard.push_back("app gone " + app); }
  void OnReplacing(const WorkerRef& worker, int pid, std::string_view what) override {
    heard.push_back(worker.Name() + ' ' + std::to_string(pid) + ' ' + std::string(what));
  }
  void OnFact(const Fact& fact) override { facts.push_back(fact); }
  int Count(FactId id) const {
    return static_cast<int>(
        std::count_if(facts.begin(), facts.end(), [&](const Fact& f) { return f.id == id; }));
  }
  // Of the last one.
  std::string WhyOf(FactId id) const {
    std::string why;
    for (const Fact& fact : facts) {
      for (const auto& [name, value] : fact.fields) {
        if (fact.id == id && name == "why") why = value;
      }
    }
    return why;
  }
  std::vector<std::string> heard;
  std::vector<Fact> facts;
};

struct Answer {
  bool done = false;
  Outcome outcome;
  std::vector<Failure> failures;
  TicketPtr ticket = std::make_shared<Ticket>();
};

class FleetTest : public testing::Test {
 protected:
  FleetTest() {
    char name[] = "/tmp/tend-fleet-XXXXXX";
    folder_ = ::mkdtemp(name);
    Boot();
  }
  ~FleetTest() override {
    fleet_.reset();
    std::filesystem::remove_all(folder_);
  }

  // A core that starts, on what there is.
  void Boot() {
    auto opened = StateFile::Open(folder_ + "/workers", folder_, "boot-1", loop_.WallNow());
    ASSERT_TRUE(opened) << opened.error().message();
    state_.emplace(*std::move(opened));
    saved_.emplace(FilesLinux(), folder_ + "/apps.json");
    fleet_ = std::make_unique<Fleet>(FleetParts{loop_, processes_, store_, *state_, *saved_, ports_,
                                                "", [this] { return journal_head_; }});
    fleet_->AddListener(&recorder_);
  }
  // The core is killed and another one starts.
  void CrashAndRecover(std::vector<ExitInfo> exits = {}, bool start_wanted = false) {
    fleet_.reset();
    state_.reset();
    Boot();
    Fleet::Kept kept;
    for (const auto& entry : store_.held) {
      if (entry.first != StoreKind::kPidfd) continue;
      auto pipe = MakePipe();
      kept[entry.second].pidfd = std::move(pipe->read);
    }
    fleet_->Recover(saved_->Load().apps, std::move(kept), exits, start_wanted);
    loop_.RunPosted();
  }

  static config::AppConfig App(const std::string& name, int instances = 1) {
    config::AppConfig app;
    app.name = name;
    app.script = "/bin/" + name;
    app.interpreter = "none";
    app.cwd = "/";
    app.instances = instances;
    return app;
  }

  std::shared_ptr<Answer> NewAnswer() {
    auto answer = answers_.emplace_back(std::make_shared<Answer>());
    answer->ticket->on_failed = [raw = answer.get()](const Failure& failure) {
      raw->failures.push_back(failure);
    };
    answer->ticket->on_done = [raw = answer.get()](const Outcome& outcome) {
      raw->done = true;
      raw->outcome = outcome;
    };
    return answer;
  }
  std::shared_ptr<Answer> StartApp(config::AppConfig app, Fleet::StartHow how = {}) {
    const auto answer = NewAnswer();
    fleet_->StartApps({std::move(app)}, answer->ticket, how);
    loop_.RunPosted();
    return answer;
  }
  // Started, executed and up.
  void BringUp(config::AppConfig app) {
    const auto answer = StartApp(std::move(app));
    ExecuteAll();
    loop_.Advance(std::chrono::seconds(1));
    ASSERT_TRUE(answer->done);
    ASSERT_EQ(answer->outcome.error, "");
  }
  void ExecuteAll() {
    for (auto& entry : processes_.made) {
      if (entry.second.alive && !entry.second.report) processes_.Execute(entry.first);
    }
    loop_.RunPosted();
  }
  ExitInfo MakeExit(int pid, int code, int status) {
    processes_.made[pid].alive = false;
    ExitInfo exit;
    exit.seq = ++journal_head_;
    exit.pid = pid;
    exit.code = code;
    exit.status = status;
    exit.wall_ns = static_cast<std::uint64_t>(loop_.WallNow().time_since_epoch().count());
    return exit;
  }
  void Exit(int pid, int status) {
    fleet_->OnExit(MakeExit(pid, CLD_EXITED, status));
    loop_.RunPosted();
  }
  void Killed(int pid, int signal) {
    fleet_->OnExit(MakeExit(pid, CLD_KILLED, signal));
    loop_.RunPosted();
  }
  std::vector<Selected> Find(const std::string& selector) {
    auto found = fleet_->Select({selector});
    return found ? *found : std::vector<Selected>();
  }
  WorkerStatus StatusOf(const std::string& app, std::size_t slot = 0) {
    return fleet_->StatusOf(app).workers.at(slot);
  }
  WorkerState StateOf(const std::string& app, std::size_t slot = 0) {
    return StatusOf(app, slot).state;
  }

  std::string folder_;
  std::vector<std::shared_ptr<Answer>> answers_;
  FakeLoop loop_;
  FakeProcesses processes_{loop_};
  FakeStore store_;
  FakePorts ports_;
  Recorder recorder_;
  std::uint64_t journal_head_ = 0;
  std::optional<StateFile> state_;
  std::optional<SavedApps> saved_;
  std::unique_ptr<Fleet> fleet_;
};

}  // namespace tend::supervisor
