// What a configuration leaves open, settled where the user is: name, folder, script, interpreter,
// number of workers, environment. Done once, by who starts the app; core starts what it is given.
//
// Thread: any; looks at the file system and at the user database.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "base/result.h"
#include "config/config.h"

namespace tend::config {

struct ResolveContext {
  std::string cwd;                                 // absolute: what relative paths start from
  std::map<std::string, std::string> environment;  // of who starts the app; has PATH and HOME
  int cpus = 1;                                    // what `max` means
  std::string env_name = {};                       // --env
  std::string file = {};                           // that the app is from, for problems
  bool check_files = true;  // false: only what can be said without looking at files and users
};

std::map<std::string, std::string> EnvironmentOfProcess();
// The context of this process: its folder, environment and CPUs.
Result<ResolveContext> ContextOfProcess();

// Settles `app`. If one of the problems is an error the app cannot be started.
std::vector<Problem> Resolve(AppConfig& app, const ResolveContext& context);

}  // namespace tend::config
