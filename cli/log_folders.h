// What lies in the folders of logs, read there: works without a daemon. `tend logs du` and `path`.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/exit_code.h"
#include "base/files.h"
#include "base/result.h"
#include "cli/context.h"

namespace tend::cli {

struct LogFolder {
  std::string app;  // as it is kept in the folder; else the folder's name
  std::string path;
  std::uint64_t files = 0;          // but for those that are hidden, which are no logs
  std::uint64_t archives = 0;       // of them, compressed
  std::uint64_t bytes = 0;          // of all
  std::uint64_t archive_bytes = 0;  // of the archives
};

// By the names of the folders. A file that goes while we look is not counted; a folder that is
// missing is empty.
Result<std::vector<LogFolder>> ListLogFolders(Files& files, const std::string& logs);

// An app is found by its name and by that of its folder.
//
// `tend logs du [APP]...`: how much lies there, the largest first, and the sum. As JSON:
// {"schema":"tend.log_use/1","apps":[{"name":…,"files":…,"bytes":…,"archives":…,"archive_bytes":…}]}
ExitCode ShowLogUse(const Context& context, const std::vector<std::string>& apps, bool as_json);
// `tend logs path [APP]...`: the folders, one a line. Without an app: where all of them are. As
// JSON: {"schema":"tend.log_paths/1","folder":…,"apps":[{"name":…,"path":…}]}
ExitCode ShowLogPaths(const Context& context, const std::vector<std::string>& apps, bool as_json);

}  // namespace tend::cli
