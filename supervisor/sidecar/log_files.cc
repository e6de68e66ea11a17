#include "supervisor/sidecar/log_files.h"

#include <string>
#include <string_view>

namespace tend::supervisor {
namespace {

constexpr std::string_view kEnding = ".log";
// What PM2 takes `time: true` for.
constexpr char kTimeFormat[] = "YYYY-MM-DDTHH:mm:ss";

rotate::LineStyle StyleOf(const config::AppConfig& app, const AppStatus& status) {
  rotate::LineStyle style{.format = config::LineFormat::kRaw};
  style.pm2_json = app.log_type == config::LogType::kJson;
  style.dates = app.log_date_format.empty() && app.time ? kTimeFormat : app.log_date_format;
  if (style.pm2_json) {
    for (const WorkerStatus& worker : status.workers)
      style.ids.emplace(worker.slot, worker.id);
  }
  return style;
}

void Add(const std::string& path,
         bool out,
         bool err,
         const config::AppConfig& app,
         const AppStatus& status,
         std::vector<rotate::ExtraFile>& files) {
  if (path.empty() || path == "/dev/null") return;
  const rotate::LineStyle style = StyleOf(app, status);
  if (app.merge_logs || !path.ends_with(kEnding)) {
    files.push_back({path, out, err, -1, style});
    return;
  }
  const std::string stem = path.substr(0, path.size() - kEnding.size());
  for (const WorkerStatus& worker : status.workers) {
    files.push_back({stem + '-' + std::to_string(worker.id) + std::string(kEnding), out, err,
                     worker.slot, style});
  }
}

}  // namespace

std::vector<rotate::ExtraFile> ExtraFilesOf(const config::AppConfig& app, const AppStatus& status) {
  std::vector<rotate::ExtraFile> files;
  Add(app.out_file, true, false, app, status, files);
  Add(app.error_file, false, true, app, status, files);
  Add(app.log_file, true, true, app, status, files);
  return files;
}

config::LogConfig LimitsOfUnknown() {
  config::LogConfig limits;
  limits.max_age = {};
  limits.max_files = 0;
  limits.max_total = 0;
  limits.compress = false;
  return limits;
}

}  // namespace tend::supervisor
