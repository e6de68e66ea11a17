#include <algorithm>
#include <chrono>

#include <fmt/format.h>

#include "cli/commands.h"
#include "cli/selection.h"
#include "cli/sidecar.h"
#include "cli/state_view.h"
#include "cli/text.h"

namespace tend::cli {
namespace {

// More would push the table off the screen, and each costs a question to the sidecar.
constexpr std::size_t kExplainedMax = 5;

// Keeps what was selected: whole apps, or single workers of them.
std::vector<AppStatus> Keep(const std::vector<AppStatus>& apps, const std::vector<Selected>& hits) {
  std::vector<AppStatus> kept;
  for (const AppStatus& app : apps) {
    AppStatus part = app;
    part.workers.clear();
    bool hit = false;
    for (const Selected& one : hits) {
      if (one.app != app.name) continue;
      hit = true;
      if (one.slot < 0) part.workers = app.workers;
    }
    if (!hit) continue;
    if (part.workers.empty()) {
      for (const WorkerStatus& worker : app.workers) {
        if (std::find(hits.begin(), hits.end(), Selected{app.name, worker.slot}) != hits.end()) {
          part.workers.push_back(worker);
        }
      }
    }
    kept.push_back(std::move(part));
  }
  return kept;
}

// Under the table: why an app was given up on, and what to type next.
void Explain(const Context& context, const std::vector<AppStatus>& apps) {
  const Style& style = context.terminal.out_style();
  const auto deadline = std::chrono::steady_clock::now() + kNumbersLimit;
  std::size_t explained = 0;
  for (const AppStatus& app : apps) {
    const auto worker = std::find_if(app.workers.begin(), app.workers.end(), [](const auto& w) {
      return w.state == WorkerState::kErrored;
    });
    if (worker == app.workers.end() || ++explained > kExplainedMax) continue;
    std::string text = fmt::format("\n{} {} gave up after {}",
                                   style.Paint(Colour::kRed, Glyph("errored", style.unicode)),
                                   app.name, Count(worker->restarts(), "restart"));
    if (worker->last_exit) text += ": " + DescribeExit(*worker->last_exit, context.now());
    text += ".\n";
    if (!worker->note.empty()) text += "    " + Harmless(worker->note) + '\n';
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
        deadline - std::chrono::steady_clock::now());
    const auto lines = LastStderr(context, app.name, worker->slot, worker->incarnation,
                                  std::max(left, std::chrono::milliseconds(1)));
    if (!lines.empty()) text += "  Last line on stderr:\n    " + Harmless(lines.back()) + '\n';
    text += fmt::format("  tend describe {0}    tend logs {0}    tend start {0}\n", app.name);
    context.terminal.Out(text);
  }
}

void Summarise(const Context& context, const std::vector<AppStatus>& apps) {
  std::size_t up = 0;
  std::size_t all = 0;
  for (const AppStatus& app : apps) {
    for (const WorkerStatus& worker : app.workers) {
      ++all;
      up += worker.state == WorkerState::kOnline ? 1 : 0;
    }
  }
  context.terminal.Out(
      fmt::format("\n{}, {} of {} up.\n", Count(apps.size(), "app"), up, Count(all, "worker")));
}

}  // namespace

ExitCode DoList(const Context& context, const Arguments& arguments) {
  auto apps = ListApps(context);
  if (!apps) return Complain(context, apps.error());
  const bool selected = !arguments.words.empty();
  if (selected) {
    const Selection selection = SelectAll(arguments.words, *apps);
    if (!selection.unknown.empty()) return NoSuchApp(context, selection.unknown, NamesOf(*apps));
    *apps = Keep(*apps, selection.hits);
  }
  AddNumbers(context, *apps);
  const Style& style = context.terminal.out_style();
  const Wall now = context.now();
  if (arguments.Has("json")) {
    context.terminal.Out(ListJson(*apps, now) + '\n');
  } else if (apps->empty()) {
    context.terminal.Note("no apps yet; `tend start FILE` adds some");
  } else if (selected) {
    context.terminal.Out(WorkersTable(*apps, style, now).Render(style));
    Explain(context, *apps);
  } else {
    context.terminal.Out(AppsTable(*apps, style, now).Render(style));
    Explain(context, *apps);
    Summarise(context, *apps);
  }
  const bool healthy = std::all_of(apps->begin(), apps->end(),
                                   [](const AppStatus& app) { return StateOf(app) == "online"; });
  return arguments.Has("check") && !healthy ? ExitCode::kUnhealthy : ExitCode::kOk;
}

}  // namespace tend::cli
