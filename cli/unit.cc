#include "cli/unit.h"

#include <string_view>

namespace tend::cli {
namespace {

// Of a unit file: in double quotes, specifiers and quotes escaped.
std::string Quoted(std::string_view text) {
  std::string quoted = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') quoted += '\\';
    if (c == '%') quoted += '%';
    quoted += c;
  }
  return quoted + '"';
}

// In ExecStart, "$" would be taken for a variable, too.
std::string QuotedCommand(std::string_view text) {
  std::string quoted;
  for (const char c : Quoted(text)) {
    if (c == '$') quoted += '$';
    quoted += c;
  }
  return quoted;
}

}  // namespace

std::string UnitText(const UnitFacts& facts) {
  std::string unit =
      "[Unit]\n"
      "Description=tend: keeps apps running and their logs\n"
      "Wants=network-online.target\n"
      "After=network-online.target\n"
      "\n"
      "[Service]\n"
      "Type=notify\n"
      "NotifyAccess=all\n";
  unit += "ExecStart=" + QuotedCommand(facts.program_folder + "/tendd") + " --foreground\n";
  unit += "Environment=TEND_RESURRECT=1\n";
  if (!facts.tend_home.empty())
    unit += "Environment=" + Quoted("TEND_HOME=" + facts.tend_home) + '\n';
  if (!facts.listen.empty()) unit += "Environment=" + Quoted("TEND_LISTEN=" + facts.listen) + '\n';
  if (!facts.path.empty()) unit += "Environment=" + Quoted("PATH=" + facts.path) + '\n';
  unit +=
      "# It ends well only if somebody told it to.\n"
      "Restart=on-failure\n"
      "RestartSec=100ms\n"
      "# The workers outlive a restart of tend; `tend kill` stops them.\n"
      "KillMode=process\n"
      "Delegate=yes\n"
      "TimeoutStopSec=60\n"
      "LimitNOFILE=1048576\n"
      "TasksMax=infinity\n"
      "\n"
      "[Install]\n";
  unit += facts.of_system ? "WantedBy=multi-user.target\n" : "WantedBy=default.target\n";
  return unit;
}

}  // namespace tend::cli
