// How the log of an app is kept: limits, and the plain files that it asked for beside its own log,
// as PM2 names them.
#pragma once

#include <vector>

#include "base/status.h"
#include "config/config.h"
#include "rotate/app_log.h"

namespace tend::supervisor {

// out_file, error_file and log_file. Without merge_logs each worker has its own: "-<id>" goes
// before a final ".log", as PM2 has it; other names are shared by all. Their lines look as
// log_date_format, time and log_type say.
std::vector<rotate::ExtraFile> ExtraFilesOf(const config::AppConfig& app, const AppStatus& status);

// Of an app that core does not know any more, or not yet: nothing is removed or changed for limits
// that nobody gave. What holds for the disk as a whole holds.
config::LogConfig LimitsOfUnknown();

}  // namespace tend::supervisor
