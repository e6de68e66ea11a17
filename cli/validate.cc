#include <fmt/format.h>

#include "cli/commands.h"
#include "cli/text.h"
#include "config/describe.h"
#include "config/problem.h"
#include "config/reader.h"
#include "config/resolve.h"

namespace tend::cli {

ExitCode DoValidate(const Context& context, const Arguments& arguments) {
  auto process = config::ContextOfProcess();
  if (!process) return Complain(context, process.error());
  std::string path = arguments.words.empty() ? "" : arguments.words[0];
  if (path.empty()) {
    auto file = config::FindDefaultConfig(process->cwd);
    if (!file) return Usage(context, file.error().message(), "tend validate FILE");
    path = *file;
  }
  config::LoadOptions options;
  options.env_name = arguments.Get("env").value_or("");
  config::Loaded loaded = config::LoadFile(path, options);
  process->env_name = options.env_name;
  process->file = path;
  for (config::AppConfig& app : loaded.config.apps) {
    auto problems = config::Resolve(app, *process);
    loaded.problems.insert(loaded.problems.end(), problems.begin(), problems.end());
  }
  const bool colour = context.terminal.err_style().colour;
  std::size_t errors = 0;
  for (const config::Problem& problem : loaded.problems) {
    errors += problem.is_error ? 1 : 0;
    context.terminal.Err(config::FormatProblem(problem, loaded.source, colour));
  }
  if (errors > 0) {
    context.terminal.Note(Count(errors, "error") + " in " + path);
    return ExitCode::kBadConfig;
  }
  std::string what = Count(loaded.config.apps.size(), "app");
  if (const auto& observe = loaded.config.observe) {
    what += ", " + Count(observe->exporters.size(), "exporter");
    what += ", " + Count(observe->receivers.size(), "receiver");
  }
  if (!loaded.problems.empty()) what += ", " + Count(loaded.problems.size(), "warning");
  context.terminal.Out(fmt::format("{} is valid: {}\n", path, what));
  return ExitCode::kOk;
}

ExitCode DoSchema(const Context& context, const Arguments&) {
  context.terminal.Out(config::ConfigSchemaJson());
  return ExitCode::kOk;
}

}  // namespace tend::cli
