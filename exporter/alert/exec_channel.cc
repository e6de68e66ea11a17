#include "exporter/alert/exec_channel.h"

#include <poll.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <utility>

#include "base/fd.h"
#include "base/result.h"
#include "base/shell_child.h"
#include "base/status.h"
#include "base/time.h"
#include "exporter/alert/http_channels.h"
#include "exporter/alert/payloads.h"
#include "exporter/ship/peer.h"

namespace tend::exporter {
namespace {

using Then = Delivery::Then;

constexpr int kTemporaryFailure = 75;  // EX_TEMPFAIL of sysexits.h
constexpr auto kDeathMax = std::chrono::seconds(5);

// One run of the line, with the incident as its input.
class Run {
 public:
  static Result<std::unique_ptr<Run>> Start(const std::string& line, const Notice& notice) {
    TRY(Pipe in, MakePipe());
    TRY(Pipe out, MakePipe());
    TRY_VOID(SetNonBlocking(in.write.get()));
    TRY_VOID(SetNonBlocking(out.read.get()));
    ShellCommand command;
    command.line = line;
    command.environment = EnvironmentOf(notice);
    TRY(ShellChild child, ShellChild::Start(command, in.read.get(), out.write.get()));
    return std::make_unique<Run>(std::move(child), std::move(in.write), std::move(out.read),
                                 IncidentJson(notice) + '\n');
  }
  Run(ShellChild child, Fd in, Fd out, std::string input)
      : child_(std::move(child)),
        in_(std::move(in)),
        out_(std::move(out)),
        input_(std::move(input)) {}

  // True when the line has ended; false at the deadline, or when `stop` became readable.
  bool Wait(Mono deadline, int stop) {
    for (;;) {
      const auto left = deadline - std::chrono::steady_clock::now();
      if (left <= std::chrono::nanoseconds(0)) return false;
      std::array<pollfd, 4> polled = {{{child_.pidfd(), POLLIN, 0},
                                       {stop, POLLIN, 0},
                                       {out_.get(), POLLIN, 0},
                                       {in_.get(), POLLOUT, 0}}};
      const auto wait = std::chrono::ceil<std::chrono::milliseconds>(left).count();
      const int ready = ::poll(polled.data(), polled.size(), static_cast<int>(wait));
      if (ready < 0 && errno != EINTR) return false;
      if (polled[1].revents != 0) return false;
      if (polled[2].revents != 0) TakeOutput();
      if (polled[3].revents != 0) GiveInput();
      if (polled[0].revents == 0) continue;
      TakeOutput();
      return true;
    }
  }

  // Kills what is left of it, and says how the shell ended. One that does not even die of that (its
  // disk is gone) is left to whoever adopts it.
  int Reap() {
    child_.Kill();
    pollfd dead = {child_.pidfd(), POLLIN, 0};
    const auto limit = std::chrono::milliseconds(kDeathMax).count();
    while (::poll(&dead, 1, static_cast<int>(limit)) < 0 && errno == EINTR) {
    }
    return child_.Reap().value_or(SIGKILL);
  }

  const std::string& output() const { return output_; }

 private:
  void GiveInput() {
    const ssize_t written = ::write(in_.get(), input_.data(), input_.size());
    if (written > 0) input_.erase(0, static_cast<std::size_t>(written));
    const bool again = written < 0 && (errno == EAGAIN || errno == EINTR);
    if (input_.empty() || (written < 0 && !again)) in_.Reset();
  }

  void TakeOutput() {
    std::array<char, 4096> buffer{};
    for (;;) {
      if (!out_.valid()) return;
      const ssize_t size = ::read(out_.get(), buffer.data(), buffer.size());
      if (size < 0 && errno == EINTR) continue;
      if (size < 0 && errno == EAGAIN) return;
      if (size <= 0) return out_.Reset();
      const std::size_t room = kOutputMaxBytes - std::min(output_.size(), kOutputMaxBytes);
      output_.append(buffer.data(), std::min(static_cast<std::size_t>(size), room));
      // A command that never stops talking is not listened to for ever at a time.
      if (static_cast<std::size_t>(size) < buffer.size()) return;
      if (room == 0) return;
    }
  }

  ShellChild child_;
  Fd in_, out_;
  std::string input_, output_;
};

class ExecChannel final : public Channel {
 public:
  ExecChannel(std::string line, std::chrono::nanoseconds timeout, std::string host)
      : line_(std::move(line)),
        timeout_(timeout),
        host_(std::move(host)),
        stop_(::eventfd(0, EFD_CLOEXEC)) {}

  Delivery Tell(const Incident& incident) override { return Send({incident, host_, false}); }
  Delivery Test() override { return Send(TestNotice(host_, NowWall())); }
  void Abort() override {
    const std::uint64_t one = 1;
    // It cannot fail: the counter is far from full.
    (void)!::write(stop_.get(), &one, sizeof(one));
  }

 private:
  Delivery Send(const Notice& notice) {
    auto run = Run::Start(line_, notice);
    if (!run) return {Then::kRetry, {}, run.error().message()};
    const bool has_ended = (*run)->Wait(std::chrono::steady_clock::now() + timeout_, stop_.get());
    const int status = (*run)->Reap();
    const int code = has_ended && WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    if (code == 0) return {Then::kDone, {}, {}};
    std::string error = "not done within " + FormatDuration(timeout_);
    if (has_ended) {
      error = code >= 0 ? "exit code " + std::to_string(code)
                        : "killed by " + SignalName(WTERMSIG(status));
    }
    const std::string said = FirstLine((*run)->output());
    if (!said.empty()) error += ": " + said;
    return {code == kTemporaryFailure ? Then::kRetry : Then::kGiveUp, {}, error};
  }

  const std::string line_;
  const std::chrono::nanoseconds timeout_;
  const std::string host_;
  const Fd stop_;  // readable: Abort() was called
};

}  // namespace

std::unique_ptr<Channel> MakeExecChannel(std::string line,
                                         std::chrono::nanoseconds timeout,
                                         std::string host) {
  return std::make_unique<ExecChannel>(std::move(line), timeout, std::move(host));
}

}  // namespace tend::exporter
