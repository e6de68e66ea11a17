// What is printed from commands.def: help, docs/reference/cli.md, completion. Pure.
#pragma once

#include <string>

#include "cli/command_table.h"

namespace tend::cli {

std::string HelpShort();                 // `tend`: what to try first
std::string HelpAll();                   // `tend --help`
std::string HelpFor(CommandId command);  // `tend help COMMAND`
std::string ReferencePage();             // docs/reference/cli.md
std::string BashCompletion();

}  // namespace tend::cli
