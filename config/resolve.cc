#include "config/resolve.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <thread>
#include <utility>

#include <fmt/format.h>

#include "base/fd.h"
#include "config/identity.h"
#include "config/interpreter.h"
#include "config/problem.h"
#include "config/search_path.h"
#include "config/worker_command.h"

namespace tend::config {
namespace {

// What belongs to the process that starts an app, not to the app.
constexpr std::array<std::string_view, 27> kNotInherited = {"NODE_CHANNEL_FD",
                                                            "NODE_CHANNEL_SERIALIZATION_MODE",
                                                            "NODE_UNIQUE_ID",
                                                            "NODE_APP_INSTANCE",
                                                            "NOTIFY_SOCKET",
                                                            "LISTEN_FDS",
                                                            "LISTEN_PID",
                                                            "LISTEN_FDNAMES",
                                                            "WATCHDOG_PID",
                                                            "WATCHDOG_USEC",
                                                            "INVOCATION_ID",
                                                            "JOURNAL_STREAM",
                                                            "MAINPID",
                                                            "TEND_APP",
                                                            "TEND_WORKER",
                                                            "TEND_HOLD",
                                                            "TEND_NODE",
                                                            "TEND_NODE_OPTIONS",
                                                            "TEND_TELEMETRY_FD",
                                                            "pm_id",
                                                            "pm_exec_path",
                                                            "pm_cwd",
                                                            "exec_mode",
                                                            "instances",
                                                            "_",
                                                            "SHLVL",
                                                            "OLDPWD"};

class Resolver {
 public:
  Resolver(AppConfig& app, const ResolveContext& context) : app_(app), context_(context) {}

  std::vector<Problem> Run() {
    if (app_.script.empty()) {
      Fail(code::kMissingKey, "script", "there is no script to run");
      return std::move(problems_);
    }
    Environment();
    Name();
    Folder();
    Script();
    Mode();
    Files();
    Count();
    User();
    Machine();
    return std::move(problems_);
  }

 private:
  void Add(bool is_error,
           const char* code,
           std::string_view key,
           std::string message,
           std::string help) {
    Problem problem;
    problem.is_error = is_error;
    problem.file = context_.file;
    problem.where = key;
    problem.message = app_.name.empty() ? std::move(message) : app_.name + ": " + message;
    problem.help = std::move(help);
    problem.code = code;
    problems_.push_back(std::move(problem));
  }
  void Fail(const char* code, std::string_view key, std::string message, std::string help = {}) {
    Add(true, code, key, std::move(message), std::move(help));
  }

  std::string Inherited(const char* name) const {
    const auto found = context_.environment.find(name);
    return found == context_.environment.end() ? std::string() : found->second;
  }

  // `path` from `base`, with ~ and .. resolved by name.
  std::string Absolute(const std::string& path, const std::string& base) const {
    std::filesystem::path result = path;
    if (path == "~" || path.starts_with("~/")) {
      result = Inherited("HOME") + path.substr(1);
    } else if (!result.is_absolute()) {
      result = std::filesystem::path(base) / result;
    }
    std::string text = result.lexically_normal().string();
    while (text.size() > 1 && text.ends_with('/'))
      text.pop_back();
    return text;
  }

  void Environment() {
    if (!context_.env_name.empty()) {
      const auto named = app_.env_named.find(context_.env_name);
      if (named == app_.env_named.end()) {
        Add(false, code::kNoSuchEnv, "env_" + context_.env_name,
            fmt::format("there is no \"env_{}\"; only \"env\" is used", context_.env_name), "");
      } else {
        for (const auto& [name, value] : named->second)
          app_.env.insert_or_assign(name, value);
      }
    }
    app_.env_named.clear();
    if (app_.port != 0) app_.env["PORT"] = std::to_string(app_.port);
    if (app_.inherited_env.empty()) app_.inherited_env = context_.environment;
    // Started from inside a worker: what core had added to NODE_OPTIONS is that worker's.
    const auto original = app_.inherited_env.find("TEND_NODE_OPTIONS");
    if (original != app_.inherited_env.end()) {
      if (original->second.empty()) {
        app_.inherited_env.erase("NODE_OPTIONS");
      } else {
        app_.inherited_env["NODE_OPTIONS"] = original->second;
      }
    }
    std::erase_if(app_.inherited_env, [&](const auto& entry) {
      const auto* end = kNotInherited.end();
      return std::find(kNotInherited.begin(), end, entry.first) != end ||
             IsFilteredOut(app_, entry.first);
    });
  }

  void Name() {
    if (app_.name.empty()) {
      app_.name = DefaultName(app_.script);
    } else if (const std::string safe = SafeName(app_.name); safe != app_.name) {
      const std::string asked = std::exchange(app_.name, safe);
      Add(false, code::kRenamed, "name",
          fmt::format("the name \"{}\" cannot be that of a folder; it is \"{}\" now", asked, safe),
          "");
    }
    if (std::exchange(app_.append_env_to_name, false) && !context_.env_name.empty()) {
      app_.name = SafeName(app_.name + '-' + context_.env_name);
    }
  }

  void Folder() {
    app_.cwd = Absolute(app_.cwd.empty() ? context_.cwd : app_.cwd, context_.cwd);
    if (!context_.check_files) return;
    struct stat info {};
    if (::stat(app_.cwd.c_str(), &info) < 0) {
      Fail(code::kBadFolder, "cwd",
           fmt::format("the folder {} cannot be used: {}", app_.cwd, std::strerror(errno)));
    } else if (!S_ISDIR(info.st_mode)) {
      Fail(code::kBadFolder, "cwd", fmt::format("{} is no folder", app_.cwd));
    }
  }

  void Script() {
    if (!FindScript()) return;
    FindInterpreter();
    if (context_.check_files) CheckScript();
  }

  // Makes `script` absolute. False if it is settled in another way, or not found.
  bool FindScript() {
    const std::string asked = app_.script;
    const std::string local = Absolute(asked, app_.cwd);
    if (!context_.check_files) {
      app_.script = local;
      return true;
    }
    struct stat info {};
    const bool there = ::stat(local.c_str(), &info) == 0;
    if (there && S_ISDIR(info.st_mode)) {
      Fail(code::kBadScript, "script", fmt::format("the script {} is a folder", local));
      return false;
    }
    if (there) {
      app_.script = local;
      return true;
    }
    const int error = errno;
    if (asked.find('/') == std::string::npos) {
      if (std::string program = SearchPath(asked, Inherited("PATH")); !program.empty()) {
        app_.script = std::move(program);
        return true;
      }
    }
    if (asked.find(' ') != std::string::npos && CommandLine(asked)) return false;
    NotFound(asked, local, error);
    return false;
  }

  void NotFound(const std::string& asked, const std::string& local, int error) {
    std::string help;
    if (asked == "serve") {
      help = "PM2's own static server is not supported yet by this version of tend";
    } else if (asked.find('/') == std::string::npos) {
      help = fmt::format("there is no program \"{}\" in PATH, either", asked);
    }
    const char* why = error == ENOENT || error == ENOTDIR ? "does not exist" : std::strerror(error);
    Fail(code::kBadScript, "script", fmt::format("the script {} {}", local, why), std::move(help));
  }

  // A script with blanks is a line for bash, as in PM2.
  bool CommandLine(const std::string& line) {
    const std::string bash = SearchPath("bash", Inherited("PATH"));
    if (bash.empty()) return false;
    std::vector<std::string> args = {"-c", line};
    if (!app_.args.empty()) {
      args[1] += " \"$@\"";
      args.push_back(app_.name);
      args.insert(args.end(), app_.args.begin(), app_.args.end());
    }
    app_.script = bash;
    app_.interpreter = "none";
    app_.node_args.clear();
    app_.args = std::move(args);
    return true;
  }

  void FindInterpreter() {
    const bool asked = !app_.interpreter.empty();
    if (!asked) app_.interpreter = ByContent();
    if (app_.interpreter == "none" || !context_.check_files) return;
    const std::string wanted = app_.interpreter;
    const std::string path = Inherited("PATH");
    std::string program;
    if (wanted.starts_with("node@")) {
      program = SearchPath(
          fmt::format("{}/versions/node/v{}/bin/node", Inherited("NVM_DIR"), wanted.substr(5)), "");
    } else if (wanted.find('/') != std::string::npos) {
      program = SearchPath(Absolute(wanted, app_.cwd), "");
    } else {
      program = SearchPath(wanted, path);
    }
    // Debian has no "python"; Debian's first Node packages were "nodejs".
    if (program.empty() && wanted == "python") program = SearchPath("python3", path);
    if (program.empty() && wanted == "node") program = SearchPath("nodejs", path);
    if (program.empty()) {
      Fail(code::kBadInterpreter, "interpreter",
           fmt::format("the interpreter \"{}\"{} is not there or cannot be executed", wanted,
                       asked ? "" : " of " + app_.script),
           wanted.find('/') == std::string::npos ? "it was looked for in PATH" : "");
    } else {
      app_.interpreter = std::move(program);
    }
  }

  std::string ByContent() const {
    std::string interpreter = InterpreterByEnding(app_.script);
    const bool typed = app_.script.ends_with(".ts") || app_.script.ends_with(".tsx");
    if (typed && context_.check_files && !SearchPath("bun", Inherited("PATH")).empty()) {
      return "bun";
    }
    if (!interpreter.empty() || !context_.check_files) {
      return interpreter.empty() ? "node" : interpreter;
    }
    const Fd fd(::open(app_.script.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
    std::array<char, 512> head{};
    const ssize_t size = fd.valid() ? ::read(fd.get(), head.data(), head.size()) : -1;
    // A program may be executable and yet not readable.
    if (size < 0) return "none";
    const std::string_view text(head.data(), static_cast<std::size_t>(size));
    if (text.find('\0') != std::string_view::npos) return "none";
    if (!text.starts_with("#!")) return "node";
    const std::string_view first = text.substr(0, text.find('\n'));
    // Run by node and not by the kernel, so that node_args have their place.
    if (first.find("node") != std::string_view::npos) return "node";
    return ::access(app_.script.c_str(), X_OK) == 0 ? "none" : "node";
  }

  void CheckScript() {
    const bool executes = app_.interpreter == "none";
    if (::access(app_.script.c_str(), executes ? X_OK : R_OK) == 0) return;
    const int error = errno;
    Fail(code::kBadScript, "script",
         fmt::format("the script {} cannot be {}: {}", app_.script, executes ? "executed" : "read",
                     std::strerror(error)),
         executes ? "chmod +x, or say which `interpreter` runs it" : "");
  }

  // Now that it is known who runs the script.
  void Mode() {
    const bool node = IsNode(app_.interpreter);
    if (app_.exec_mode == ExecMode::kAuto) {
      app_.exec_mode = node ? ExecMode::kCluster : ExecMode::kFork;
    }
    if (node || !problems_.empty()) return;
    const std::string who = app_.interpreter == "none" ? "the kernel runs " + app_.script
                                                       : app_.interpreter + " runs it";
    if (app_.exec_mode == ExecMode::kCluster) {
      Fail(code::kBadValue, "exec_mode",
           fmt::format("\"exec_mode\" cannot be cluster: {}, not node", who),
           "programs other than node share a port by `listen`");
    }
    if (app_.health.event_loop != Duration::zero()) {
      Fail(code::kBadValue, "health.event_loop",
           fmt::format("\"health.event_loop\" needs node to run the script: {}", who));
    }
  }

  void Files() {
    for (std::string* file : {&app_.out_file, &app_.error_file, &app_.log_file}) {
      if (!file->empty()) *file = Absolute(*file, app_.cwd);
    }
    for (std::string& path : app_.watch)
      path = Absolute(path, app_.cwd);
  }

  void Count() {
    if (app_.instances <= 0) app_.instances = std::max(1, context_.cpus + app_.instances);
  }

  // With a socket each, those who wait for a worker that ends go to another one only if the kernel
  // (5.14) was told so.
  void Machine() {
    if (!context_.check_files || app_.balance != Balance::kReuseport) return;
    const Fd setting(::open("/proc/sys/net/ipv4/tcp_migrate_req", O_RDONLY | O_CLOEXEC));
    char value = '0';
    if (setting.valid() && ::read(setting.get(), &value, 1) == 1 && value == '1') return;
    Add(false, code::kMachine, "balance",
        "with `balance: reuseport`, connections that wait for a worker are lost when it ends, "
        "since "
        "net.ipv4.tcp_migrate_req is off",
        setting.valid() ? "sysctl -w net.ipv4.tcp_migrate_req=1, or another `balance`"
                        : "this kernel does not have it; use another `balance`");
  }

  void User() {
    if (!context_.check_files) return;
    const Result<std::optional<Identity>> identity = FindIdentity(app_.uid, app_.gid);
    if (!identity) {
      Fail(code::kBadUser, app_.uid.empty() ? "gid" : "uid", identity.error().message());
    } else if (*identity && ::geteuid() != 0 &&
               ((*identity)->uid != ::geteuid() || (*identity)->gid != ::getegid())) {
      Fail(code::kBadUser, "uid", "only root can run an app as another user or group");
    }
  }

  AppConfig& app_;
  const ResolveContext& context_;
  std::vector<Problem> problems_;
};

}  // namespace

std::map<std::string, std::string> EnvironmentOfProcess() {
  std::map<std::string, std::string> variables;
  for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry) {
    const std::string_view text = *entry;
    const std::size_t equals = text.find('=');
    if (equals == 0 || equals == std::string_view::npos) continue;
    variables.emplace(text.substr(0, equals), text.substr(equals + 1));
  }
  return variables;
}

Result<ResolveContext> ContextOfProcess() {
  ResolveContext context;
  std::error_code error;
  context.cwd = std::filesystem::current_path(error).string();
  if (error) return SysError("find the working folder", error.value());
  context.environment = EnvironmentOfProcess();
  context.cpus = std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
  return context;
}

std::vector<Problem> Resolve(AppConfig& app, const ResolveContext& context) {
  return Resolver(app, context).Run();
}

}  // namespace tend::config
