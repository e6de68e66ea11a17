#include "cli/help.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "base/exit_code.h"
#include "cli/commands.h"
#include "cli/text.h"

namespace tend::cli {
namespace {

struct ExitRow {
  int number;
  std::string_view meaning;
};
constexpr auto kExits = std::to_array<ExitRow>({
#define EXIT_CODE(id, number, meaning) {number, meaning},
#include "base/exit_codes.def"
});

constexpr std::string_view kSelectors =
    "APP is a name (api), a worker (api:1), PM2's number (3), a pattern ('api-*'), a namespace "
    "(@batch) or all.";

// `text` in lines of at most `width`, those after the first indented.
std::string Wrap(std::string_view text, std::size_t width, std::size_t indent) {
  std::string out;
  std::size_t column = 0;
  for (const std::string_view word : SplitWords(text, ' ')) {
    if (column > 0 && column + 1 + word.size() > width) {
      out.append("\n").append(indent, ' ');
      column = 0;
    }
    if (column > 0) out += ' ';
    column += word.size() + (column > 0 ? 1 : 0);
    out.append(word);
  }
  return out;
}

// "-n, --lines N"; long names stand under one another.
std::string Shown(const OptionRow& option) {
  std::string text = option.names.starts_with("--") ? "    " : "";
  for (const std::string_view name : SplitWords(option.names, ',')) {
    if (text.size() > 1 && text.back() != ' ') text += ", ";
    text.append(name);
  }
  return option.value.empty() ? text : text + ' ' + std::string(option.value);
}

std::vector<OptionRow> ShownOptions(CommandId command) {
  std::vector<OptionRow> options = OptionsOf(command);
  std::erase_if(options, [](const OptionRow& option) { return !option.shown; });
  return options;
}

std::string Synopsis(const CommandRow& row) {
  std::string text = "tend " + std::string(row.name);
  if (!OptionsOf(row.id).empty()) text += " [OPTION]...";
  if (!row.synopsis.empty()) text += ' ' + std::string(row.synopsis);
  return text;
}

bool NamesApps(const CommandRow& row) {
  const bool is_new = row.id == CommandId::kPipe || row.id == CommandId::kAttach;
  return row.synopsis.find("APP") != std::string_view::npos && !is_new;
}

}  // namespace

std::string HelpShort() {
  return "tend keeps apps running and their logs.\n"
         "\n"
         "  tend start ecosystem.config.js   starts what the file says\n"
         "  tend start server.js -i 2        starts a script, two workers\n"
         "  tend list                        what runs, and how\n"
         "  tend logs -f api                 what it says\n"
         "  tend reload api                  replaces its workers one by one\n"
         "\n"
         "`tend help` lists all commands, `tend help COMMAND` explains one.\n";
}

std::string HelpAll() {
  std::string text = "usage: tend COMMAND [OPTION]... [APP]... [-- ARGS...]\n";
  for (const GroupRow& group : Groups()) {
    text += fmt::format("\n{}\n", group.title);
    for (const CommandRow& row : Commands()) {
      if (row.group == group.id)
        text += fmt::format("  {:<11} {}\n", row.name, Wrap(row.help, 66, 14));
    }
  }
  text += fmt::format("\n{}\n", Wrap(kSelectors, 79, 0));
  text += "Everywhere: --help explains the command, --no-color prints without colour.\n";
  return text;
}

std::string HelpFor(CommandId command) {
  const CommandRow& row = RowOf(command);
  std::string text = fmt::format("usage: {}\n\n{}\n", Synopsis(row), Wrap(row.help, 79, 0));
  if (NamesApps(row)) text += Wrap(kSelectors, 79, 0) + '\n';
  const auto options = ShownOptions(command);
  std::size_t width = 0;
  for (const OptionRow& option : options)
    width = std::max(width, Shown(option).size());
  width = std::min<std::size_t>(width, 30);
  if (!options.empty()) text += "\nOptions\n";
  for (const OptionRow& option : options) {
    const std::string shown = Shown(option);
    const std::string help = Wrap(option.help, 79 - 4 - width, width + 4);
    text += "  " + shown;
    text += shown.size() > width ? '\n' + std::string(width + 4, ' ')
                                 : std::string(width + 2 - shown.size(), ' ');
    text += help + '\n';
  }
  if (!row.aliases.empty()) {
    std::vector<std::string> aliases;
    for (const std::string_view alias : SplitWords(row.aliases, ' '))
      aliases.emplace_back(alias);
    text += "\nAlso called: " + Join(aliases, ", ") + '\n';
  }
  return text;
}

std::string ReferencePage() {
  std::string text =
      "# Commands\n"
      "\n"
      "Printed from `cli/commands.def` and `config/flags.h`; a test compares.\n"
      "\n" +
      std::string(kSelectors) +
      "\n"
      "\n"
      "stdout is data, stderr is narration. A command exits 0 only if the stated goal holds:\n"
      "\n"
      "| exit code | meaning |\n"
      "|---|---|\n";
  for (const ExitRow& row : kExits)
    text += fmt::format("| {} | {} |\n", row.number, row.meaning);
  for (const GroupRow& group : Groups()) {
    text += fmt::format("\n## {}\n", group.title);
    for (const CommandRow& row : Commands()) {
      if (row.group != group.id) continue;
      text += fmt::format("\n### tend {}\n\n    {}\n\n{}\n", row.name, Synopsis(row), row.help);
      if (!row.aliases.empty()) text += fmt::format("Also called: {}.\n", row.aliases);
      const auto options = ShownOptions(row.id);
      if (!options.empty()) text += "\n| option | |\n|---|---|\n";
      for (const OptionRow& option : options) {
        std::string names;
        for (const std::string_view name : SplitWords(option.names, ','))
          names += fmt::format("{}`{}`", names.empty() ? "" : ", ", name);
        std::string value(option.value);
        for (std::size_t at = 0; (at = value.find('|', at)) != std::string::npos; at += 2)
          value.insert(at, "\\");
        text +=
            fmt::format("| {}{} | {} |\n", names, value.empty() ? "" : ' ' + value, option.help);
      }
    }
  }
  return text;
}

std::string BashCompletion() {
  std::string commands, cases, with_apps;
  for (const CommandRow& row : Commands()) {
    std::vector<std::string> options{"--help"};
    for (const OptionRow& option : ShownOptions(row.id)) {
      for (const std::string_view name : SplitWords(option.names, ','))
        options.emplace_back(name);
    }
    const std::string first(row.name.substr(0, row.name.find(' ')));
    std::vector<std::string> words;
    if (first == row.name) words.push_back(first);
    for (const std::string_view alias : SplitWords(row.aliases, ' '))
      words.emplace_back(alias);
    if (words.empty()) continue;
    const std::string names = Join(words, "|");
    std::string more;
    for (const CommandRow& other : Commands()) {
      if (other.name.starts_with(first + ' ')) more += std::string(other.name.substr(first.size()));
    }
    commands += (commands.empty() ? "" : " ") + words.front();
    cases += fmt::format("    {}) options=\"{}\" more=\"{}\" ;;\n", names, Join(options, " "),
                         first == row.name ? more : "");
    if (NamesApps(row)) with_apps += (with_apps.empty() ? "" : "|") + names;
  }
  return fmt::format(R"bash(# bash completion of tend: source <(tend completion bash)
_tend() {{
  local word=${{COMP_WORDS[COMP_CWORD]}} options= more=
  COMPREPLY=()
  if ((COMP_CWORD == 1)); then
    COMPREPLY=($(compgen -W "{}" -- "$word"))
    return
  fi
  case ${{COMP_WORDS[1]}} in
{}  esac
  if [[ $word == -* ]]; then
    COMPREPLY=($(compgen -W "$options" -- "$word"))
    return
  fi
  case ${{COMP_WORDS[1]}} in
    {})
      COMPREPLY=($(compgen -W "$more $(tend __names 2>/dev/null)" -- "$word")) ;;
    help) COMPREPLY=($(compgen -W "{}" -- "$word")) ;;
  esac
}}
complete -o default -F _tend tend
)bash",
                     commands, cases, with_apps, commands);
}

}  // namespace tend::cli
