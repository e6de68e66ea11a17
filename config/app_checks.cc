#include "config/app_checks.h"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "config/address.h"
#include "config/interpreter.h"
#include "config/problem.h"

namespace tend::config {
namespace {

enum class Runs : std::uint8_t { kNode, kOther, kUnknown };

// By what is written. A script without a known ending is read by Resolve; one with a blank may be a
// line for a shell.
Runs WhoRuns(const AppConfig& app) {
  if (!app.interpreter.empty()) return IsNode(app.interpreter) ? Runs::kNode : Runs::kOther;
  if (app.script.find(' ') != std::string::npos) return Runs::kUnknown;
  const std::string interpreter = InterpreterByEnding(app.script);
  if (interpreter.empty()) return Runs::kUnknown;
  return IsNode(interpreter) ? Runs::kNode : Runs::kOther;
}

// Programs that start the server as a process of its own.
bool IsWrapper(std::string_view script) {
  constexpr std::array<std::string_view, 6> kWrappers = {"npm",  "npx",  "yarn",
                                                         "pnpm", "pnpx", "bunx"};
  script.remove_prefix(script.rfind('/') + 1);
  return std::find(kWrappers.begin(), kWrappers.end(), script) != kWrappers.end();
}

class Checker {
 public:
  Checker(AppConfig& app, const Asked& asked) : app_(app), asked_(asked) {}

  std::vector<Finding> Run() {
    Mode();
    const bool own_files = asked_.given("instances") || IsCluster();
    if (own_files && !asked_.given("merge_logs")) app_.merge_logs = false;
    Balancing();
    Memory();
    Readiness();
    Health();
    Reload();
    Watching();
    Multiline();
    return std::move(findings_);
  }

 private:
  // What Resolve has yet to decide may be one.
  bool IsCluster() const { return app_.exec_mode != ExecMode::kFork; }
  bool HasSeveral() const { return app_.instances != 1; }

  void Add(bool is_error,
           const char* code,
           std::string_view key,
           std::string_view message,
           std::string help) {
    findings_.push_back({is_error, code, key,
                         fmt::format("\"{}\"{} {}", key, asked_.owner, message), std::move(help)});
  }
  void Refuse(std::string_view key, std::string_view message, std::string help = {}) {
    Add(true, code::kBadValue, key, message, std::move(help));
  }

  void Mode() {
    const Runs who = WhoRuns(app_);
    if (asked_.given("exec_mode")) {
      if (app_.exec_mode == ExecMode::kCluster) Cluster(who);
      return;
    }
    // -2 and less are fork mode in PM2.
    if (!asked_.pm2_instances || !asked_.given("instances") || app_.instances < -1) return;
    if (who == Runs::kOther || !app_.increment_var.empty()) return;
    if (IsWrapper(app_.script)) {
      if (HasSeveral()) Wrapped("instances", "each worker is started as its own process (fork)");
      return;
    }
    app_.exec_mode = who == Runs::kNode ? ExecMode::kCluster : ExecMode::kAuto;
  }

  void Cluster(Runs who) {
    if (IsWrapper(app_.script)) return Wrapped("exec_mode", "it cannot share a port");
    if (who == Runs::kNode) return;
    if (who == Runs::kUnknown) {
      if (!asked_.strict) app_.exec_mode = ExecMode::kAuto;
      return;
    }
    app_.exec_mode = ExecMode::kFork;
    const std::string interpreter =
        app_.interpreter.empty() ? InterpreterByEnding(app_.script) : app_.interpreter;
    Add(asked_.strict, asked_.strict ? code::kBadValue : code::kNotCluster, "exec_mode",
        asked_.strict ? fmt::format("cannot be cluster: {} runs the script, not node", interpreter)
                      : fmt::format("is cluster, but {} runs the script, not node: each worker is "
                                    "started as its own process (fork)",
                                    interpreter),
        "programs other than node share a port by `listen`");
  }

  void Wrapped(std::string_view key, std::string_view so) {
    Add(false, code::kNotCluster, key,
        fmt::format("means cluster mode, but the server that {} starts is not in it: {}",
                    app_.script, so),
        "name the server's own script");
  }

  void Balancing() {
    if (app_.balance == Balance::kShared || IsCluster()) return;
    Add(asked_.strict, asked_.strict ? code::kBadValue : code::kKeyIgnored, "balance",
        "needs exec_mode to be cluster",
        "workers of other modes take connections from `listen` themselves");
  }

  void Memory() {
    if (app_.on_memory == OnMemory::kWarn && app_.max_memory == 0) {
      Refuse("limits.on_memory", "needs a limit", "say `limits.memory`");
    }
    if (!asked_.given("max_memory_restart") || !asked_.given("limits.memory")) return;
    Add(true, code::kDuplicate, "limits.memory", "means the same as \"max_memory_restart\"",
        "leave one of them out");
  }

  void Readiness() {
    const ReadyConfig& ready = app_.ready;
    const int ways =
        (ready.http.empty() ? 0 : 1) + (ready.tcp.empty() ? 0 : 1) + (ready.log.empty() ? 0 : 1);
    if (ways + (app_.wait_ready ? 1 : 0) > 1) {
      Refuse(ready.log.empty() ? (ready.tcp.empty() ? "ready.http" : "ready.tcp") : "ready.log",
             "is one way too many to be ready",
             "keep one of `wait_ready`, `ready.http`, `ready.tcp` and `ready.log`");
    }
    if (ready.timeout > Duration::zero() && ways == 0 && !app_.wait_ready && !IsCluster()) {
      Refuse("ready.timeout", "has nothing to wait for", "say `wait_ready`, or how to see it");
    }
    AnsweredByOthers();
  }

  // While a worker is replaced the old one still answers where the new one is asked.
  void AnsweredByOthers() {
    constexpr std::string_view kWhy =
        "would be answered by the worker that is being replaced, or by tend's own socket";
    const char* help =
        "`wait_ready` (READY=1 of sd_notify, or process.send('ready')) or `ready.log`";
    const bool beside = !app_.listen.empty() || app_.reload.overlap == Overlap::kYes;
    const bool cluster = app_.exec_mode == ExecMode::kCluster;
    if (!app_.ready.tcp.empty() && (beside || cluster)) Refuse("ready.tcp", kWhy, help);
    if (!app_.ready.http.empty() && beside && !IsCluster()) Refuse("ready.http", kWhy, help);
    const bool own_ports = app_.increment_var == "PORT";
    if (!app_.ready.http.empty() && HasSeveral() && !IsCluster() && !own_ports && !beside) {
      Refuse("ready.http", "cannot tell which worker is ready: they have no ports of their own",
             "`increment_var: PORT` gives each one");
    }
  }

  void Health() {
    const HealthConfig& health = app_.health;
    if (!health.tcp.empty() && app_.exec_mode == ExecMode::kCluster) {
      Refuse("health.tcp", "says nothing about one worker of a cluster: its socket is tend's",
             "`health.http` asks each worker itself");
    }
    const bool tells_apart = !HasSeveral() || IsCluster();
    if (!tells_apart) OneOfMany();
    if (health.event_loop == Duration::zero()) return;
    if (health.event_loop < std::chrono::seconds(3)) {
      Refuse("health.event_loop", "must be 0 or at least 3s: a worker reports once a second");
    }
    if (WhoRuns(app_) == Runs::kOther) {
      Refuse("health.event_loop", "needs node to run the script: others have no event loop to see");
    }
    if (app_.telemetry != Telemetry::kAuto) {
      Refuse("health.event_loop", "needs what measures it", "leave `telemetry` out");
    }
  }

  // Several workers that are no cluster: does a check reach the one that it is about?
  void OneOfMany() {
    constexpr std::string_view kShared =
        "cannot tell which worker is sick: any of them may take the connection";
    const char* help = "give each a port of its own with `increment_var: PORT`, and a path here";
    if (!app_.health.tcp.empty()) Refuse("health.tcp", kShared, help);
    if (app_.health.http.empty()) return;
    const bool own_port = app_.health.http.starts_with('/') && app_.increment_var == "PORT";
    if (!own_port) Refuse("health.http", kShared, help);
  }

  void Reload() {
    if (app_.reload.signal == 0 || app_.reload.overlap != Overlap::kYes) return;
    Refuse("reload.signal", "cannot go with \"reload.overlap\": the program replaces itself",
           "leave out one of them");
  }

  // PM2 takes JavaScript's regular expressions as well, which come here as their text.
  void Watching() {
    std::erase_if(app_.ignore_watch, [this](std::string& entry) {
      if (entry.size() < 3 || !entry.starts_with('/') || !entry.ends_with('/')) return false;
      if (const auto glob = GlobOf(std::string_view(entry).substr(1, entry.size() - 2))) {
        entry = *glob;
        return false;
      }
      Add(false, code::kKeyIgnored, "ignore_watch",
          fmt::format("has {}, a regular expression, which is ignored", entry),
          "tend takes names, paths and globs: `node_modules`, `*.log`, `**/dist/**`");
      return true;
    });
    for (std::string& path : app_.watch) {
      const std::size_t glob = path.find_first_of("*?[");
      if (glob == std::string::npos) continue;
      const std::size_t slash = path.rfind('/', glob);
      const std::string folder = slash == std::string::npos ? "." : path.substr(0, slash + 1);
      Add(false, code::kKeyIgnored, "watch",
          fmt::format("has {}, a glob: all of {} is watched", path, folder),
          "`ignore_watch` takes globs");
      path = folder;
    }
  }

  // `node_modules`, `\.log$`, `^dist`: what has no more than that in it.
  static std::optional<std::string> GlobOf(std::string_view regex) {
    std::string glob = regex.starts_with('^') ? "" : "*";
    if (glob.empty()) regex.remove_prefix(1);
    const bool to_the_end = regex.ends_with('$');
    if (to_the_end) regex.remove_suffix(1);
    for (std::size_t i = 0; i < regex.size(); ++i) {
      const bool escaped = regex[i] == '\\' && i + 1 < regex.size();
      if (escaped) ++i;
      if (escaped ? std::string_view("./-").find(regex[i]) == std::string_view::npos
                  : std::string_view("\\^$|(+*?[{.").find(regex[i]) != std::string_view::npos) {
        return std::nullopt;
      }
      glob += regex[i];
    }
    return glob + (to_the_end ? "" : "*");
  }

  void Multiline() {
    if (app_.logs.multiline_start.empty() || app_.logs.format == LineFormat::kJson) return;
    Refuse("logs.multiline", "needs \"logs.format\" to be json",
           "in the other formats a record is one line");
  }

  AppConfig& app_;
  const Asked& asked_;
  std::vector<Finding> findings_;
};

}  // namespace

std::vector<Finding> CheckApp(AppConfig& app, const Asked& asked) {
  return Checker(app, asked).Run();
}

}  // namespace tend::config
