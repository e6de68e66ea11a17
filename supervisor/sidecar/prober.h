// How a worker is reached: makes the looks at it that its configuration asks for. One of a cluster
// shares its port with others, so core is asked for a connection that goes to just that one.
//
// Owned by Triggers. Thread: the loop's.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "base/fd.h"
#include "base/loop.h"
#include "base/pattern.h"
#include "base/record.h"
#include "config/config.h"
#include "supervisor/probes/check.h"
#include "supervisor/probes/exec_check.h"

namespace tend::supervisor {

// An app, and what is made of its configuration once.
struct WatchedApp {
  config::AppConfig config;
  std::optional<Pattern> ready_line;
  std::optional<ShellAccount> account;  // that lines for a shell run as
  std::string account_error;            // why they cannot; "": they can
};

// A process of it.
struct WatchedWorker {
  WorkerRef ref;
  int pid = 0;             // 0: not known yet
  std::uint16_t port = 0;  // 0: not known
};

class Prober {
 public:
  // Asks core for a connection to where the worker listens on `port`, or, unless `exact`, anywhere.
  using AskConnection =
      std::function<void(std::uint64_t incarnation, std::uint16_t port, bool exact)>;
  Prober(Loop& loop, AskConnection ask) : loop_(loop), ask_(std::move(ask)), exec_(loop) {}

  // `target` is what config::ParseHttpTarget takes. Null: where the worker listens is not known.
  std::unique_ptr<probes::Check> Http(const WatchedApp& app,
                                      const WatchedWorker& worker,
                                      const std::string& target,
                                      std::chrono::nanoseconds timeout,
                                      probes::CheckDone done);
  // `target` is what config::ParsePeer takes.
  std::unique_ptr<probes::Check> Tcp(const std::string& target,
                                     std::chrono::nanoseconds timeout,
                                     probes::CheckDone done);
  std::unique_ptr<probes::Check> Exec(const WatchedApp& app,
                                      const WatchedWorker& worker,
                                      const std::string& line,
                                      std::chrono::nanoseconds timeout,
                                      probes::CheckDone done);

  // Core's answers. What nobody waits for any more is closed.
  void TakeConnection(std::uint64_t incarnation, Fd connection);
  // `unknown`: that says nothing about the worker.
  void NoConnection(std::uint64_t incarnation, const std::string& error, bool unknown);

 private:
  class Asked;

  Loop& loop_;
  const AskConnection ask_;
  probes::ExecRunner exec_;
  std::map<std::uint64_t, Asked*> asked_;  // by incarnation; each is somebody's check
};

}  // namespace tend::supervisor
