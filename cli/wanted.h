// What a person wants to run: the words of `tend start`, `restart`, `reload` and `run` are config
// files, scripts or apps that are known already.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/status.h"
#include "cli/arguments.h"
#include "cli/context.h"
#include "config/config.h"

namespace tend::cli {

struct Wanted {
  std::vector<config::AppConfig> apps;          // to be added or updated; resolved
  std::vector<std::string> select;              // known already
  std::vector<config::ObserveRequest> observe;  // one of each config file
  std::string listen;                           // that a config file asks for; empty: none does
};

enum class WordKind { kConfigFile, kKnownApp, kScript };
// Config files go by their names. A known app comes before a file of that name, but not before what
// is plainly a path.
WordKind KindOf(const std::string& word, const std::vector<AppStatus>& known);

// `known`: what core has now; empty if there is no core. Warnings and errors are said on the
// terminal; without a value the code is what to exit with.
struct WantedOrCode {
  std::optional<Wanted> wanted;
  ExitCode code = ExitCode::kOk;
};
WantedOrCode FindWanted(const Context& context,
                        CommandId command,
                        const Arguments& arguments,
                        const std::vector<AppStatus>& known);

}  // namespace tend::cli
