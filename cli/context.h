// What a command works with. Tests put a core of their own behind `connect`, and the folders of a
// temporary TEND_HOME into `paths`.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "base/exit_code.h"
#include "base/paths.h"
#include "base/result.h"
#include "base/time.h"
#include "cli/client.h"
#include "cli/terminal.h"

namespace tend::cli {

std::string_view Version();  // of this program

struct Context {
  Terminal terminal;
  Paths paths;
  std::function<Result<ControlClient>()> connect;
  std::function<Result<>()> start_daemon;  // returns when core answers
  std::function<Wall()> now = NowWall;
  // Tells the sidecar, and returns its answer (cli/observe.h).
  std::function<Result<std::string>(const std::string& request, std::chrono::milliseconds limit)>
      put_observe = {};
};

// One request over a connection of its own. A command that changes something may be quiet for as
// long as a worker takes to stop or to become ready.
inline constexpr std::chrono::milliseconds kActionLimit = std::chrono::minutes(10);
inline constexpr std::chrono::milliseconds kReadLimit = std::chrono::seconds(5);
Result<Answer> Ask(const Context& context,
                   const Request& request,
                   std::chrono::milliseconds quiet_limit = kReadLimit,
                   AnswerReader::OnProgress on_progress = {});

// Says what went wrong and what to do about it; the exit code that fits.
ExitCode Complain(const Context& context, const Error& error);
// "error: WHAT" and, if there is one, "help: HELP"; exit code 2.
ExitCode Usage(const Context& context, std::string_view what, std::string_view help = {});
// The exit code of an answer. Says its error; for "no such app" also which names are near.
// `select`: what was typed.
ExitCode Conclude(const Context& context,
                  const Answer& answer,
                  const std::vector<std::string>& select);
// "error: there is no app "wbe"", with the names that exist.
ExitCode NoSuchApp(const Context& context,
                   std::string_view typed,
                   const std::vector<std::string>& known);

}  // namespace tend::cli
