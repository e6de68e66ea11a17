#include "supervisor/launch.h"

#include <unistd.h>

#include <utility>
#include <vector>

#include "base/paths.h"
#include "config/interpreter.h"
#include "config/worker_command.h"

namespace tend::supervisor {
namespace {

constexpr std::string_view kNodeOptions = "NODE_OPTIONS=";

const std::string& Preload() {
  // Where it lies does not change while we run.
  static const std::string path = [] {
    std::string file = ProgramFolder() + "/tend-preload.cjs";
    return ::access(file.c_str(), R_OK) == 0 ? file : std::string();
  }();
  return path;
}

void AddTelemetry(std::vector<std::string>& env) {
  std::string existing;
  for (auto variable = env.begin(); variable != env.end();) {
    if (variable->starts_with(kNodeOptions)) {
      existing = variable->substr(kNodeOptions.size());
      variable = env.erase(variable);
    } else {
      ++variable;
    }
  }
  env.push_back(std::string(kNodeOptions) + NodeOptions(Preload(), existing));
  // For the preload, which gives it on to programs that the app starts.
  env.push_back("TEND_NODE_OPTIONS=" + existing);
  env.push_back("TEND_TELEMETRY_FD=" + std::to_string(kTelemetryFdInWorker));
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
  if (life.held && WantsTelemetry(app)) env.emplace_back("TEND_HOLD=1");
}

}  // namespace

std::string NodeOptions(const std::string& preload, const std::string& existing) {
  // Node reads quotes and backslashes in this variable as we write them.
  std::string options = "--require \"";
  for (const char c : preload) {
    if (c == '"' || c == '\\') options += '\\';
    options += c;
  }
  options += '"';
  if (!existing.empty()) options += ' ' + existing;
  return options;
}

bool WantsTelemetry(const config::AppConfig& app) {
  const std::string program = app.interpreter.substr(app.interpreter.rfind('/') + 1);
  return (program == "node" || program == "nodejs") && !Preload().empty();
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
  if (WantsTelemetry(app)) AddTelemetry(spec.env);
  if (WantsChannel(app)) AddChannel(app, life, spec.env);
  if (!life.notify_socket.empty()) spec.env.push_back("NOTIFY_SOCKET=" + life.notify_socket);
  if (app.health.watchdog > config::Duration(0)) {
    const auto limit = std::chrono::duration_cast<std::chrono::microseconds>(app.health.watchdog);
    spec.env.push_back("WATCHDOG_USEC=" + std::to_string(limit.count()));
  }
  return spec;
}

}  // namespace tend::supervisor
