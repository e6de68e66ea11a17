// Processes that exist only in a test: a list of what was asked for, and the means to let each
// execute, fail to, or leave survivors. How they end is told to the code under test by the test,
// as the keeper's journal would.
#pragma once

#include <cerrno>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/fd.h"
#include "supervisor/processes.h"
#include "support/fake_loop.h"

namespace tend::supervisor {

class FakeProcesses final : public Processes {
 public:
  struct Sent {
    int pid = 0;
    int signal = 0;
    bool tree = false;
    friend bool operator==(const Sent&, const Sent&) = default;
  };
  struct Process {
    LaunchSpec spec;
    int report_fd = -1;
    bool committed = false;
    bool alive = true;
    int survivors = 0;
    std::optional<ExecFailure> report;
    Fd other_ends[2];
  };

  explicit FakeProcesses(FakeLoop& loop) : loop_(loop) {}

  std::map<int, Process> made;  // by pid
  std::vector<Sent> sent;
  int prepare_errno = 0;  // not 0: no process can be made

  int last_pid() const { return next_pid_ - 1; }
  // The kernel executed the program.
  void Execute(int pid) { Report(pid, {ExecStage::kNone, 0}); }
  void FailToExecute(int pid, int error, ExecStage stage = ExecStage::kExec) {
    Report(pid, {stage, error});
  }

  Result<Prepared> Prepare(const LaunchSpec& spec) override {
    if (prepare_errno != 0) return SysError("clone", prepare_errno);
    TRY(Pipe report, MakePipe());
    TRY(Pipe commit, MakePipe());
    Prepared prepared;
    prepared.pid = next_pid_++;
    prepared.start_time = StartTime(prepared.pid);
    TRY(prepared.pidfd, Duplicate(report.read.get()));
    prepared.commit = std::move(commit.write);
    prepared.report = std::move(report.read);
    Process& process = made[prepared.pid];
    process.spec = spec;
    process.report_fd = prepared.report.get();
    process.other_ends[0] = std::move(report.write);
    process.other_ends[1] = std::move(commit.read);
    return prepared;
  }
  Result<> Commit(Prepared& prepared) override {
    made[prepared.pid].committed = true;
    prepared.commit.Reset();
    return {};
  }
  std::optional<ExecFailure> ReadReport(int report_fd) override {
    for (const auto& entry : made) {
      if (entry.second.report_fd == report_fd && entry.second.alive) return entry.second.report;
    }
    return std::nullopt;
  }
  int Signal(int pid, std::uint64_t start_time, int signal, bool tree) override {
    if (start_time != StartTime(pid)) return 0;
    sent.push_back({pid, signal, tree});
    return 1;
  }
  int SurvivorCount(int pid, std::uint64_t) override { return made[pid].survivors; }
  bool IsAlive(int pid, std::uint64_t start_time) override {
    const auto found = made.find(pid);
    return found != made.end() && found->second.alive && start_time == StartTime(pid);
  }

  static std::uint64_t StartTime(int pid) { return static_cast<std::uint64_t>(pid) * 10; }

 private:
  void Report(int pid, ExecFailure report) {
    made[pid].report = report;
    loop_.MakeReadable(made[pid].report_fd);
  }

  FakeLoop& loop_;
  int next_pid_ = 1000;
};

}  // namespace tend::supervisor
