// commands.def as data: what commands and options there are. Immutable.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace tend::cli {

enum class CommandId : std::uint8_t {
#define COMMAND(id, name, aliases, synopsis, group, help) k##id,
#include "cli/commands.def"
};

enum class GroupId : std::uint8_t {
#define GROUP(id, title) k##id,
#include "cli/commands.def"
};

struct CommandRow {
  CommandId id;
  std::string_view name;
  std::string_view aliases;  // blank-separated
  std::string_view synopsis;
  GroupId group;
  std::string_view help;
};

struct OptionRow {
  CommandId command;
  std::string_view names;  // "-n,--lines"
  std::string_view value;  // "": a switch; "[X]": one that may have a value, as --name=X
  std::string_view help;
  bool shown = true;  // in help: it works
};

struct GroupRow {
  GroupId id;
  std::string_view title;
};

std::span<const CommandRow> Commands();
std::span<const GroupRow> Groups();
// Those of commands.def and, for commands that configure an app, those of config/flags.h.
std::vector<OptionRow> OptionsOf(CommandId command);
// True if the command takes the flags of config/flags.h.
bool TakesAppFlags(CommandId command);

const CommandRow& RowOf(CommandId command);
// By name or alias; nullptr. Only an alias finds a command whose name has two words.
const CommandRow* FindCommand(std::string_view word);
// "logs" and "rotate" → "logs rotate"; nullptr. It goes before an app of that name.
const CommandRow* FindSubcommand(const CommandRow& row, std::string_view word);
// The nearest name or alias, or "".
std::string SuggestCommand(std::string_view word);

// "-n,--lines" → "lines": how parsed options are named.
std::string_view LongName(std::string_view names);
std::vector<std::string_view> SplitWords(std::string_view text, char separator);

}  // namespace tend::cli
