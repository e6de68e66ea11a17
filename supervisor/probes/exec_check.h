// A line for a shell that says by its exit code how a worker is. All that it started is killed when
// it has ended, at its deadline, and when nobody wants to know any more.
//
// Thread: the loop's. Nothing here waits.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "base/loop.h"
#include "base/shell_child.h"
#include "supervisor/probes/check.h"

namespace tend::probes {

// Of an app's `uid` and `gid`, if they name somebody else than us and we are root. Asks the user
// database: not for every check.
Result<std::optional<ShellAccount>> AccountOf(const std::string& uid, const std::string& gid);

class ExecRunner {
 public:
  static constexpr std::size_t kAtOnce = 8;  // others wait for their turn

  explicit ExecRunner(Loop& loop) : loop_(loop) {}
  ExecRunner(const ExecRunner&) = delete;
  ExecRunner& operator=(const ExecRunner&) = delete;

  // Exit code 0 within `timeout`, counted from its start, is good. The check must not outlive us.
  std::unique_ptr<Check> Run(ShellCommand command,
                             std::chrono::nanoseconds timeout,
                             CheckDone done);

  std::size_t running() const { return running_.size(); }

 private:
  class Ticket;
  struct Waiting {
    std::uint64_t id;
    ShellCommand command;
    std::chrono::nanoseconds timeout;
    CheckDone done;
  };
  struct Running {
    ShellChild child;
    CheckDone done;  // null: nobody wants to know
    Loop::Watch ended, deadline;
  };

  void StartNext();
  void Start(Waiting waiting);
  void Forget(std::uint64_t id);
  void OnDeadline(std::uint64_t id, std::chrono::nanoseconds timeout);
  void OnEnded(std::uint64_t id);

  Loop& loop_;
  std::uint64_t next_id_ = 1;
  std::deque<Waiting> waiting_;
  std::map<std::uint64_t, Running> running_;
  Loop::Watch turn_;
};

}  // namespace tend::probes
