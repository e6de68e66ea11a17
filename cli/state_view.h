// How states look: always a glyph and a word, never a colour alone.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "cli/table.h"
#include "cli/terminal.h"

namespace tend::cli {

// Of a worker's state, or an app's ("degraded").
std::string_view Glyph(std::string_view state, bool unicode);
Colour ColourOf(std::string_view state);

// "exit code 1, 4s ago".
std::string DescribeExit(const ExitStatus& exit, Wall now);
// Why a worker is not online, or "".
std::string NoteOf(const WorkerStatus& worker, Wall now);
// The age of its process, or "-".
std::string Uptime(const WorkerStatus& worker, Wall now);

// The tables of `tend list`, `tend list APP` and `tend describe APP`.
Table AppsTable(const std::vector<AppStatus>& apps, const Style& style, Wall now);
Table WorkersTable(const std::vector<AppStatus>& apps, const Style& style, Wall now);

}  // namespace tend::cli
