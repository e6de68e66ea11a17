#include "cli/beside.h"

#include <unistd.h>

#include <cerrno>
#include <vector>

#include "base/time.h"
#include "cli/text.h"
#include "config/problem.h"
#include "config/reader.h"

namespace tend::cli {

// What the sidecar would refuse in its own words, without the help that a person needs.
std::string WrongBesideOption(const Arguments& arguments) {
  for (const char* name : {"max-size", "max-total"}) {
    const auto value = arguments.Get(name);
    if (value && !ParseSize(*value)) return std::string("--") + name + ": not a size: " + *value;
  }
  if (const auto value = arguments.Get("max-age"); value && !ParseDuration(*value)) {
    return "--max-age: not a time: " + *value;
  }
  if (const auto value = arguments.Get("max-files");
      value && (value->empty() || value->size() > 6 ||
                value->find_first_not_of("0123456789") != std::string::npos)) {
    return "--max-files: not a number: " + *value;
  }
  if (const auto value = arguments.Get("format");
      value && *value != "tend" && *value != "cri" && *value != "json" && *value != "raw") {
    return "--format: not one of tend, cri, json, raw: " + *value;
  }
  if (const auto value = arguments.Get("pid");
      value && (value->empty() || value->size() > 9 || value->front() == '0' ||
                value->find_first_not_of("0123456789") != std::string::npos)) {
    return "--pid: not a pid: " + *value;
  }
  return {};
}

std::string AbsolutePath(const std::string& path) {
  char here[4096];
  if (path.starts_with('/') || ::getcwd(here, sizeof here) == nullptr) return path;
  return std::string(here) + '/' + path;
}

std::optional<ExitCode> RefuseConfig(const Context& context, const Arguments& arguments) {
  const auto file = arguments.Get("config");
  if (!file) return std::nullopt;
  const config::Loaded loaded = config::LoadFile(*file, {});
  const bool colour = context.terminal.err_style().colour;
  for (const config::Problem& problem : loaded.problems)
    context.terminal.Err(config::FormatProblem(problem, loaded.source, colour));
  if (!loaded.ok()) return ExitCode::kBadConfig;
  if (loaded.config.observe) return std::nullopt;
  return Usage(context, Harmless(*file) + " has none of the sections metrics, export and notify",
               "apps in it are for `tend start`");
}

ExitCode BecomeSidecar(const Context& context,
                       const std::string& mode,
                       const Arguments& arguments) {
  const std::string program = ProgramFolder() + "/tend-sidecar";
  std::vector<std::string> words{program, mode, arguments.words[0]};
  for (const auto& [name, value] : arguments.options) {
    words.push_back("--" + name);
    const bool is_switch = name == "tee" || name == "from-start";
    if (!is_switch) words.push_back(name == "config" ? AbsolutePath(value) : value);
  }
  std::vector<char*> pointers;
  for (std::string& word : words)
    pointers.push_back(word.data());
  pointers.push_back(nullptr);
  ::execv(program.c_str(), pointers.data());
  return Complain(context, SysError("run " + program, errno));
}

}  // namespace tend::cli
