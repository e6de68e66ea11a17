#include "cli/command_table.h"

#include <algorithm>
#include <array>

#include "base/check.h"
#include "base/control.h"
#include "cli/app_flags.h"

namespace tend::cli {
namespace {

constexpr auto kCommands = std::to_array<CommandRow>({
#define COMMAND(id, name, aliases, synopsis, group, help) \
  {CommandId::k##id, name, aliases, synopsis, GroupId::k##group, help},
#include "cli/commands.def"
});

constexpr auto kGroups = std::to_array<GroupRow>({
#define GROUP(id, title) {GroupId::k##id, title},
#include "cli/commands.def"
});

constexpr auto kOptions = std::to_array<OptionRow>({
#define OPTION(command, names, value, help) {CommandId::k##command, names, value, help, true},
#include "cli/commands.def"
});

consteval bool RowsAreSentencesInOrder() {
  for (std::size_t i = 0; i < kCommands.size(); ++i) {
    if (static_cast<std::size_t>(kCommands[i].id) != i) return false;
    if (!kCommands[i].help.ends_with('.')) return false;
    for (std::size_t j = 0; j < i; ++j) {
      if (kCommands[i].name == kCommands[j].name) return false;
    }
  }
  for (const OptionRow& option : kOptions) {
    if (!option.help.ends_with('.')) return false;
  }
  return true;
}
static_assert(RowsAreSentencesInOrder());

}  // namespace

std::span<const CommandRow> Commands() {
  return kCommands;
}

std::span<const GroupRow> Groups() {
  return kGroups;
}

bool TakesAppFlags(CommandId command) {
  return command == CommandId::kStart || command == CommandId::kRun;
}

std::vector<OptionRow> OptionsOf(CommandId command) {
  std::vector<OptionRow> options;
  for (const OptionRow& option : kOptions) {
    if (option.command == command) options.push_back(option);
  }
  if (TakesAppFlags(command)) {
    for (const AppFlagRow& option : AppFlagRows())
      options.push_back({command, option.names, option.value, option.help, option.supported});
  }
  return options;
}

const CommandRow& RowOf(CommandId command) {
  return kCommands[static_cast<std::size_t>(command)];
}

const CommandRow* FindSubcommand(const CommandRow& row, std::string_view word) {
  const std::string name = std::string(row.name) + ' ' + std::string(word);
  const auto at = std::find_if(kCommands.begin(), kCommands.end(),
                               [&](const CommandRow& other) { return other.name == name; });
  return at == kCommands.end() ? nullptr : &*at;
}

const CommandRow* FindCommand(std::string_view word) {
  for (const CommandRow& row : kCommands) {
    const auto aliases = SplitWords(row.aliases, ' ');
    if (row.name == word || std::find(aliases.begin(), aliases.end(), word) != aliases.end()) {
      return &row;
    }
  }
  return nullptr;
}

std::string SuggestCommand(std::string_view word) {
  std::vector<std::string> names;
  for (const CommandRow& row : kCommands)
    names.emplace_back(row.name);
  std::string near = DidYouMean(word, names);
  if (!near.empty()) return near;
  names.clear();
  for (const CommandRow& row : kCommands) {
    for (const std::string_view alias : SplitWords(row.aliases, ' ')) {
      // Of one or two letters everything is near.
      if (alias.size() > 2) names.emplace_back(alias);
    }
  }
  return DidYouMean(word, names);
}

std::string_view LongName(std::string_view names) {
  const std::size_t at = names.rfind("--");
  TEND_CHECK(at != std::string_view::npos);
  return names.substr(at + 2);
}

std::vector<std::string_view> SplitWords(std::string_view text, char separator) {
  std::vector<std::string_view> words;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find(separator), text.size());
    if (end > 0) words.push_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return words;
}

}  // namespace tend::cli
