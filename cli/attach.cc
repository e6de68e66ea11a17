#include <algorithm>
#include <array>
#include <string>
#include <string_view>

#include "cli/beside.h"
#include "cli/commands.h"
#include "cli/text.h"

namespace tend::cli {
namespace {

constexpr auto kSelectors = std::to_array<std::string_view>({"pid", "pidfile", "unit", "name"});
constexpr auto kFiles = std::to_array<std::string_view>({"log", "error-log", "pidfile"});
constexpr std::string_view kExample = "tend attach api --pid 4242 --log /var/log/api.log";

template <std::size_t N>
bool IsOneOf(const std::array<std::string_view, N>& names, std::string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

}  // namespace

ExitCode DoAttach(const Context& context, const Arguments& arguments) {
  if (arguments.words.empty()) return Usage(context, "what is it to be called?", kExample);
  Arguments wanted = arguments;
  // A pattern that the shell has made names of.
  for (std::size_t i = 1; i < wanted.words.size(); ++i) {
    const bool is_log = arguments.Has("log") && !arguments.Has("error-log");
    if (!is_log) {
      return Usage(context, "one app at a time: what is " + Harmless(wanted.words[i]) + "?",
                   "each file has a --log or --error-log of its own");
    }
    wanted.options.emplace_back("log", wanted.words[i]);
  }
  const auto selectors =
      std::count_if(wanted.options.begin(), wanted.options.end(),
                    [](const auto& option) { return IsOneOf(kSelectors, option.first); });
  if (selectors > 1) {
    return Usage(context, "one of --pid, --pidfile, --unit and --name says which process",
                 kExample);
  }
  if (selectors == 0 && !wanted.Has("log") && !wanted.Has("error-log")) {
    return Usage(context, "attach to what? --pid, --pidfile, --unit or --name; --log for its files",
                 kExample);
  }
  if (const std::string wrong = WrongBesideOption(wanted); !wrong.empty()) {
    return Usage(context, Harmless(wrong));
  }
  for (auto& [name, value] : wanted.options) {
    if (value.empty() && name != "from-start")
      return Usage(context, "--" + name + " needs a value");
    if (IsOneOf(kFiles, name)) value = AbsolutePath(value);
  }
  if (const auto refused = RefuseConfig(context, wanted)) return *refused;
  return BecomeSidecar(context, "--attach", wanted);
}

}  // namespace tend::cli
