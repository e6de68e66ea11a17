// Configuration files → Config, or everything that is wrong with them. Reads tend.yaml and PM2's
// ecosystem files through the table of keys (config/keys.h).
//
// Thread: any; JavaScript files block until node has answered (config/ecosystem.h).
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "config/config.h"

namespace tend::config {

// How strict a file is read: in tend's own, what is not understood is an error; in PM2's, a
// warning, because it ran under PM2.
enum class Dialect : std::uint8_t { kTend, kEcosystem };
// By the name: .js .cjs .mjs and .json but tend.json, and YAML called ecosystem*, pm2* or process*
// are PM2's.
Dialect DialectOf(std::string_view path);
// Whether `tend start PATH` means a configuration and not a script.
bool IsConfigFile(std::string_view path);

struct LoadOptions {
  std::string env_name = {};  // --env; a configuration that is a function gets it
  bool strict = false;        // read PM2's files as strictly as tend's
  std::string node = {};      // see EvaluateOptions
  std::chrono::milliseconds time_limit{5000};
};

struct Loaded {
  Config config;  // apps are not resolved yet
  std::vector<Problem> problems;
  std::string source;  // the text of the file, for FormatProblem

  bool ok() const;  // no problem is an error: `config` may be used
};

Loaded LoadFile(const std::string& path, const LoadOptions& options);
// The same from text that is no JavaScript; `name` stands in problems and decides the dialect.
Loaded LoadText(std::string_view text, const std::string& name, const LoadOptions& options);

// The file to use when none is named: TEND_CONFIG, then tend.* and ecosystem.config.* in `cwd`,
// then /etc/tend/tend.yaml. Errc::kNotFound lists what was tried.
Result<std::string> FindDefaultConfig(const std::string& cwd);

}  // namespace tend::config
