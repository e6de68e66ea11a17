// The flags by which `tend start` and `tend run` configure an app: config/flags.h as rows of a
// command.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "config/config.h"

namespace tend::cli {

struct AppFlagRow {
  std::string names;  // "-n,--name": the one that config knows best is last
  std::string value;  // "": a switch
  std::string help;
  bool supported = true;  // false: typing it is answered with why not
};
const std::vector<AppFlagRow>& AppFlagRows();

// By its long name without dashes, as in Arguments::options.
bool IsAppFlag(std::string_view name);

// Those of `options` that are app flags, applied to `app`. Returns warnings.
Result<std::vector<config::Problem>> ApplyAppFlags(
    const std::vector<std::pair<std::string, std::string>>& options, config::AppConfig& app);

}  // namespace tend::cli
