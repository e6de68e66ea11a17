// A sidecar without a daemon: what `tend pipe` and `tend attach` share. It keeps the log of one
// app, serves numbers if it is asked to, and ends by a signal or when its caller says so.
//
// Owner: pipe_mode, attach_mode. Thread: the loop's, which is main.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "base/fd.h"
#include "base/loop.h"
#include "base/result.h"
#include "config/config.h"
#include "config/observe.h"
#include "supervisor/sidecar/sidecar.h"

namespace tend::supervisor {

struct BesideOptions {
  config::AppConfig app;
  std::string log_folder;   // "": as for the daemon
  std::string listen;       // "": that of TEND_LISTEN; none there either: nothing is served
  std::string config_file;  // says where lines, samples and incidents go; "": nowhere
  bool is_careful = false;  // writes are announced, so that none is missing or twice after a crash
};

// Takes an option that both have. False: it is none of these.
Result<bool> SetBesideOption(std::string_view name,
                             const std::string& value,
                             BesideOptions& options);

// Of what a file configures, what concerns this one app: its exporters send nobody else's lines,
// though there may be more in the folder of logs.
config::ObserveConfig OnlyOf(const std::string& app, config::ObserveConfig observe);

class Beside {
 public:
  // Errc::kBusy if another process writes this app's log.
  static Result<std::unique_ptr<Beside>> Make(BesideOptions options);

  // Tells the sidecar of the app. `script` says what it is, for people.
  void Announce(const std::string& script);
  // Answers where that was asked for, and says so: what is there from then on is not missed.
  Result<> Serve();
  // Until Stop() or a signal; what was taken is written then. Returns the exit code.
  int Run(const std::function<void()>& before_end);
  void Stop() { loop_->Stop(); }

  Loop& loop() { return *loop_; }
  Sidecar& sidecar() { return *sidecar_; }
  const std::string& app() const { return options_.app.name; }
  // Where this app's log is.
  const std::string& folder() const { return folder_; }
  // Of announced writes; "": there are none.
  const std::string& journals() const { return journals_; }
  // There is room for lines again.
  void SetOnRoom(std::function<void()> on_room) { on_room_ = std::move(on_room); }

 private:
  Beside(BesideOptions options, Fd lock, std::string folder, std::string journals);
  Result<> Configure(config::ObserveConfig observe);

  const BesideOptions options_;
  const Fd lock_;
  const std::string folder_;
  const std::string journals_;
  std::function<void()> on_room_;
  const std::unique_ptr<Loop> loop_;
  std::unique_ptr<Sidecar> sidecar_;
};

// Says on stderr why it could not be; the exit code that fits.
int SayWhyNot(const Error& error);

}  // namespace tend::supervisor
