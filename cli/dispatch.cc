#include <algorithm>

#include "cli/commands.h"
#include "cli/help.h"
#include "cli/selection.h"
#include "cli/text.h"

namespace tend::cli {
namespace {

ExitCode Call(CommandId command, const Context& context, const Arguments& arguments) {
  switch (command) {
#define COMMAND(id, name, aliases, synopsis, group, help) \
  case CommandId::k##id:                                  \
    return Do##id(context, arguments);
#include "cli/commands.def"
  }
  return ExitCode::kFailed;
}

// Removes `option` where it stands before "--"; true if it was there.
bool Take(std::vector<std::string>& args, std::string_view option) {
  const auto end = std::find(args.begin(), args.end(), "--");
  const auto at = std::find(args.begin(), end, option);
  if (at == end) return false;
  args.erase(at);
  return true;
}

ExitCode UnknownCommand(const Context& context, const std::string& word) {
  const std::string near = SuggestCommand(word);
  return Usage(
      context, "unknown command \"" + Harmless(word) + '"',
      (near.empty() ? "" : "did you mean \"" + near + "\"?  ") + "`tend help` shows all commands");
}

// For completion: names, one a line. Says nothing when there is no daemon.
ExitCode PrintNames(const Context& context) {
  const auto apps = ListApps(context);
  if (!apps) return ExitCode::kUnreachable;
  for (const std::string& name : NamesOf(*apps))
    context.terminal.Out(name + '\n');
  return ExitCode::kOk;
}

}  // namespace

ExitCode Dispatch(Context& context, std::vector<std::string> args) {
  if (Take(args, "--no-color")) context.terminal.NoColour();
  if (args.empty()) {
    context.terminal.Err(HelpShort());
    return ExitCode::kUsage;
  }
  const std::string word = args.front();
  args.erase(args.begin());
  if (word == "--help" || word == "-h") {
    context.terminal.Out(HelpAll());
    return ExitCode::kOk;
  }
  if (word == "--version" || word == "-v" || word == "-V") {
    context.terminal.Out("tend " + std::string(Version()) + '\n');
    return ExitCode::kOk;
  }
  if (word == "__names") return PrintNames(context);
  const CommandRow* command = FindCommand(word);
  if (command == nullptr) return UnknownCommand(context, word);
  if (const CommandRow* sub = args.empty() ? nullptr : FindSubcommand(*command, args.front())) {
    command = sub;
    args.erase(args.begin());
  }
  if (Take(args, "--help") || Take(args, "-h")) {
    context.terminal.Out(HelpFor(command->id));
    return ExitCode::kOk;
  }
  const auto arguments = ParseArguments(command->id, args);
  if (!arguments) return Usage(context, Harmless(arguments.error().message()));
  return Call(command->id, context, *arguments);
}

ExitCode DoHelp(const Context& context, const Arguments& arguments) {
  if (arguments.words.empty()) {
    context.terminal.Out(HelpAll());
    return ExitCode::kOk;
  }
  const CommandRow* command = FindCommand(arguments.words[0]);
  if (command == nullptr) return UnknownCommand(context, arguments.words[0]);
  if (arguments.words.size() > 1) {
    const CommandRow* sub = FindSubcommand(*command, arguments.words[1]);
    if (sub != nullptr) command = sub;
  }
  context.terminal.Out(HelpFor(command->id));
  return ExitCode::kOk;
}

ExitCode DoCompletion(const Context& context, const Arguments& arguments) {
  if (!arguments.words.empty() && arguments.words[0] != "bash") {
    return Usage(context, "there is no completion for " + Harmless(arguments.words[0]),
                 "tend completion bash");
  }
  context.terminal.Out(BashCompletion());
  return ExitCode::kOk;
}

}  // namespace tend::cli
