#include <algorithm>
#include <array>
#include <cctype>

#include "cli/commands.h"
#include "cli/secrets.h"
#include "cli/text.h"

namespace tend::cli {
namespace {

bool HasPassword(std::string_view value) {
  const std::size_t scheme = value.find("://");
  if (scheme == std::string_view::npos) return false;
  std::string_view authority = value.substr(scheme + 3);
  authority = authority.substr(0, authority.find_first_of("/?#"));
  const std::size_t at = authority.find('@');
  return at != std::string_view::npos && authority.substr(0, at).find(':') < at;
}

}  // namespace

bool LooksSecret(std::string_view name, std::string_view value) {
  static constexpr std::array<std::string_view, 12> kParts = {
      "SECRET",     "TOKEN",   "PASS", "PWD",       "KEY", "AUTH",
      "CREDENTIAL", "PRIVATE", "SALT", "SIGNATURE", "DSN", "COOKIE"};
  // A folder, and PM2 apps always have it.
  if (name == "PWD" || name == "OLDPWD") return false;
  std::string upper(name);
  std::transform(upper.begin(), upper.end(), upper.begin(),
                 [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
  const bool named = std::any_of(kParts.begin(), kParts.end(), [&](std::string_view part) {
    return upper.find(part) != std::string::npos;
  });
  return named || HasPassword(value);
}

ExitCode DoEnv(const Context& context, const Arguments& arguments) {
  if (arguments.words.empty()) return Usage(context, "which app?", "tend env APP");
  Request request;
  request.verb = "env";
  request.select = arguments.words;
  const auto answer = Ask(context, request);
  if (!answer) return Complain(context, answer.error());
  if (answer->exit != 0) return Conclude(context, *answer, arguments.words);
  if (arguments.Has("json")) {
    context.terminal.Out(EnvJson(*answer) + '\n');
    return ExitCode::kOk;
  }
  std::size_t masked = 0;
  std::string text;
  for (const auto& [app, variables] : answer->env) {
    if (answer->env.size() > 1) text += app + ":\n";
    for (const auto& [name, value] : variables) {
      const bool hide = !arguments.Has("reveal") && LooksSecret(name, value);
      masked += hide ? 1 : 0;
      text += Harmless(name) + '=' + (hide ? "********" : Harmless(value)) + '\n';
    }
  }
  context.terminal.Out(text);
  if (masked > 0) {
    context.terminal.Note(Count(masked, "value") + " masked; --reveal shows them");
  }
  return ExitCode::kOk;
}

}  // namespace tend::cli
