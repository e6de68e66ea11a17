#include "cli/failures.h"

#include <algorithm>
#include <chrono>

#include <fmt/format.h>

#include "cli/port_holder.h"
#include "cli/selection.h"
#include "cli/sidecar.h"
#include "cli/text.h"

namespace tend::cli {
namespace {

// Twenty workers that fail fail for one reason.
constexpr std::size_t kShownMax = 3;
constexpr std::size_t kLinesMax = 20;
// The sidecar itself waits up to 1 s for the last bytes.
constexpr std::chrono::milliseconds kStderrLimit{1500};

std::string Sentence(const Failure& failure, std::string_view what) {
  if (failure.serving_pid != 0) {
    return fmt::format("{} was not replaced: {}; its old process, {}, still serves", failure.Name(),
                       failure.why, failure.serving_pid);
  }
  std::string text = failure.Name() + ' ' + std::string(what);
  if (!failure.why.empty()) text += ": " + failure.why;
  if (!failure.exit || !failure.exit->known) return text;
  // Core's sentence often says it already.
  const std::string exit = Describe(*failure.exit);
  const std::string bare = failure.exit->signal
                               ? SignalName(*failure.exit->signal)
                               : "code " + std::to_string(failure.exit->code.value_or(0));
  return text.find(bare) == std::string::npos ? text + " (" + exit + ')' : text;
}

// Whose worker it is, if ours: a holder may be a child of a worker, so only exact pids count.
std::string WorkerWithPid(const Context& context, int pid) {
  const auto apps = ListApps(context);
  if (!apps) return {};
  for (const AppStatus& app : *apps) {
    for (const WorkerStatus& worker : app.workers) {
      if (worker.pid == pid) return fmt::format("{}:{}", app.name, worker.slot);
    }
  }
  return {};
}

void HintAtPort(const Context& context, const std::vector<std::string>& lines) {
  const int port = PortInUse(lines);
  if (port == 0) return;
  if (port < 0) {
    context.terminal.Help("the address that it wants to listen on is in use");
    return;
  }
  const int pid = PortHolder(port);
  if (pid == 0) {
    context.terminal.Help(fmt::format("port {} is in use; `ss -ltnp` shows by whom", port));
    return;
  }
  const std::string worker = WorkerWithPid(context, pid);
  context.terminal.Help(
      fmt::format("port {} is held by pid {} ({}){}", port, pid, Harmless(ProcessName(pid)),
                  worker.empty() ? std::string() : ", worker " + worker + " of tend"));
}

}  // namespace

void ReportFailures(const Context& context,
                    const std::vector<Failure>& failures,
                    std::string_view what) {
  std::vector<std::string> apps;
  for (std::size_t i = 0; i < failures.size() && i < kShownMax; ++i) {
    const Failure& failure = failures[i];
    context.terminal.Error(Harmless(Sentence(failure, what)));
    if (failure.slot < 0) continue;
    auto lines = LastStderr(context, failure.app, failure.slot, failure.incarnation, kStderrLimit);
    if (!lines.empty()) context.terminal.Note("  its last lines on stderr:");
    const std::size_t skipped = lines.size() > kLinesMax ? lines.size() - kLinesMax : 0;
    for (std::size_t l = skipped; l < lines.size(); ++l)
      context.terminal.Note("    " + Harmless(lines[l]));
    HintAtPort(context, lines);
    if (std::find(apps.begin(), apps.end(), failure.app) == apps.end()) {
      apps.push_back(failure.app);
    }
  }
  if (failures.size() > kShownMax) {
    context.terminal.Note(fmt::format("and {} more", failures.size() - kShownMax));
  }
  for (const std::string& app : apps)
    context.terminal.Help(fmt::format("`tend logs {0}`, `tend describe {0}`", app));
}

}  // namespace tend::cli
