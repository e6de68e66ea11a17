#include "supervisor/sidecar/log_files.h"

#include <string>
#include <string_view>

namespace tend::supervisor {
namespace {

constexpr std::string_view kEnding = ".log";

void Add(const std::string& path,
         bool out,
         bool err,
         const config::AppConfig& app,
         const AppStatus& status,
         std::vector<rotate::ExtraFile>& files) {
  if (path.empty() || path == "/dev/null") return;
  if (app.merge_logs || !path.ends_with(kEnding)) {
    files.push_back({path, out, err, -1});
    return;
  }
  const std::string stem = path.substr(0, path.size() - kEnding.size());
  for (const WorkerStatus& worker : status.workers) {
    files.push_back(
        {stem + '-' + std::to_string(worker.id) + std::string(kEnding), out, err, worker.slot});
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

}  // namespace tend::supervisor
