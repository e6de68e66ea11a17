// What a worker is started with: program, arguments, environment. Everything comes from the
// resolved configuration; nothing from the process that asks.
//
// Thread: any. BuildEnvironment may read the user database (when the app has a `uid`).
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "config/config.h"

namespace tend::config {

struct Command {
  std::string program;            // absolute
  std::vector<std::string> argv;  // argv[0] first
};

// REQUIRES: `app` was resolved.
Command BuildCommand(const AppConfig& app);

// "NAME=value" lines, sorted, each name once. From weak to strong: what was inherited, the user's
// HOME, USER and LOGNAME, PM2's words about the worker, `env`, and what says who the worker is:
// the instance variable, the incremented one, pm_id, TEND_APP, TEND_WORKER.
// REQUIRES: `app` was resolved.
std::vector<std::string> BuildEnvironment(const AppConfig& app, int slot, int id);

// The TCP port on which a worker will listen, as far as its configuration tells: PORT of its
// environment, or the first port of `listen`. 0: that is not known.
// REQUIRES: `app` was resolved.
int PortOf(const AppConfig& app, int slot);

// False if `after` needs other processes than `before`. What is done with processes, and the
// environment of who typed the command, is no such change.
bool SameForProcesses(AppConfig before, const AppConfig& after);

// Whether filter_env keeps the variable from being inherited.
bool IsFilteredOut(const AppConfig& app, std::string_view name);

}  // namespace tend::config
