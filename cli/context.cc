#include "cli/context.h"

#include <algorithm>
#include <utility>

#include "base/control.h"
#include "cli/selection.h"
#include "cli/text.h"

namespace tend::cli {
namespace {

ExitCode CodeOf(Errc code) {
  switch (code) {
    case Errc::kInvalid:
      return ExitCode::kUsage;
    case Errc::kPermission:
      return ExitCode::kPermission;
    case Errc::kTimeout:
      return ExitCode::kTimeout;
    case Errc::kUnreachable:
      return ExitCode::kUnreachable;
    default:
      return ExitCode::kFailed;
  }
}

}  // namespace

std::string_view Version() {
  return TEND_VERSION;
}

Result<Answer> Ask(const Context& context,
                   const Request& request,
                   std::chrono::milliseconds quiet_limit,
                   AnswerReader::OnProgress on_progress) {
  TRY(ControlClient client, context.connect());
  return client.Call(request, quiet_limit, std::move(on_progress));
}

ExitCode Complain(const Context& context, const Error& error) {
  const Terminal& terminal = context.terminal;
  if (error.code() == Errc::kUnreachable) {
    terminal.Error("the tend daemon is not running: " + error.message());
    terminal.Help("`tend start` starts it, `tend resurrect` with all saved apps");
  } else if (error.code() == Errc::kPermission) {
    terminal.Error(error.message());
    terminal.Help("run tend as the user that the daemon runs as, or as root");
  } else {
    terminal.Error(error.message());
  }
  return CodeOf(error.code());
}

ExitCode Usage(const Context& context, std::string_view what, std::string_view help) {
  context.terminal.Error(what);
  if (!help.empty()) context.terminal.Help(help);
  return ExitCode::kUsage;
}

ExitCode NoSuchApp(const Context& context,
                   std::string_view typed,
                   const std::vector<std::string>& known) {
  context.terminal.Error("there is no app \"" + Harmless(typed) + '"');
  constexpr std::size_t kNamesShown = 12;
  std::string help;
  if (const std::string near = DidYouMean(typed, known); !near.empty()) {
    help = "did you mean \"" + near + "\"?  ";
  }
  if (known.empty()) {
    help = "no app is known yet; `tend start FILE` adds some";
  } else {
    const std::size_t shown = std::min(known.size(), kNamesShown);
    help +=
        "Known: " + Join({known.begin(), known.begin() + static_cast<std::ptrdiff_t>(shown)}, " ");
    if (shown < known.size()) help += " and " + std::to_string(known.size() - shown) + " more";
  }
  context.terminal.Help(help);
  return ExitCode::kNoSuchApp;
}

ExitCode Conclude(const Context& context,
                  const Answer& answer,
                  const std::vector<std::string>& select) {
  const auto code = static_cast<ExitCode>(answer.exit);
  if (code == ExitCode::kOk) return code;
  if (code == ExitCode::kNoSuchApp) {
    if (const auto apps = ListApps(context); apps) {
      for (const std::string& typed : select) {
        if (Select(typed, SelectablesOf(*apps)).empty()) {
          return NoSuchApp(context, typed, NamesOf(*apps));
        }
      }
    }
  }
  context.terminal.Error(answer.error.empty() ? "the daemon refused, and did not say why"
                                              : Harmless(answer.error));
  return code;
}

}  // namespace tend::cli
