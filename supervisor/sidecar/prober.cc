#include "supervisor/sidecar/prober.h"

#include <algorithm>
#include <utility>

#include "base/time.h"
#include "config/address.h"
#include "supervisor/probes/http_check.h"
#include "supervisor/probes/tcp_check.h"

namespace tend::supervisor {

using probes::Check;
using probes::CheckDone;
using probes::CheckResult;
using probes::Outcome;

namespace {

// A result that is known before anybody looked.
class Known final : public Check {
 public:
  Known(Loop& loop, CheckResult result, CheckDone done)
      : timer_(loop.After({}, [this, result = std::move(result), done = std::move(done)] {
          const Loop::Watch own = std::move(timer_);
          done(result);
        })) {}

 private:
  Loop::Watch timer_;
};

}  // namespace

// A GET over a connection that core was asked for.
class Prober::Asked final : public Check {
 public:
  Asked(Prober& prober,
        const WatchedWorker& worker,
        const config::HttpTarget& target,
        std::chrono::nanoseconds timeout,
        CheckDone done)
      : prober_(prober),
        incarnation_(worker.ref.incarnation),
        path_(target.path),
        until_(prober.loop_.Now() + timeout),
        done_(std::move(done)) {
    prober_.asked_[incarnation_] = this;
    deadline_ = prober_.loop_.After(timeout, [this, timeout] {
      // Core may be down: no fault of the worker.
      Finish({Outcome::kUnknown, "core gave no connection within " + FormatDuration(timeout)});
    });
    const bool exact = target.peer.has_value();
    prober_.ask_(incarnation_, exact ? target.peer->port : worker.port, exact);
  }
  ~Asked() override { Forget(); }

  void Take(Fd connection) {
    Forget();
    deadline_.reset();
    const auto left = std::max<std::chrono::nanoseconds>(until_ - prober_.loop_.Now(),
                                                         std::chrono::milliseconds(1));
    http_.emplace(prober_.loop_, std::move(connection), path_, left, std::move(done_));
  }
  void Finish(CheckResult result) {
    Forget();
    deadline_.reset();
    const CheckDone done = std::move(done_);
    done(std::move(result));
  }

 private:
  void Forget() {
    const auto found = prober_.asked_.find(incarnation_);
    if (found != prober_.asked_.end() && found->second == this) prober_.asked_.erase(found);
  }

  Prober& prober_;
  const std::uint64_t incarnation_;
  const std::string path_;
  const Mono until_;
  CheckDone done_;
  Loop::Watch deadline_;
  std::optional<probes::HttpCheck> http_;
};

std::unique_ptr<Check> Prober::Http(const WatchedApp& app,
                                    const WatchedWorker& worker,
                                    const std::string& target,
                                    std::chrono::nanoseconds timeout,
                                    CheckDone done) {
  const auto http = config::ParseHttpTarget(target);
  if (!http) return nullptr;
  if (app.config.exec_mode == config::ExecMode::kCluster) {
    return std::make_unique<Asked>(*this, worker, *http, timeout, std::move(done));
  }
  config::Address peer;
  if (http->peer) {
    peer = *http->peer;
  } else if (worker.port != 0) {
    peer.host = "localhost";
    peer.port = worker.port;
  } else {
    return nullptr;
  }
  return std::make_unique<probes::HttpCheck>(loop_, peer, http->path, timeout, std::move(done));
}

std::unique_ptr<Check> Prober::Tcp(const std::string& target,
                                   std::chrono::nanoseconds timeout,
                                   CheckDone done) {
  const auto peer = config::ParsePeer(target);
  if (!peer) return nullptr;
  return std::make_unique<probes::TcpCheck>(loop_, *peer, timeout, std::move(done));
}

std::unique_ptr<Check> Prober::Exec(const WatchedApp& app,
                                    const WatchedWorker& worker,
                                    const std::string& line,
                                    std::chrono::nanoseconds timeout,
                                    CheckDone done) {
  if (!app.account_error.empty()) {
    return std::make_unique<Known>(loop_, CheckResult{Outcome::kUnknown, app.account_error},
                                   std::move(done));
  }
  ShellCommand command;
  command.line = line;
  command.folder = app.config.cwd;
  command.account = app.account;
  command.environment = {{"TEND_APP", worker.ref.app},
                         {"TEND_WORKER", std::to_string(worker.ref.slot)},
                         {"TEND_PID", std::to_string(worker.pid)}};
  if (worker.port != 0) command.environment.emplace_back("TEND_PORT", std::to_string(worker.port));
  return exec_.Run(std::move(command), timeout, std::move(done));
}

void Prober::TakeConnection(std::uint64_t incarnation, Fd connection) {
  const auto found = asked_.find(incarnation);
  if (found != asked_.end()) found->second->Take(std::move(connection));
}

void Prober::NoConnection(std::uint64_t incarnation, const std::string& error, bool unknown) {
  const auto found = asked_.find(incarnation);
  if (found == asked_.end()) return;
  found->second->Finish({unknown ? Outcome::kUnknown : Outcome::kBad,
                         error.empty() ? "it takes no connection" : error});
}

}  // namespace tend::supervisor
