// What tend itself has to say, over spdlog. Rotated at 1 MiB, three files, so it can never fill a
// disk. Thread-safe.
#pragma once

#include <string>
#include <string_view>

#include "base/fact.h"

namespace tend {

// Call once, before threads. Lines go to `file`, and to stderr as well if `to_stderr`. The level is
// that of TEND_LOG_LEVEL (debug, info, warning, error), default info. A file that cannot be opened
// leaves stderr only.
void OpenLog(std::string_view role, const std::string& file, bool to_stderr);

void Log(Level level, std::string_view text);
inline void LogInfo(std::string_view text) {
  Log(Level::kInfo, text);
}
inline void LogWarning(std::string_view text) {
  Log(Level::kWarning, text);
}
inline void LogError(std::string_view text) {
  Log(Level::kError, text);
}

}  // namespace tend
