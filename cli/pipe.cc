#include "cli/beside.h"
#include "cli/commands.h"
#include "cli/text.h"

namespace tend::cli {

ExitCode DoPipe(const Context& context, const Arguments& arguments) {
  if (arguments.words.size() != 1) {
    return Usage(context, "whose log is it?", "some-program 2>&1 | tend pipe APP");
  }
  if (const std::string wrong = WrongBesideOption(arguments); !wrong.empty()) {
    return Usage(context, Harmless(wrong), "sizes are 512K, 50M, 1G; times 90s, 12h, 7d");
  }
  if (const auto stream = arguments.Get("stream"); stream && *stream != "out" && *stream != "err") {
    return Usage(context, "--stream: out or err, not " + Harmless(*stream));
  }
  if (const auto refused = RefuseConfig(context, arguments)) return *refused;
  return BecomeSidecar(context, "--pipe", arguments);
}

}  // namespace tend::cli
