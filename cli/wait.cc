#include <algorithm>
#include <chrono>
#include <thread>

#include <fmt/format.h>

#include "cli/commands.h"
#include "cli/interrupt.h"
#include "cli/selection.h"
#include "cli/state_view.h"
#include "cli/text.h"

namespace tend::cli {
namespace {

constexpr auto kPoll = std::chrono::milliseconds(100);

std::vector<WorkerStatus> WorkersOf(const std::vector<AppStatus>& apps, const Selected& hit) {
  std::vector<WorkerStatus> workers;
  for (const AppStatus& app : apps) {
    if (app.name != hit.app) continue;
    for (const WorkerStatus& worker : app.workers) {
      if (hit.slot < 0 || hit.slot == worker.slot) workers.push_back(worker);
    }
  }
  return workers;
}

// What keeps the selection from being online: a sentence, or "" if nothing does. `hopeless`:
// waiting does not help.
std::string Missing(const Context& context,
                    const std::vector<AppStatus>& apps,
                    const Selection& selection,
                    bool& hopeless) {
  std::string missing;
  for (const Selected& hit : selection.hits) {
    for (const WorkerStatus& worker : WorkersOf(apps, hit)) {
      if (worker.state == WorkerState::kOnline) continue;
      if (worker.state == WorkerState::kErrored) hopeless = true;
      const std::string note = NoteOf(worker, context.now());
      missing = fmt::format("{}:{} is {}{}", hit.app, worker.slot, Name(worker.state),
                            note.empty() ? "" : ": " + note);
      if (hopeless) return missing;
    }
  }
  return missing;
}

}  // namespace

ExitCode DoWait(const Context& context, const Arguments& arguments) {
  if (arguments.words.empty()) return Usage(context, "wait for which app?", "tend wait APP");
  const std::string typed = arguments.Get("timeout").value_or("60s");
  const auto limit = ParseDuration(typed);
  if (!limit) return Usage(context, "--timeout: not a time: " + Harmless(typed), "90s, 5m");
  SayWhenInterrupted("");
  const auto deadline = std::chrono::steady_clock::now() + *limit;
  for (;;) {
    const auto apps = ListApps(context);
    if (!apps) return Complain(context, apps.error());
    const Selection selection = SelectAll(arguments.words, *apps);
    if (!selection.unknown.empty()) return NoSuchApp(context, selection.unknown, NamesOf(*apps));
    bool hopeless = false;
    const std::string missing = Missing(context, *apps, selection, hopeless);
    if (missing.empty()) return ExitCode::kOk;
    if (hopeless) {
      context.terminal.Error(missing);
      return ExitCode::kUnhealthy;
    }
    if (std::chrono::steady_clock::now() >= deadline) {
      context.terminal.Error(
          fmt::format("not online after {}: {}", FormatDuration(*limit), missing));
      return ExitCode::kTimeout;
    }
    std::this_thread::sleep_for(kPoll);
  }
}

}  // namespace tend::cli
