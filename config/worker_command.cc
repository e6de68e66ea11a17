#include "config/worker_command.h"

#include <cstdint>
#include <map>

#include "base/number.h"
#include "config/address.h"
#include "config/identity.h"
#include "config/interpreter.h"

namespace tend::config {
namespace {

std::string Incremented(const std::map<std::string, std::string>& environment,
                        const std::string& name,
                        int slot) {
  std::int64_t number = 0;
  if (const auto found = environment.find(name); found != environment.end()) {
    std::string_view text = found->second;
    number = TakeNumber<std::int64_t>(text).value_or(0);
  }
  // Unsigned, so that the largest number wraps instead of being undefined.
  return std::to_string(static_cast<std::int64_t>(static_cast<std::uint64_t>(number) +
                                                  static_cast<std::uint64_t>(slot)));
}

}  // namespace

Command BuildCommand(const AppConfig& app) {
  Command command;
  if (app.interpreter == "none" || app.interpreter.empty()) {
    command.program = app.script;
    command.argv.push_back(app.script);
  } else {
    command.program = app.interpreter;
    command.argv.push_back(app.interpreter);
    command.argv.insert(command.argv.end(), app.node_args.begin(), app.node_args.end());
    command.argv.push_back(app.script);
  }
  command.argv.insert(command.argv.end(), app.args.begin(), app.args.end());
  return command;
}

std::vector<std::string> BuildEnvironment(const AppConfig& app, int slot, int id) {
  std::map<std::string, std::string> all;
  for (const auto& [name, value] : app.inherited_env) {
    if (!IsFilteredOut(app, name)) all.emplace(name, value);
  }
  if (!app.uid.empty()) {
    const auto identity = FindIdentity(app.uid, app.gid);
    if (identity && *identity && !(*identity)->name.empty()) {
      all["HOME"] = (*identity)->home;
      all["USER"] = (*identity)->name;
      all["LOGNAME"] = (*identity)->name;
    }
  }
  if (IsPython(app.interpreter)) all.emplace("PYTHONUNBUFFERED", "1");
  all["PWD"] = app.cwd;
  all["name"] = app.name;
  all["namespace"] = app.namespace_;
  all["exec_mode"] = app.exec_mode == ExecMode::kCluster ? "cluster_mode" : "fork_mode";
  all["instances"] = std::to_string(app.instances);
  all["pm_exec_path"] = app.script;
  all["pm_cwd"] = app.cwd;
  for (const auto& [name, value] : app.env)
    all.insert_or_assign(name, value);
  if (!app.instance_var.empty()) all[app.instance_var] = std::to_string(slot);
  if (!app.increment_var.empty()) {
    all[app.increment_var] = Incremented(app.env, app.increment_var, slot);
  }
  all["pm_id"] = std::to_string(id);
  all["TEND_APP"] = app.name;
  all["TEND_WORKER"] = std::to_string(slot);

  std::vector<std::string> lines;
  lines.reserve(all.size());
  for (const auto& [name, value] : all)
    lines.push_back(name + '=' + value);
  return lines;
}

int PortOf(const AppConfig& app, int slot) {
  const auto number = [](std::string_view text) {
    return ParseNumber<std::uint16_t>(text).value_or(0);
  };
  if (app.increment_var == "PORT") return number(Incremented(app.env, "PORT", slot));
  // They cannot all have it; which of them does is not said.
  if (app.exec_mode == ExecMode::kFork && app.instances > 1) return 0;
  for (const auto* variables : {&app.env, &app.inherited_env}) {
    const auto found = variables->find("PORT");
    if (found != variables->end() && number(found->second) != 0) return number(found->second);
  }
  for (const std::string& address : app.listen) {
    const auto parsed = ParseAddress(address);
    if (parsed && parsed->path.empty()) return parsed->port;
  }
  return 0;
}

bool SameForProcesses(AppConfig before, const AppConfig& after) {
  before.inherited_env = after.inherited_env;
  before.instances = after.instances;
  before.autostart = after.autostart;
  before.logs = after.logs;
  // What is done with processes; only the watchdog's limit is told to them.
  const Duration watchdog = before.health.watchdog;
  before.health = after.health;
  before.health.watchdog = watchdog;
  before.ready = after.ready;
  before.reload = after.reload;
  before.max_memory = after.max_memory;
  before.on_memory = after.on_memory;
  before.cron_restart = after.cron_restart;
  before.watch = after.watch;
  before.ignore_watch = after.ignore_watch;
  before.watch_delay = after.watch_delay;
  return before == after;
}

bool IsFilteredOut(const AppConfig& app, std::string_view name) {
  for (const std::string& part : app.filter_env) {
    const bool exact = part.starts_with('=');
    if (exact ? name == std::string_view(part).substr(1)
              : !part.empty() && name.find(part) != std::string_view::npos) {
      return true;
    }
  }
  return false;
}

}  // namespace tend::config
