#include "cli/arguments.h"

#include <algorithm>
#include <memory>

#include <CLI/CLI.hpp>

#include "base/control.h"

namespace tend::cli {
namespace {

Error UnknownOption(CommandId command, std::string_view option) {
  const std::string_view typed = option.substr(0, option.find('='));
  std::vector<std::string> known;
  for (const OptionRow& row : OptionsOf(command)) {
    for (const std::string_view name : SplitWords(row.names, ','))
      known.emplace_back(name);
  }
  const std::string name(RowOf(command).name);
  std::string message = "`tend " + name + "` has no option \"" + std::string(typed) + '"';
  const std::string near = typed.starts_with("--") ? DidYouMean(typed, known) : std::string();
  message += near.empty() ? "; see `tend help " + name + '`' : "; did you mean " + near + '?';
  return Error(Errc::kInvalid, std::move(message));
}

// The values of one option, while CLI11 collects them.
struct Collected {
  std::string name;
  CLI::Option* option;
  bool is_switch;
};

bool IsSwitch(const OptionRow& row) {
  return row.value.empty() || row.value.starts_with('[');
}

Result<Arguments> Parse(CommandId command, std::vector<std::string> args) {
  Arguments parsed;
  CLI::App app;
  app.set_help_flag();
  app.allow_extras();
  std::vector<Collected> collected;
  std::vector<std::unique_ptr<std::vector<std::string>>> values;
  for (const OptionRow& row : OptionsOf(command)) {
    const std::string names(row.names);
    values.push_back(std::make_unique<std::vector<std::string>>());
    CLI::Option* option = IsSwitch(row) ? app.add_flag(names)
                                        : app.add_option(names, *values.back())
                                              ->expected(1)
                                              ->take_all()
                                              ->allow_extra_args(false);
    collected.push_back({std::string(LongName(row.names)), option, IsSwitch(row)});
  }
  app.add_option("words", parsed.words);
  std::reverse(args.begin(), args.end());
  app.parse(args);
  for (const std::string& extra : app.remaining())
    return UnknownOption(command, extra);
  for (const Collected& one : collected) {
    if (one.option->count() == 0) continue;
    for (const std::string& value : one.option->results()) {
      // A switch without a value is "true" to CLI11.
      parsed.options.emplace_back(one.name, one.is_switch && value == "true" ? "" : value);
    }
  }
  return parsed;
}

}  // namespace

bool Arguments::Has(std::string_view name) const {
  return Get(name).has_value();
}

std::optional<std::string> Arguments::Get(std::string_view name) const {
  const auto last = std::find_if(options.rbegin(), options.rend(),
                                 [&](const auto& option) { return option.first == name; });
  if (last == options.rend()) return std::nullopt;
  return last->second;
}

Result<Arguments> ParseArguments(CommandId command, std::span<const std::string> args) {
  const auto dashes = std::find(args.begin(), args.end(), "--");
  try {
    auto parsed = Parse(command, {args.begin(), dashes});
    if (parsed && dashes != args.end()) parsed->rest.assign(dashes + 1, args.end());
    return parsed;
  } catch (const CLI::ArgumentMismatch& error) {
    const std::string what = error.what();
    return Error(Errc::kInvalid, what.substr(0, what.find(':')) + " needs a value");
  } catch (const CLI::Error& error) {
    return Error(Errc::kInvalid, error.what());
  }
}

}  // namespace tend::cli
