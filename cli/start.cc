// Commands that make apps run: start, restart, reload, resurrect.
#include <unistd.h>

#include <string>

#include <fmt/format.h>

#include "cli/commands.h"
#include "cli/daemon.h"
#include "cli/environment.h"
#include "cli/observe.h"
#include "cli/outcome.h"
#include "cli/selection.h"
#include "cli/text.h"
#include "cli/wanted.h"
#include "config/codec.h"

namespace tend::cli {
namespace {

ExitCode Worse(ExitCode a, ExitCode b) {
  return a == ExitCode::kOk ? b : a;
}

Request StartRequest(const Wanted& wanted, const Arguments& arguments) {
  Request request;
  request.verb = "start";
  request.wait = !arguments.Has("no-wait");
  for (const config::AppConfig& app : wanted.apps)
    request.apps.push_back(config::ToJson(app, config::Secrets::kInclude));
  return request;
}

// Starts the daemon if nobody answers. False: said why.
ExitCode EnsureDaemon(const Context& context, const std::string& listen = {}) {
  const auto reached = context.connect();
  if (reached) {
    const std::string elsewhere = ListensElsewhere(context.paths, listen);
    if (elsewhere.empty()) return ExitCode::kOk;
    context.terminal.Warning(elsewhere);
    context.terminal.Help("`tend kill` and `tend start` make it so; that restarts the apps");
    return ExitCode::kOk;
  }
  if (reached.error().code() != Errc::kUnreachable) return Complain(context, reached.error());
  UseListen(listen);
  const auto started = context.start_daemon();
  if (started) return ExitCode::kOk;
  context.terminal.Error(started.error().message());
  return ExitCode::kUnreachable;
}

ExitCode Again(const Context& context,
               const Arguments& arguments,
               CommandId command,
               std::string_view past,
               std::string_view present) {
  if (arguments.words.empty()) {
    return Usage(context, "which app?",
                 fmt::format("tend {} APP; `all` means every app", RowOf(command).name));
  }
  const auto known = ListApps(context);
  if (!known) return Complain(context, known.error());
  auto found = FindWanted(context, command, arguments, *known);
  if (!found.wanted) return found.code;
  ExitCode code = ExitCode::kOk;
  Request request;
  request.verb = std::string(RowOf(command).name);
  request.wait = !arguments.Has("no-wait");
  if (arguments.Has("update-env")) request.update_env = Environment(context.terminal);
  if (!found.wanted->apps.empty()) {
    Request configured = request;
    configured.apps = StartRequest(*found.wanted, arguments).apps;
    // The apps bring it along.
    if (configured.update_env) configured.update_env.emplace();
    code = ActOnApps(context, configured, past, present);
  }
  code = Worse(code, ConfigureObserve(context, found.wanted->observe));
  if (found.wanted->select.empty()) return code;
  request.select = found.wanted->select;
  return Worse(code, ActOnApps(context, request, past, present));
}

}  // namespace

ExitCode DoStart(const Context& context, const Arguments& arguments) {
  std::vector<AppStatus> known;
  if (auto apps = ListApps(context)) {
    known = std::move(*apps);
  } else if (apps.error().code() != Errc::kUnreachable) {
    return Complain(context, apps.error());
  }
  auto found = FindWanted(context, CommandId::kStart, arguments, known);
  if (!found.wanted) return found.code;
  if (const ExitCode code = EnsureDaemon(context, found.wanted->listen); code != ExitCode::kOk) {
    return code;
  }
  ExitCode code = ConfigureObserve(context, found.wanted->observe);
  if (!found.wanted->apps.empty()) {
    code = Worse(code,
                 ActOnApps(context, StartRequest(*found.wanted, arguments), "started", "starting"));
  }
  if (!found.wanted->select.empty()) {
    Request request;
    const bool renew = arguments.Has("update-env");
    request.verb = renew ? "restart" : "start";
    if (renew) request.update_env = Environment(context.terminal);
    request.wait = !arguments.Has("no-wait");
    request.select = found.wanted->select;
    code = Worse(code, ActOnApps(context, request, "started", "starting"));
  }
  return code;
}

ExitCode DoRestart(const Context& context, const Arguments& arguments) {
  return Again(context, arguments, CommandId::kRestart, "restarted", "restarting");
}

ExitCode DoReload(const Context& context, const Arguments& arguments) {
  return Again(context, arguments, CommandId::kReload, "reloaded", "reloading");
}

ExitCode DoRollback(const Context& context, const Arguments& arguments) {
  if (arguments.words.empty()) return Usage(context, "which app?", "tend rollback api");
  Request request;
  request.verb = "rollback";
  request.select = arguments.words;
  return ActOnApps(context, request, "rolled back", "rolling back");
}

ExitCode DoResurrect(const Context& context, const Arguments&) {
  if (const ExitCode code = EnsureDaemon(context); code != ExitCode::kOk) return code;
  Request request;
  request.verb = "resurrect";
  const auto answer = Ask(context, request, kActionLimit);
  if (!answer) return Complain(context, answer.error());
  const ExitCode code = Conclude(context, *answer, {});
  const auto apps = ListApps(context);
  if (apps && apps->empty()) {
    context.terminal.Note("no apps are saved in " + context.paths.state);
  } else if (apps) {
    context.terminal.Out(fmt::format("resurrected {}\n", Count(apps->size(), "app")));
  }
  return code;
}

}  // namespace tend::cli
