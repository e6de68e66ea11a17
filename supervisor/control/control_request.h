// One request of the control socket (base/control.h) as data.
//
// Pure; any thread. Total: any bytes give a request or an error.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "config/config.h"

namespace tend::supervisor {

struct ControlRequest {
  std::string verb;
  std::vector<std::string> select;
  std::optional<std::vector<config::AppConfig>> apps;
  std::optional<std::map<std::string, std::string>> update_env;
  std::string instances;
  std::string signal;
  std::string action;                // trigger
  std::optional<std::string> param;  // trigger
  bool wait = true;
  bool more = false;  // the next packet goes on with this one's apps
};

Result<ControlRequest> ParseRequest(std::string_view packet);

}  // namespace tend::supervisor
