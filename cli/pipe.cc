#include <unistd.h>

#include <cerrno>

#include "cli/commands.h"
#include "cli/text.h"

namespace tend::cli {
namespace {

// What the sidecar would refuse in its own words, without the help that a person needs.
std::string WhatIsWrong(const Arguments& arguments) {
  for (const char* name : {"max-size", "max-total"}) {
    const auto value = arguments.Get(name);
    if (value && !ParseSize(*value)) return std::string("--") + name + ": not a size: " + *value;
  }
  if (const auto value = arguments.Get("max-age"); value && !ParseDuration(*value)) {
    return "--max-age: not a time: " + *value;
  }
  if (const auto value = arguments.Get("max-files");
      value && (value->empty() || value->size() > 6 ||
                value->find_first_not_of("0123456789") != std::string::npos)) {
    return "--max-files: not a number: " + *value;
  }
  if (const auto value = arguments.Get("format");
      value && *value != "tend" && *value != "cri" && *value != "json" && *value != "raw") {
    return "--format: not one of tend, cri, json, raw: " + *value;
  }
  return {};
}

}  // namespace

ExitCode DoPipe(const Context& context, const Arguments& arguments) {
  if (arguments.words.size() != 1) {
    return Usage(context, "whose log is it?", "some-program 2>&1 | tend pipe APP");
  }
  if (const std::string wrong = WhatIsWrong(arguments); !wrong.empty()) {
    return Usage(context, Harmless(wrong), "sizes are 512K, 50M, 1G; times 90s, 12h, 7d");
  }
  const std::string program = ProgramFolder() + "/tend-sidecar";
  std::vector<std::string> words{program, "--pipe", arguments.words[0]};
  for (const auto& [name, value] : arguments.options) {
    words.push_back("--" + name);
    if (name != "tee") words.push_back(value);
  }
  std::vector<char*> pointers;
  for (std::string& word : words)
    pointers.push_back(word.data());
  pointers.push_back(nullptr);
  ::execv(program.c_str(), pointers.data());
  return Complain(context, SysError("run " + program, errno));
}

}  // namespace tend::cli
