#include "supervisor/launch.h"

#include <unistd.h>

#include <utility>
#include <vector>

#include "base/paths.h"
#include "config/interpreter.h"
#include "config/telemetry_environment.h"
#include "config/worker_command.h"

namespace tend::supervisor {
namespace {

const config::TelemetryParts& Parts() {
  // Where they lie does not change while we run.
  static const config::TelemetryParts parts = [] {
    const auto if_there = [](std::string path) {
      return ::access(path.c_str(), R_OK) == 0 ? std::move(path) : std::string();
    };
    const std::string folder = ProgramFolder();
    const auto paths = PathsFromEnvironment();
    return config::TelemetryParts{if_there(folder + "/tend-preload.cjs"),
                                  if_there(folder + "/tend-python"),
                                  paths ? paths->statsd_socket : "", kTelemetryFdInWorker};
  }();
  return parts;
}

// As Node's own parent says it. NODE_UNIQUE_ID makes it a cluster's worker, and is never used
// twice.
void AddChannel(const config::AppConfig& app,
                const LifeWords& life,
                std::vector<std::string>& env) {
  env.push_back("NODE_CHANNEL_FD=" + std::to_string(kChannelFdInWorker));
  env.emplace_back("NODE_CHANNEL_SERIALIZATION_MODE=json");
  if (app.exec_mode != config::ExecMode::kCluster) return;
  env.push_back("NODE_UNIQUE_ID=" + std::to_string(life.incarnation));
  if (life.held && config::LoadsNodePreload(app, Parts())) env.emplace_back("TEND_HOLD=1");
}

}  // namespace

bool WantsTelemetry(const config::AppConfig& app) {
  return config::WantsPipe(app, Parts());
}

bool WantsChannel(const config::AppConfig& app) {
  return config::IsNode(app.interpreter);
}

std::string ProgramOf(const config::AppConfig& app) {
  const bool direct = app.interpreter.empty() || app.interpreter == "none";
  return direct ? app.script : app.interpreter;
}

Result<LaunchSpec> MakeLaunchSpec(const config::AppConfig& app,
                                  int slot,
                                  int id,
                                  const LifeWords& life) {
  LaunchSpec spec;
  auto command = config::BuildCommand(app);
  spec.program = std::move(command.program);
  spec.argv = std::move(command.argv);
  spec.env = config::BuildEnvironment(app, slot, id);
  spec.cwd = app.cwd;
  spec.uid = app.uid;
  spec.gid = app.gid;
  config::AddTelemetry(app, Parts(), spec.env);
  if (WantsChannel(app)) AddChannel(app, life, spec.env);
  if (!life.notify_socket.empty()) spec.env.push_back("NOTIFY_SOCKET=" + life.notify_socket);
  if (app.health.watchdog > config::Duration(0)) {
    const auto limit = std::chrono::duration_cast<std::chrono::microseconds>(app.health.watchdog);
    spec.env.push_back("WATCHDOG_USEC=" + std::to_string(limit.count()));
  }
  return spec;
}

}  // namespace tend::supervisor
