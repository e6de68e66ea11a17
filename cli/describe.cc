#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "base/files.h"
#include "cli/commands.h"
#include "cli/selection.h"
#include "cli/sidecar.h"
#include "cli/state_view.h"
#include "cli/text.h"
#include "config/codec.h"

namespace tend::cli {
namespace {

std::string CommandOf(const AppStatus& app, const config::AppConfig& config) {
  std::vector<std::string> words;
  if (!config.interpreter.empty() && config.interpreter != "none") {
    words.push_back(config.interpreter);
  }
  words.insert(words.end(), config.node_args.begin(), config.node_args.end());
  words.push_back(app.script.empty() ? config.script : app.script);
  words.insert(words.end(), config.args.begin(), config.args.end());
  return Join(words, " ");
}

std::string RestartPolicy(const config::AppConfig& config) {
  if (!config.autorestart) return "never";
  std::string policy = fmt::format("always, errored after {} in a row", config.max_restarts);
  if (config.exp_backoff_restart_delay.count() > 0) {
    policy += ", growing delay from " + FormatDuration(config.exp_backoff_restart_delay);
  } else if (config.restart_delay.count() > 0) {
    policy += ", after " + FormatDuration(config.restart_delay);
  }
  return policy;
}

// In the order in which core asks.
std::string ReadyWhen(const config::AppConfig& config) {
  const config::ReadyConfig& ready = config.ready;
  const bool cluster = config.exec_mode == config::ExecMode::kCluster;
  std::string when;
  if (!ready.http.empty()) {
    when = ready.http + " answers";
  } else if (!ready.tcp.empty()) {
    when = ready.tcp + " takes a connection";
  } else if (!ready.log.empty()) {
    when = "a line matches " + ready.log;
  } else if (config.wait_ready) {
    when = "it says so";
  } else if (cluster) {
    when = "it listens";
  } else {
    return "up for 1s";
  }
  const bool restarts = ready.timeout != config::Duration::zero();
  return fmt::format("{}, within {}{}", when,
                     FormatDuration(restarts ? ready.timeout : config.listen_timeout),
                     restarts ? ", else restarted" : "");
}

std::string HealthChecks(const config::AppConfig& config) {
  const config::HealthConfig& health = config.health;
  std::vector<std::string> checks;
  if (!health.http.empty()) checks.push_back("http " + health.http);
  if (!health.tcp.empty()) checks.push_back("tcp " + health.tcp);
  if (!health.exec.empty()) checks.push_back("exec " + health.exec);
  if (!checks.empty()) {
    checks.back() += fmt::format(", every {}, restarted after {} failures",
                                 FormatDuration(health.every), health.failures);
  }
  if (health.event_loop != config::Duration::zero()) {
    checks.push_back("restarted if the event loop stands still for " +
                     FormatDuration(health.event_loop));
  }
  if (health.watchdog != config::Duration::zero()) {
    checks.push_back("restarted without WATCHDOG=1 for " + FormatDuration(health.watchdog));
  }
  return Join(checks, "; ");
}

// What restarts it besides its own end.
std::string Triggers(const config::AppConfig& config) {
  std::vector<std::string> triggers;
  if (config.max_memory != 0) {
    const bool warns = config.on_memory == config::OnMemory::kWarn;
    triggers.push_back(fmt::format("{} at {} of memory", warns ? "warned" : "restarted",
                                   FormatSize(config.max_memory)));
  }
  if (!config.cron_restart.empty()) triggers.push_back("restarted at " + config.cron_restart);
  if (!config.watch.empty()) {
    triggers.push_back("restarted by changes in " + Join(config.watch, ", "));
  }
  return Join(triggers, "; ");
}

std::string LogPolicy(const Context& context, const config::AppConfig& config) {
  const config::LogConfig& logs = config.logs;
  return fmt::format("{}/  rotates at {}{}, keeps {} and {}{}", context.paths.AppLogs(config.name),
                     FormatSize(logs.max_size), logs.rotate.empty() ? "" : " and " + logs.rotate,
                     FormatDuration(logs.max_age), FormatSize(logs.max_total),
                     logs.compress ? ", zstd" : "");
}

// What the logs take now; "" where we may not look.
std::string LogUse(const Context& context, const config::AppConfig& config) {
  const std::string folder = context.paths.AppLogs(config.name);
  const auto names = FilesLinux().List(folder);
  if (!names) return "";
  std::uint64_t bytes = 0;
  for (const std::string& name : *names) {
    if (const auto info = FilesLinux().Stat(folder + '/' + name)) bytes += info->size;
  }
  return fmt::format("{} in {}; up to {} of the disk stays free", HumanSize(bytes),
                     Count(names->size(), "file"), FormatSize(config.logs.min_free));
}

void Row(std::string& text, std::string_view name, std::string_view value) {
  if (value.empty()) return;
  text += fmt::format("  {:<10} {}\n", name, Harmless(value));
}

std::string Settings(const Context& context,
                     const AppStatus& app,
                     const config::AppConfig& config) {
  std::string text;
  Row(text, "command", CommandOf(app, config));
  Row(text, "cwd", app.cwd.empty() ? config.cwd : app.cwd);
  Row(text, "mode",
      fmt::format("{}, {}", app.exec_mode,
                  Count(static_cast<std::size_t>(std::max(0, app.instances)), "instance")));
  Row(text, "namespace", app.namespace_);
  if (!config.uid.empty()) Row(text, "user", config.uid);
  Row(text, "listen", Join(config.listen, ", "));
  Row(text, "ready", ReadyWhen(config));
  Row(text, "health", HealthChecks(config));
  const bool by_message = config.shutdown_with_message;
  Row(text, "stop",
      fmt::format("{}, after {} SIGKILL",
                  by_message ? "the message shutdown" : SignalName(config.kill_signal),
                  FormatDuration(config.kill_timeout)));
  Row(text, "restarts", RestartPolicy(config));
  Row(text, "", Triggers(config));
  Row(text, "logs", LogPolicy(context, config));
  Row(text, "", LogUse(context, config));
  Row(text, "", config.out_file.empty() ? "" : "stdout also to " + config.out_file);
  Row(text, "", config.error_file.empty() ? "" : "stderr also to " + config.error_file);
  Row(text, "", config.log_file.empty() ? "" : "both also to " + config.log_file);
  return text;
}

// Why it was restarted, and how the last lives ended.
std::string History(const Context& context, const AppStatus& app) {
  std::array<std::uint64_t, kRestartReasons> sums{};
  for (const WorkerStatus& worker : app.workers) {
    for (std::size_t i = 0; i < kRestartReasons; ++i)
      sums[i] += worker.restarts_by_reason[i];
  }
  std::vector<std::string> reasons;
  for (std::size_t i = 0; i < kRestartReasons; ++i) {
    if (sums[i] == 0) continue;
    reasons.push_back(fmt::format("{} {}", Name(static_cast<RestartReason>(i)), sums[i]));
  }
  std::string text;
  if (!reasons.empty()) text += "\n  Restarts  " + Join(reasons, ", ") + '\n';
  bool titled = false;
  for (const WorkerStatus& worker : app.workers) {
    if (!worker.last_exit) continue;
    if (!titled) text += "\n  Last exits\n";
    titled = true;
    text += fmt::format("    {}  {}:{}  {}\n", FormatRfc3339(worker.last_exit->time).substr(0, 19),
                        app.name, worker.slot, DescribeExit(*worker.last_exit, context.now()));
    if (worker.state == WorkerState::kOnline) continue;
    for (const std::string& line :
         LastStderr(context, app.name, worker.slot, worker.incarnation, kNumbersLimit)) {
      text += "        " + Harmless(line) + '\n';
    }
  }
  return text;
}

std::string Describe(const Context& context, const AppStatus& app, const Answer& answer) {
  const Style& style = context.terminal.out_style();
  const std::string_view state = StateOf(app);
  const auto up = std::count_if(app.workers.begin(), app.workers.end(),
                                [](const auto& w) { return w.state == WorkerState::kOnline; });
  std::string text = fmt::format(
      "{}  {}  {} of {} up\n", style.Paint(Colour::kBold, app.name),
      style.Paint(ColourOf(state), fmt::format("{} {}", Glyph(state, style.unicode), state)), up,
      Count(app.workers.size(), "worker"));
  for (const auto& [name, json] : answer.configs) {
    if (name != app.name) continue;
    if (const auto config = config::AppConfigFromJson(json); config) {
      text += Settings(context, app, *config);
    }
  }
  text += '\n' + WorkersTable({app}, style, context.now()).Render(style);
  text += History(context, app);
  text += fmt::format("\n  tend logs {0}    tend env {0}\n", app.name);
  return text;
}

}  // namespace

ExitCode DoDescribe(const Context& context, const Arguments& arguments) {
  if (arguments.words.empty()) {
    return Usage(context, "which app?", "tend describe APP; `tend list` shows all");
  }
  Request request;
  request.verb = "describe";
  request.select = arguments.words;
  auto answer = Ask(context, request);
  if (!answer) return Complain(context, answer.error());
  if (answer->exit != 0) return Conclude(context, *answer, arguments.words);
  AddNumbers(context, answer->apps);
  if (arguments.Has("json")) {
    context.terminal.Out(DescribeJson(*answer, context.now()) + '\n');
    return ExitCode::kOk;
  }
  std::string_view between;
  for (const AppStatus& app : answer->apps) {
    context.terminal.Out(between);
    context.terminal.Out(Describe(context, app, *answer));
    between = "\n";
  }
  return ExitCode::kOk;
}

}  // namespace tend::cli
