#include "config/ecosystem.h"

#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <system_error>

#include <fmt/format.h>

#include "base/number.h"
#include "base/time.h"
#include "config/child_output.h"
#include "config/ecosystem_program.h"
#include "config/search_path.h"

namespace tend::config {
namespace {

Evaluated Failure(std::string message, std::string help = {}) {
  Evaluated evaluated;
  evaluated.error.message = std::move(message);
  evaluated.help = std::move(help);
  return evaluated;
}

int NumberOf(const Value* value) {
  return value == nullptr ? 0 : ParseNumber<int>(value->text).value_or(0);
}

std::string LastLines(std::string said) {
  while (!said.empty() && (said.back() == '\n' || said.back() == ' '))
    said.pop_back();
  if (said.empty()) return {};
  constexpr int kLines = 8;
  std::size_t at = said.size();
  for (int line = 0; line < kLines && at != std::string::npos && at > 0; ++line) {
    at = said.rfind('\n', at - 1);
  }
  if (at != std::string::npos && at > 0) said.erase(0, at + 1);
  return "it printed: " + said;
}

std::string HowItEnded(int status) {
  if (WIFSIGNALED(status)) return fmt::format("was killed by signal {}", WTERMSIG(status));
  return fmt::format("exited with code {}", WEXITSTATUS(status));
}

Evaluated FromAnswer(const std::string& name, ChildOutput output) {
  Parsed parsed = ParseJson(output.answer);
  const Value* ok = parsed.value.Find("ok");
  if (!parsed.ok || ok == nullptr) {
    return Failure(
        fmt::format("node {} before {} gave a configuration", HowItEnded(output.status), name),
        LastLines(std::move(output.said)));
  }
  Evaluated evaluated;
  if (ok->text != "true") {
    const Value* message = parsed.value.Find("message");
    evaluated.error.message = message == nullptr ? "it failed" : message->text;
    evaluated.error.mark.line = NumberOf(parsed.value.Find("line"));
    evaluated.error.mark.column = NumberOf(parsed.value.Find("column"));
    evaluated.help = LastLines(std::move(output.said));
    return evaluated;
  }
  evaluated.ok = true;
  for (Member& member : parsed.value.members) {
    if (member.key == "value") evaluated.value = std::move(member.value);
    if (member.key != "dropped") continue;
    for (Value& item : member.value.items)
      evaluated.dropped.push_back(std::move(item.text));
  }
  return evaluated;
}

Evaluated Evaluate(const char* how, const std::string& path, const EvaluateOptions& options) {
  const std::string name = std::filesystem::path(path).filename().string();
  const std::string node = FindNode(options.node);
  if (node.empty()) {
    return Failure(fmt::format("{} is JavaScript, and there is no node in PATH to read it", name),
                   "install Node.js, set TEND_NODE to its path, or write a tend.yaml");
  }
  std::error_code ignored;
  // The real path: it is what stacks name.
  std::string real = std::filesystem::canonical(path, ignored).string();
  if (real.empty()) real = std::filesystem::absolute(path, ignored).string();
  const ChildLimits limits{options.time_limit, options.output_max};
  auto ran =
      RunForAnswer({node, "-e", kEcosystemProgram, "--", how, real, options.env_name}, limits);
  if (!ran) return Failure(ran.error().message());
  if (ran->timed_out) {
    return Failure(fmt::format("{} did not finish within {} and was stopped", name,
                               FormatDuration(options.time_limit)),
                   LastLines(std::move(ran->said)));
  }
  if (ran->too_much) {
    return Failure(fmt::format("{} gives more than {} of configuration", name,
                               FormatSize(options.output_max)));
  }
  return FromAnswer(name, std::move(*ran));
}

}  // namespace

Evaluated EvaluateJavaScript(const std::string& path, const EvaluateOptions& options) {
  return Evaluate("file", path, options);
}

Evaluated EvaluateExpression(const std::string& path, const EvaluateOptions& options) {
  return Evaluate("expression", path, options);
}

std::string FindNode(const std::string& wanted) {
  const char* variable = ::getenv("TEND_NODE");
  std::string node = wanted;
  if (node.empty() && variable != nullptr) node = variable;
  if (node.empty()) node = "node";
  const char* path = ::getenv("PATH");
  return SearchPath(node, path == nullptr ? "" : path);
}

}  // namespace tend::config
