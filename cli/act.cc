// Commands that ask core for one thing and say whether it happened.
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "base/revision.h"
#include "cli/commands.h"
#include "cli/failures.h"
#include "cli/keeper_process.h"
#include "cli/outcome.h"
#include "cli/selection.h"
#include "cli/text.h"

namespace tend::cli {
namespace {

constexpr auto kGoneLimit = std::chrono::seconds(30);

ExitCode MissingApp(const Context& context, CommandId command) {
  const CommandRow& row = RowOf(command);
  return Usage(context, "which app?",
               fmt::format("tend {} {}; `all` means every app", row.name, row.synopsis));
}

// Sends `request` and concludes; `done` is said when it worked.
ExitCode Act(const Context& context, Request request, std::string_view done) {
  request.wait = true;
  const auto answer = Ask(context, request, kActionLimit);
  if (!answer) return Complain(context, answer.error());
  ReportFailures(context, answer->failures, "failed");
  const ExitCode code = Conclude(context, *answer, request.select);
  if (code == ExitCode::kOk) context.terminal.Out(std::string(done) + '\n');
  return code;
}

ExitCode ActOnLogs(const Context& context,
                   const Arguments& arguments,
                   std::string_view verb,
                   std::string_view done) {
  Request request;
  request.verb = verb;
  request.select = arguments.words;
  if (request.select.empty()) request.select = {"all"};
  const std::string whose = Join(request.select, ", ");
  return Act(context, std::move(request), std::string(done) + whose);
}

}  // namespace

ExitCode DoStop(const Context& context, const Arguments& arguments) {
  if (arguments.words.empty()) return MissingApp(context, CommandId::kStop);
  Request request;
  request.verb = "stop";
  request.select = arguments.words;
  request.wait = !arguments.Has("no-wait");
  return ActOnApps(context, request, "stopped", "stopping");
}

ExitCode DoDelete(const Context& context, const Arguments& arguments) {
  if (arguments.words.empty()) return MissingApp(context, CommandId::kDelete);
  Request request;
  request.verb = "delete";
  request.select = arguments.words;
  return Act(context, request, "deleted " + Join(arguments.words, ", ") + "; logs are kept");
}

ExitCode DoReset(const Context& context, const Arguments& arguments) {
  if (arguments.words.empty()) return MissingApp(context, CommandId::kReset);
  Request request;
  request.verb = "reset";
  request.select = arguments.words;
  return Act(context, request, "reset the counters of " + Join(arguments.words, ", "));
}

ExitCode DoScale(const Context& context, const Arguments& arguments) {
  if (arguments.words.size() != 2) {
    return Usage(context, "scale which app to how many workers?", "tend scale api 4 (or +1, -1)");
  }
  const std::string& count = arguments.words[1];
  const std::string digits = count.substr(count.find_first_not_of("+-") == 1 ? 1 : 0);
  if (digits.empty() || digits.size() > 5 ||
      digits.find_first_not_of("0123456789") != std::string::npos) {
    return Usage(context, '"' + Harmless(count) + "\" is not a number of workers",
                 "tend scale api 4 (or +1, -1)");
  }
  Request request;
  request.verb = "scale";
  request.select = {arguments.words[0]};
  request.instances = count;
  return ActOnApps(context, request, "scaled", "scaling");
}

ExitCode DoSignal(const Context& context, const Arguments& arguments) {
  if (arguments.words.size() < 2) {
    return Usage(context, "which signal to which app?", "tend signal SIGUSR1 api");
  }
  const std::string& name = arguments.words[0];
  const int number = SignalNumber(name);
  if (number == 0) {
    return Usage(context, '"' + Harmless(name) + "\" is not a signal",
                 "names are as in `kill -l`: SIGHUP, SIGUSR1, SIGTERM");
  }
  Request request;
  request.verb = "signal";
  request.select.assign(arguments.words.begin() + 1, arguments.words.end());
  request.signal = SignalName(number);
  return Act(context, request, "sent " + SignalName(number) + " to " + Join(request.select, ", "));
}

ExitCode DoTrigger(const Context& context, const Arguments& arguments) {
  if (arguments.words.size() < 2 || arguments.words.size() > 3) {
    return Usage(context, "which action of which app?", "tend trigger api cache:clear [PARAMETER]");
  }
  Request request;
  request.verb = "trigger";
  request.select = {arguments.words[0]};
  request.action = arguments.words[1];
  if (arguments.words.size() == 3) request.param = arguments.words[2];
  const auto answer = Ask(context, request, kActionLimit);
  if (!answer) return Complain(context, answer.error());
  for (const Answer::Reply& reply : answer->replies)
    context.terminal.Out(fmt::format("{}:{} {}\n", reply.app, reply.slot, reply.json));
  return Conclude(context, *answer, request.select);
}

ExitCode DoFlush(const Context& context, const Arguments& arguments) {
  Request request;
  request.verb = "flush";
  request.select = arguments.words;
  if (arguments.Has("all")) request.select = {"all"};
  if (request.select.empty()) {
    return Usage(context, "which logs? They will be deleted",
                 "name an app, or say --all for the logs of all apps");
  }
  return Act(context, request, "deleted the logs of " + Join(request.select, ", "));
}

ExitCode DoLogsRotate(const Context& context, const Arguments& arguments) {
  return ActOnLogs(context, arguments, "rotate", "rotated the logs of ");
}

ExitCode DoLogsReopen(const Context& context, const Arguments& arguments) {
  return ActOnLogs(context, arguments, "reopen", "reopened the logs of ");
}

ExitCode DoSave(const Context& context, const Arguments&) {
  Request request;
  request.verb = "save";
  return Act(context, request,
             "saved to " + context.paths.state + "/apps.json (tend does so at every change)");
}

ExitCode DoPing(const Context& context, const Arguments&) {
  Request request;
  request.verb = "ping";
  const auto answer = Ask(context, request);
  if (!answer) return Complain(context, answer.error());
  const ExitCode code = Conclude(context, *answer, {});
  if (code == ExitCode::kOk) {
    context.terminal.Out(fmt::format("pong from tend {}, pid {}\n", answer->version, answer->pid));
  }
  return code;
}

ExitCode DoVersion(const Context& context, const Arguments& arguments) {
  Request request;
  request.verb = "ping";
  const auto answer = Ask(context, request, std::chrono::seconds(1));
  const bool reached = answer && answer->exit == 0;
  if (arguments.Has("json")) {
    context.terminal.Out(VersionJson(Version(), reached ? &*answer : nullptr) + '\n');
    return ExitCode::kOk;
  }
  context.terminal.Out(fmt::format("tend {} ({})\n", Version(), Revision()));
  context.terminal.Out(reached ? fmt::format("daemon {}, pid {}, at {}\n", answer->version,
                                             answer->pid, context.paths.control_socket)
                               : fmt::format("no daemon at {}\n", context.paths.control_socket));
  return ExitCode::kOk;
}

namespace {

using Deadline = std::chrono::steady_clock::time_point;

bool IsOver(Deadline deadline) {
  return std::chrono::steady_clock::now() > deadline;
}

// While a core that died is started again nobody answers, and yet tend runs.
Result<std::vector<AppStatus>> AppsBehindKeeper(const Context& context, Deadline deadline) {
  for (;;) {
    auto apps = ListApps(context);
    if (apps || apps.error().code() != Errc::kUnreachable) return apps;
    const auto keeper = FindKeeper(context.paths.run);
    if (!keeper) return apps;
    if (IsOver(deadline)) {
      return Error(Errc::kTimeout,
                   fmt::format("tendd (pid {}) runs, but its core does not answer", keeper->pid));
    }
    ::usleep(20'000);
  }
}

// Core answers before it leaves, and the keeper is there until the sidecar has written all. The
// goal holds when a new daemon can be started.
ExitCode AwaitEnd(const Context& context,
                  const std::optional<KeeperProcess>& keeper,
                  Deadline deadline) {
  std::string there;
  if (keeper) {
    if (keeper->Leaves(std::chrono::ceil<std::chrono::milliseconds>(
            deadline - std::chrono::steady_clock::now())))
      return ExitCode::kOk;
    there = fmt::format("tendd (pid {}) has not ended within 30s", keeper->pid);
  } else {  // of another pid namespace
    while (!IsOver(deadline)) {
      if (!context.connect()) return ExitCode::kOk;
      ::usleep(20'000);
    }
    there = "the daemon still answers after 30s";
  }
  context.terminal.Error(there);
  context.terminal.Help("see " + context.paths.own_logs);
  return ExitCode::kFailed;
}

}  // namespace

ExitCode DoKill(const Context& context, const Arguments&) {
  const Deadline deadline = std::chrono::steady_clock::now() + kGoneLimit;
  const auto apps = AppsBehindKeeper(context, deadline);
  if (!apps && apps.error().code() == Errc::kUnreachable) {
    context.terminal.Note("tend was not running: " + apps.error().message());
    return ExitCode::kOk;
  }
  if (!apps) return Complain(context, apps.error());
  std::size_t workers = 0;
  for (const AppStatus& app : *apps) {
    workers += static_cast<std::size_t>(std::count_if(app.workers.begin(), app.workers.end(),
                                                      [](const auto& w) { return w.pid != 0; }));
  }
  const auto keeper = FindKeeper(context.paths.run);
  Request request;
  request.verb = "kill";
  const auto answer = Ask(context, request, kActionLimit);
  if (!answer && answer.error().code() != Errc::kUnreachable) {
    return Complain(context, answer.error());
  }
  if (answer && answer->exit != 0) return Conclude(context, *answer, {});
  const ExitCode code = AwaitEnd(context, keeper, std::chrono::steady_clock::now() + kGoneLimit);
  if (code != ExitCode::kOk) return code;
  context.terminal.Out(fmt::format("stopped {} and the daemon\n", Count(workers, "worker")));
  return ExitCode::kOk;
}

}  // namespace tend::cli
