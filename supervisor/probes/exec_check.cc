#include "supervisor/probes/exec_check.h"

#include <grp.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "base/status.h"
#include "base/time.h"
#include "config/identity.h"

namespace tend::probes {
namespace {

CheckResult ResultOf(int status) {
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return {};
  if (WIFEXITED(status)) {
    return {Outcome::kBad, "exit code " + std::to_string(WEXITSTATUS(status))};
  }
  return {Outcome::kBad, "killed by " + SignalName(WTERMSIG(status))};
}

}  // namespace

Result<std::optional<ShellAccount>> AccountOf(const std::string& uid, const std::string& gid) {
  TRY(const std::optional<config::Identity> identity, config::FindIdentity(uid, gid));
  if (!identity || ::geteuid() != 0) return std::optional<ShellAccount>();
  ShellAccount account{identity->uid, identity->gid, {identity->gid}};
  if (!identity->name.empty()) {
    int count = 0;
    ::getgrouplist(identity->name.c_str(), account.gid, nullptr, &count);
    account.groups.resize(static_cast<std::size_t>(std::max(count, 1)), account.gid);
    if (::getgrouplist(identity->name.c_str(), account.gid, account.groups.data(), &count) < 0) {
      account.groups = {account.gid};
    }
  }
  return std::optional<ShellAccount>(std::move(account));
}

// Its end is the end of the interest in the check.
class ExecRunner::Ticket final : public Check {
 public:
  Ticket(ExecRunner& runner, std::uint64_t id) : runner_(runner), id_(id) {}
  ~Ticket() override { runner_.Forget(id_); }

 private:
  ExecRunner& runner_;
  const std::uint64_t id_;
};

std::unique_ptr<Check> ExecRunner::Run(ShellCommand command,
                                       std::chrono::nanoseconds timeout,
                                       CheckDone done) {
  const std::uint64_t id = next_id_++;
  waiting_.push_back({id, std::move(command), timeout, std::move(done)});
  StartNext();
  return std::make_unique<Ticket>(*this, id);
}

void ExecRunner::StartNext() {
  if (turn_ || waiting_.empty() || running_.size() >= kAtOnce) return;
  // From the loop: whoever asks does not have the check yet.
  turn_ = loop_.After(std::chrono::nanoseconds(0), [this] {
    turn_.reset();
    if (waiting_.empty() || running_.size() >= kAtOnce) return;
    Waiting next = std::move(waiting_.front());
    waiting_.pop_front();
    StartNext();
    Start(std::move(next));
  });
}

void ExecRunner::Start(Waiting waiting) {
  auto child = ShellChild::Start(waiting.command);
  if (!child) return waiting.done({Outcome::kUnknown, child.error().message()});
  const std::uint64_t id = waiting.id;
  const int pidfd = child->pidfd();
  Running running{*std::move(child), std::move(waiting.done), {}, {}};
  running.ended = loop_.OnReadable(pidfd, [this, id] { OnEnded(id); });
  running.deadline = loop_.After(
      waiting.timeout, [this, id, timeout = waiting.timeout] { OnDeadline(id, timeout); });
  running_.emplace(id, std::move(running));
}

void ExecRunner::Forget(std::uint64_t id) {
  std::erase_if(waiting_, [id](const Waiting& waiting) { return waiting.id == id; });
  const auto found = running_.find(id);
  if (found == running_.end()) return;
  found->second.done = nullptr;
  found->second.deadline.reset();
  found->second.child.Kill();
}

void ExecRunner::OnDeadline(std::uint64_t id, std::chrono::nanoseconds timeout) {
  Running& running = running_.at(id);
  running.child.Kill();
  // It is reaped when the kernel says so, and counts until then.
  running.deadline.reset();
  if (const CheckDone done = std::exchange(running.done, nullptr)) {
    done({Outcome::kBad, "not done within " + FormatDuration(timeout)});
  }
}

void ExecRunner::OnEnded(std::uint64_t id) {
  auto node = running_.extract(id);
  if (node.empty()) return;
  Running& running = node.mapped();
  running.ended.reset();
  const std::optional<int> status = running.child.Reap();
  StartNext();
  if (!running.done) return;
  running.done(status ? ResultOf(*status) : CheckResult{Outcome::kUnknown, "nobody saw its end"});
}

}  // namespace tend::probes
