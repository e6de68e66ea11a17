#include "cli/outcome.h"

#include <algorithm>
#include <chrono>
#include <set>

#include <fmt/format.h>

#include "cli/failures.h"
#include "cli/interrupt.h"
#include "cli/progress.h"
#include "cli/state_view.h"
#include "cli/text.h"
#include "config/codec.h"

namespace tend::cli {
namespace {

std::set<std::uint64_t> Incarnations(const AppStatus& app) {
  std::set<std::uint64_t> all;
  for (const WorkerStatus& worker : app.workers)
    all.insert(worker.incarnation);
  return all;
}

const AppStatus* Find(const std::vector<AppStatus>& apps, const std::string& name) {
  const auto app =
      std::find_if(apps.begin(), apps.end(), [&](const AppStatus& a) { return a.name == name; });
  return app == apps.end() ? nullptr : &*app;
}

// The names that the request is about, as far as they exist.
std::vector<std::string> Concerned(const Request& request, const std::vector<AppStatus>& apps) {
  std::vector<std::string> names;
  for (const Selected& hit : SelectAll(request.select, apps).hits) {
    if (std::find(names.begin(), names.end(), hit.app) == names.end()) names.push_back(hit.app);
  }
  for (const std::string& json : request.apps) {
    if (const auto config = config::AppConfigFromJson(json); config) names.push_back(config->name);
  }
  return names;
}

// "2 workers online", "1 of 2 workers online", "stopped".
std::string Summary(const AppStatus& app) {
  const auto online = static_cast<std::size_t>(
      std::count_if(app.workers.begin(), app.workers.end(),
                    [](const auto& w) { return w.state == WorkerState::kOnline; }));
  if (online == app.workers.size()) return Count(online, "worker") + " online";
  return fmt::format("{} of {} online", online, Count(app.workers.size(), "worker"));
}

// Core calls it a success all the same: autostart is off, or it ran to its end.
std::string NotOnline(const Context& context, const AppStatus& app) {
  std::string text(StateOf(app));
  const auto ended = std::find_if(app.workers.begin(), app.workers.end(),
                                  [](const auto& w) { return w.last_exit.has_value(); });
  if (ended != app.workers.end()) text += ", " + DescribeExit(*ended->last_exit, context.now());
  return text;
}

bool Failed(const Answer& answer, const std::string& app) {
  return std::any_of(answer.failures.begin(), answer.failures.end(),
                     [&](const Failure& failure) { return failure.app == app; });
}

}  // namespace

ExitCode ActOnApps(const Context& context,
                   const Request& request,
                   std::string_view past,
                   std::string_view present) {
  const auto before = ListApps(context);
  if (!before) return Complain(context, before.error());
  const auto begun = std::chrono::steady_clock::now();
  SayWhenInterrupted("\nthe daemon goes on with it; `tend list` shows how far it is\n");
  ProgressLine progress_line(context.terminal);
  const auto answer =
      Ask(context, request, kActionLimit,
          [&progress_line](const Progress& progress) { progress_line.Tell(progress); });
  progress_line.End();
  SayWhenInterrupted("");
  if (!answer) return Complain(context, answer.error());
  const auto took = std::chrono::steady_clock::now() - begun;
  const auto after = ListApps(context);
  const std::vector<AppStatus>& apps = after ? *after : *before;
  for (const std::string& name : Concerned(request, apps)) {
    const AppStatus* app = Find(apps, name);
    if (app == nullptr || Failed(*answer, name)) continue;
    std::string line;
    if (!request.wait) {
      line = fmt::format("{} {}", present, name);
    } else if (request.verb == "stop") {
      line = fmt::format("{} {}", past, name);
    } else if (StateOf(*app) != "online") {
      if (answer->exit != 0) continue;  // the error below is about it
      line = fmt::format("{} {}: {}", past, name, NotOnline(context, *app));
    } else {
      const AppStatus* old = Find(*before, name);
      const bool same = request.verb == "start" && old != nullptr && StateOf(*old) == "online" &&
                        Incarnations(*old) == Incarnations(*app);
      line = same ? fmt::format("{} was running already: {}", name, Summary(*app))
                  : fmt::format("{} {}: {} in {}", past, name, Summary(*app), HumanSpan(took));
    }
    context.terminal.Out(line + '\n');
  }
  ReportFailures(context, answer->failures,
                 request.verb == "stop" ? "did not stop" : "did not come up");
  // Core's own sentence would say it a second time.
  if (!answer->failures.empty() && answer->exit != 0) return static_cast<ExitCode>(answer->exit);
  return Conclude(context, *answer, request.select);
}

}  // namespace tend::cli
