// What an app's keys mean together: PM2's rules about several of them, and what cannot be so. Pure.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "config/config.h"

namespace tend::config {

// Something that is wrong with `key`.
struct Finding {
  bool is_error;
  const char* code;  // config/problem.h
  std::string_view key;
  std::string message;
  std::string help;
};

struct Asked {
  std::function<bool(std::string_view key)> given;
  bool strict = true;          // what PM2 would let pass is an error
  bool pm2_instances = false;  // `instances` may mean cluster mode, as in PM2
  std::string owner = {};      // " in app \"web\""
};

// Settles `exec_mode` and `merge_logs` as far as names tell (the rest is Resolve's), and looks at
// what is left.
std::vector<Finding> CheckApp(AppConfig& app, const Asked& asked);

}  // namespace tend::config
