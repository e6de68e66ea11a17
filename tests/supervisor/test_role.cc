// A core or sidecar for keeper_test: says on stderr what the keeper tells it, and does what lines
// in the pipe $TEST_ROLE_DIR/<role> say.

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <sstream>
#include <string>

#include "supervisor/keeper_client.h"
#include "supervisor/spawn.h"

namespace tend::supervisor {
namespace {

class TestRole {
 public:
  explicit TestRole(std::string name)
      : name_(std::move(name)),
        keeper_(*loop_,
                {[this](StoreKind kind, std::uint64_t id, Fd) {
                   ++puts_;
                   if (quiet_) return;
                   Say("put " + std::to_string(static_cast<int>(kind)) + ' ' + std::to_string(id));
                 },
                 [this] { Say("replayed"); }, [this] { OnClosed(); }}) {
    const std::string path = std::string(std::getenv("TEST_ROLE_DIR")) + '/' + name_;
    commands_.Reset(::open(path.c_str(), O_RDWR | O_NONBLOCK | O_CLOEXEC));
    watch_ = loop_->OnReadable(commands_.get(), [this] { OnCommands(); });
    term_ = loop_->OnSignal(SIGTERM, [this](int) {
      Say("term");
      if (name_ == "tend-sidecar") std::exit(0);
    });
    Say("start " + std::to_string(::getpid()));
  }
  void Run() { loop_->Run(); }

 private:
  void Say(const std::string& text) {
    const std::string line = name_ + ' ' + text + '\n';
    if (::write(2, line.data(), line.size()) < 0) std::exit(9);
  }

  void OnClosed() {
    if (!stubborn_) std::exit(0);
  }

  void OnCommands() {
    char part[512];
    const ssize_t n = ::read(commands_.get(), part, sizeof part);
    if (n > 0) text_.append(part, static_cast<std::size_t>(n));
    for (std::size_t end = text_.find('\n'); end != std::string::npos; end = text_.find('\n')) {
      const std::string line = text_.substr(0, end);
      text_.erase(0, end + 1);
      Do(line);
    }
  }

  void Do(const std::string& line) {
    std::istringstream words(line);
    std::string verb;
    int first = 0;
    std::uint64_t second = 0;
    words >> verb >> first >> second;
    const auto kind = static_cast<StoreKind>(first);
    bool ok = true;
    if (verb == "ready") ok = keeper_.Ready().has_value();
    if (verb == "put") ok = keeper_.Put(kind, second, commands_.get()).has_value();
    if (verb == "drop") ok = keeper_.Drop(kind, second).has_value();
    if (verb == "shutdown") ok = keeper_.Shutdown().has_value();
    if (verb == "exit") std::exit(first);
    if (verb == "stubborn") stubborn_ = true;
    if (verb == "quiet") quiet_ = true;
    if (verb == "queued") Say("queued " + std::to_string(keeper_.queued()));
    if (verb == "count") Say("puts " + std::to_string(puts_));
    if (verb == "flood") ok = Flood(static_cast<std::uint64_t>(first));
    if (verb == "spawn") ok = SpawnExit(line.substr(line.find(' ') + 1));
    Say(verb + (ok ? " done" : " failed"));
  }

  bool Flood(std::uint64_t count) {
    for (std::uint64_t i = 0; i < count; ++i) {
      if (!keeper_.Put(StoreKind::kTelemetry, i, commands_.get())) return false;
    }
    return true;
  }

  // A worker that ends with the code.
  bool SpawnExit(const std::string& code) {
    ProcessesLinux processes{WorkerLimits{}};
    LaunchSpec spec;
    spec.program = "/bin/sh";
    spec.argv = {"sh", "-c", "exit " + code};
    auto prepared = processes.Prepare(spec);
    return prepared && processes.Commit(*prepared);
  }

  std::unique_ptr<Loop> loop_ = MakeAsioLoop();
  std::string name_;
  KeeperClient keeper_;
  Fd commands_;
  std::string text_;
  int puts_ = 0;
  bool stubborn_ = false, quiet_ = false;
  Loop::Watch watch_, term_;
};

}  // namespace
}  // namespace tend::supervisor

int main(int, char** argv) {
  tend::supervisor::TestRole role(argv[0]);
  role.Run();
}
