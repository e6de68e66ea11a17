#include "cli/wanted.h"

#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>

#include "base/control.h"
#include "cli/app_flags.h"
#include "cli/environment.h"
#include "cli/selection.h"
#include "cli/text.h"
#include "config/observe_checks.h"
#include "config/problem.h"
#include "config/reader.h"
#include "config/resolve.h"
#include "config/search_path.h"

namespace tend::cli {
namespace {

std::string CurrentFolder() {
  char path[4096];
  return ::getcwd(path, sizeof path) == nullptr ? std::string(".") : std::string(path);
}

// No path, no file, no program: whoever typed it meant an app.
bool IsJustAName(const std::string& word) {
  if (word.find_first_of("/. ") != std::string::npos) return false;
  if (::access(word.c_str(), F_OK) == 0) return false;
  const char* path = std::getenv("PATH");  // NOLINT(concurrency-mt-unsafe): no threads here
  return config::SearchPath(word, path == nullptr ? "" : path).empty();
}

config::ObserveRequest ObserveOf(const config::Loaded& loaded, const std::string& path) {
  const std::filesystem::path file = std::filesystem::absolute(path).lexically_normal();
  config::ObserveRequest request;
  request.file = file.string();
  request.given = loaded.config.observe.has_value();
  if (request.given) request.observe = *loaded.config.observe;
  config::ResolvePaths(request.observe, file.parent_path().string());
  return request;
}

class Finder {
 public:
  Finder(const Context& context,
         CommandId command,
         const Arguments& arguments,
         const std::vector<AppStatus>& known)
      : context_(context), command_(command), arguments_(arguments), known_(known) {}

  WantedOrCode Find() {
    std::vector<std::string> words = arguments_.words;
    if (words.empty()) {
      auto file = config::FindDefaultConfig(CurrentFolder());
      if (!file)
        return {std::nullopt,
                Usage(context_, file.error().message(), "name a config file, a script or an app")};
      context_.terminal.Note("using " + *file);
      words = {*file};
    }
    // `tend run CMD ARGS`: what follows a program is its own.
    const bool has_arguments =
        command_ == CommandId::kRun && KindOf(words[0], known_) == WordKind::kScript;
    if (has_arguments) {
      rest_.assign(words.begin() + 1, words.end());
      words.resize(1);
    }
    rest_.insert(rest_.end(), arguments_.rest.begin(), arguments_.rest.end());
    for (const std::string& word : words) {
      if (const ExitCode code = Take(word); code != ExitCode::kOk) return {std::nullopt, code};
    }
    return {std::move(wanted_), ExitCode::kOk};
  }

 private:
  ExitCode Take(const std::string& word) {
    switch (KindOf(word, known_)) {
      case WordKind::kConfigFile:
        return TakeConfig(word);
      case WordKind::kKnownApp:
        WarnAboutFlags("an app that is known already");
        wanted_.select.push_back(word);
        return ExitCode::kOk;
      case WordKind::kScript:
        break;
    }
    if (!TakesAppFlags(command_) || IsJustAName(word)) {
      return NoSuchApp(context_, word, NamesOf(known_));
    }
    return TakeScript(word);
  }

  ExitCode TakeConfig(const std::string& path) {
    WarnAboutFlags("a config file");
    config::LoadOptions options;
    options.env_name = arguments_.Get("env").value_or("");
    config::Loaded loaded = config::LoadFile(path, options);
    Say(loaded.problems, loaded.source);
    if (!loaded.ok()) return ExitCode::kBadConfig;
    const std::string& listen = loaded.config.daemon.listen;
    if (listen != config::DaemonConfig().listen) wanted_.listen = listen;
    wanted_.observe.push_back(ObserveOf(loaded, path));
    std::vector<std::string> names;
    for (const config::AppConfig& app : loaded.config.apps)
      names.push_back(app.name);
    const std::string only = arguments_.Get("only").value_or("");
    for (const std::string_view name : SplitWords(only, ',')) {
      if (std::find(names.begin(), names.end(), name) == names.end()) {
        return NoSuchApp(context_, name, names);
      }
    }
    const auto chosen = SplitWords(only, ',');
    bool useless = false;
    for (config::AppConfig& app : loaded.config.apps) {
      if (!chosen.empty() && std::find(chosen.begin(), chosen.end(), app.name) == chosen.end()) {
        continue;
      }
      if (!Settle(std::move(app), path, loaded.source)) useless = true;
    }
    return useless ? ExitCode::kBadConfig : ExitCode::kOk;
  }

  ExitCode TakeScript(const std::string& script) {
    config::AppConfig app;
    app.script = script;
    app.args = rest_;
    const auto applied = ApplyAppFlags(arguments_.options, app);
    if (!applied) return Usage(context_, Harmless(applied.error().message()));
    Say(*applied, "");
    return Settle(std::move(app), "", "") ? ExitCode::kOk : ExitCode::kFailed;
  }

  // What is wrong is said; false if that makes it useless.
  bool Settle(config::AppConfig app, const std::string& file, const std::string& source) {
    if (!process_) {
      auto process = config::ContextOfProcess();
      if (!process) {
        context_.terminal.Error(process.error().message());
        return false;
      }
      process_ = *std::move(process);
      process_->environment = Environment(context_.terminal);
      process_->env_name = arguments_.Get("env").value_or("");
    }
    process_->file = file;
    const auto problems = config::Resolve(app, *process_);
    Say(problems, source);
    wanted_.apps.push_back(std::move(app));
    return std::none_of(problems.begin(), problems.end(),
                        [](const config::Problem& problem) { return problem.is_error; });
  }

  void Say(const std::vector<config::Problem>& problems, const std::string& source) {
    for (const config::Problem& problem : problems) {
      context_.terminal.Err(
          config::FormatProblem(problem, source, context_.terminal.err_style().colour));
    }
  }

  void WarnAboutFlags(std::string_view where) {
    for (const auto& option : arguments_.options) {
      if (!TakesAppFlags(command_) || !IsAppFlag(option.first)) continue;
      context_.terminal.Warning("--" + option.first + " has no effect on " + std::string(where));
    }
  }

  const Context& context_;
  const CommandId command_;
  const Arguments& arguments_;
  const std::vector<AppStatus>& known_;
  std::vector<std::string> rest_;
  std::optional<config::ResolveContext> process_;  // once it was needed
  Wanted wanted_;
};

}  // namespace

WordKind KindOf(const std::string& word, const std::vector<AppStatus>& known) {
  if (config::IsConfigFile(word)) return WordKind::kConfigFile;
  const bool is_path = word.find('/') != std::string::npos;
  if (!is_path && !Select(word, SelectablesOf(known)).empty()) return WordKind::kKnownApp;
  return WordKind::kScript;
}

WantedOrCode FindWanted(const Context& context,
                        CommandId command,
                        const Arguments& arguments,
                        const std::vector<AppStatus>& known) {
  return Finder(context, command, arguments, known).Find();
}

}  // namespace tend::cli
