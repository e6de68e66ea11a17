#include "config/telemetry_environment.h"

#include <optional>
#include <string_view>

namespace tend::config {
namespace {

std::optional<std::string> Take(std::vector<std::string>& env, const std::string& name) {
  std::optional<std::string> value;
  std::erase_if(env, [&](const std::string& line) {
    if (!line.starts_with(name + '=')) return false;
    value = line.substr(name.size() + 1);
    return true;
  });
  return value;
}

void AddPython(const std::string& folder, std::vector<std::string>& env) {
  const auto existing = Take(env, "PYTHONPATH");
  std::string path = folder;
  if (existing && !existing->empty()) path += ':' + *existing;
  env.push_back("PYTHONPATH=" + path);
  // For the preload: the user's own, if there is one.
  if (existing) env.push_back("TEND_PYTHONPATH=" + *existing);
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

bool LoadsNodePreload(const AppConfig& app, const TelemetryParts& parts) {
  const std::string program = app.interpreter.substr(app.interpreter.rfind('/') + 1);
  const bool is_node = program == "node" || program == "nodejs";
  const bool wanted = app.telemetry == Telemetry::kAuto || app.exec_mode == ExecMode::kCluster;
  return is_node && wanted && !parts.node_preload.empty();
}

bool WantsPipe(const AppConfig& app, const TelemetryParts& parts) {
  switch (app.telemetry) {
    case Telemetry::kAuto:
      return LoadsNodePreload(app, parts);
    case Telemetry::kPython:
      return !parts.python_folder.empty();
    case Telemetry::kPipe:
      return true;
    case Telemetry::kOff:
      return false;
  }
  return false;
}

void AddTelemetry(const AppConfig& app,
                  const TelemetryParts& parts,
                  std::vector<std::string>& env) {
  if (LoadsNodePreload(app, parts)) {
    const std::string existing = Take(env, "NODE_OPTIONS").value_or("");
    env.push_back("NODE_OPTIONS=" + NodeOptions(parts.node_preload, existing));
    // For the preload, which gives it on to programs that the app starts.
    env.push_back("TEND_NODE_OPTIONS=" + existing);
  }
  const bool pipe = WantsPipe(app, parts);
  if (pipe && app.telemetry == Telemetry::kPython) AddPython(parts.python_folder, env);
  if (pipe) env.push_back("TEND_TELEMETRY_FD=" + std::to_string(parts.fd));
  if (app.telemetry != Telemetry::kOff && !parts.statsd_socket.empty()) {
    env.push_back("TEND_STATSD_SOCKET=" + parts.statsd_socket);
  }
}

}  // namespace tend::config
