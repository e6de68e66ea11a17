#include "cli/app_flags.h"

#include <algorithm>
#include <array>

#include "cli/command_table.h"
#include "config/flags.h"

namespace tend::cli {
namespace {

struct Metavariable {
  std::string_view key, text;
};

// What stands for the value in help.
std::string ValueOf(const config::Flag& flag) {
  static constexpr std::array<Metavariable, 20> kNamed = {{{"instances", "N"},
                                                           {"max_restarts", "N"},
                                                           {"port", "N"},
                                                           {"stop_exit_codes", "CODES"},
                                                           {"restart_delay", "TIME"},
                                                           {"exp_backoff_restart_delay", "TIME"},
                                                           {"min_uptime", "TIME"},
                                                           {"kill_timeout", "TIME"},
                                                           {"listen_timeout", "TIME"},
                                                           {"kill_signal", "SIGNAL"},
                                                           {"cwd", "DIR"},
                                                           {"out_file", "FILE"},
                                                           {"error_file", "FILE"},
                                                           {"log_file", "FILE"},
                                                           {"node_args", "ARGS"},
                                                           {"max_memory_restart", "SIZE"},
                                                           {"cron_restart", "TIMES"},
                                                           {"watch", "PATH"},
                                                           {"ignore_watch", "GLOBS"},
                                                           {"watch_delay", "TIME"}}};
  if (flag.takes == config::FlagTakes::kNothing) return {};
  const auto named = std::find_if(kNamed.begin(), kNamed.end(),
                                  [&](const Metavariable& m) { return m.key == flag.key; });
  const std::string value(named == kNamed.end() ? "NAME" : named->text);
  return flag.takes == config::FlagTakes::kMaybe ? '[' + value + ']' : value;
}

std::string NamesOf(const config::Flag& flag) {
  std::string names;
  for (const std::string_view name : {flag.also, flag.also_2}) {
    if (!name.starts_with("--")) names.append(name).append(name.empty() ? "" : ",");
  }
  for (const std::string_view name : {flag.also, flag.also_2}) {
    if (name.starts_with("--")) names.append(name).append(",");
  }
  return names.append(flag.name);
}

// The help is the key's, which a "--no-" flag turns off.
std::string HelpOf(const config::Flag& flag) {
  std::string help(flag.help);
  return flag.name.starts_with("--no-") ? "Turns off: " + help : help;
}

std::vector<AppFlagRow> MakeRows() {
  std::vector<AppFlagRow> rows;
  for (const config::Flag& flag : config::Flags())
    rows.push_back({NamesOf(flag), ValueOf(flag), HelpOf(flag), flag.supported});
  return rows;
}

}  // namespace

const std::vector<AppFlagRow>& AppFlagRows() {
  static const std::vector<AppFlagRow> rows = MakeRows();
  return rows;
}

bool IsAppFlag(std::string_view name) {
  return std::any_of(AppFlagRows().begin(), AppFlagRows().end(),
                     [&](const AppFlagRow& row) { return LongName(row.names) == name; });
}

Result<std::vector<config::Problem>> ApplyAppFlags(
    const std::vector<std::pair<std::string, std::string>>& options, config::AppConfig& app) {
  std::vector<std::pair<std::string, std::string>> flags;
  for (const auto& [name, value] : options) {
    if (IsAppFlag(name)) flags.emplace_back("--" + name, value);
  }
  return config::ApplyFlags(app, flags);
}

}  // namespace tend::cli
