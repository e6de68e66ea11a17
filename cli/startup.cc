#include <pwd.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>

#include <fmt/format.h>

#include "base/files.h"
#include "cli/commands.h"
#include "cli/daemon.h"
#include "cli/terminal.h"
#include "cli/text.h"
#include "cli/unit.h"

namespace tend::cli {
namespace {

constexpr const char* kUnitName = "tend.service";

struct Place {
  bool of_system = false;
  std::string user;
  std::string folder;                  // of the unit
  std::vector<std::string> systemctl;  // the command, with --user where it is the user's
  std::string file() const { return folder + '/' + kUnitName; }
};

// Who calls, by getpwuid: $USER is not set in cloud-init, cron and containers.
Result<Place> PlaceOfCaller() {
  const passwd* entry = ::getpwuid(::getuid());  // NOLINT(concurrency-mt-unsafe): no threads here
  if (entry == nullptr) {
    return Error(Errc::kNotFound, fmt::format("user id {} has no name in this system's user "
                                              "database",
                                              ::getuid()));
  }
  Place place;
  place.of_system = ::getuid() == 0;
  place.user = entry->pw_name;
  place.folder = place.of_system ? std::string("/etc/systemd/system")
                                 : std::string(entry->pw_dir) + "/.config/systemd/user";
  place.systemctl = {"systemctl"};
  if (!place.of_system) place.systemctl.emplace_back("--user");
  return place;
}

std::string UnitOf(const Place& place) {
  UnitFacts facts;
  facts.program_folder = ProgramFolder();
  facts.tend_home = EnvironmentVariable("TEND_HOME");
  facts.listen = EnvironmentVariable("TEND_LISTEN");
  facts.path = EnvironmentVariable("PATH");
  facts.of_system = place.of_system;
  return UnitText(facts);
}

bool SystemdRuns() {
  return ::access("/run/systemd/system", F_OK) == 0;
}

std::string Shown(const Place& place, std::string_view rest) {
  return Join(place.systemctl, " ") + ' ' + std::string(rest);
}

// `systemctl ARGUMENTS`, its output on our stderr.
Result<> Systemctl(const Place& place, std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), place.systemctl.begin() + 1, place.systemctl.end());
  const std::string shown = "systemctl " + Join(arguments, " ");
  const std::string program =
      ::access("/usr/bin/systemctl", X_OK) == 0 ? "/usr/bin/systemctl" : "/bin/systemctl";
  TRY(const pid_t pid, Spawn(program, arguments, STDERR_FILENO, STDERR_FILENO));
  int status = 0;
  while (::waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return {};
  return Error(Errc::kIo, '`' + shown + "` failed");
}

// What to do by hand, where systemd does not run: a container, another init.
ExitCode ExplainWithoutSystemd(const Context& context, const Place& place) {
  context.terminal.Error(
      "systemd does not run here (there is no /run/systemd/system); nothing was changed");
  context.terminal.Help("in a container, `tend run ecosystem.config.js` is the main process");
  context.terminal.Help(
      fmt::format("elsewhere, start `TEND_RESURRECT=1 {}/tendd --foreground` from "
                  "the init system as {}",
                  ProgramFolder(), place.user));
  context.terminal.Help("for a machine with systemd, this unit goes to " + place.file() +
                        ", then `" + Shown(place, "enable --now tend") + "`:");
  context.terminal.Out(UnitOf(place));
  return ExitCode::kFailed;
}

}  // namespace

ExitCode DoStartup(const Context& context, const Arguments& arguments) {
  const auto place = PlaceOfCaller();
  if (!place) return Complain(context, place.error());
  if (arguments.Has("print")) {
    context.terminal.Out(UnitOf(*place));
    return ExitCode::kOk;
  }
  if (!SystemdRuns()) return ExplainWithoutSystemd(context, *place);
  Files& files = FilesLinux();
  if (const auto made = files.MakeDirectories(place->folder, 0755); !made) {
    return Complain(context, made.error());
  }
  const auto written = WriteFileAtomically(files, place->file(), UnitOf(*place), 0644);
  if (!written) return Complain(context, written.error());
  for (const auto& step :
       {std::vector<std::string>{"daemon-reload"}, std::vector<std::string>{"enable", kUnitName}}) {
    if (const auto done = Systemctl(*place, step); !done) return Complain(context, done.error());
  }
  context.terminal.Out(fmt::format("tend starts at boot for {}, with its saved apps ({})\n",
                                   place->user, place->file()));
  if (!place->of_system) {
    context.terminal.Help(
        fmt::format("`loginctl enable-linger {}` lets it run without a login", place->user));
  }
  if (context.connect()) {
    context.terminal.Help(
        "tend runs already; systemd takes it over at the next boot, or now with "
        "`tend kill` and `" +
        Shown(*place, "start tend") + '`');
  } else {
    context.terminal.Help('`' + Shown(*place, "start tend") + "` starts it now");
  }
  return ExitCode::kOk;
}

ExitCode DoUnstartup(const Context& context, const Arguments&) {
  const auto place = PlaceOfCaller();
  if (!place) return Complain(context, place.error());
  if (::access(place->file().c_str(), F_OK) != 0) {
    context.terminal.Note("there is no " + place->file() + "; tend does not start at boot");
    return ExitCode::kOk;
  }
  if (SystemdRuns()) {
    if (const auto done = Systemctl(*place, {"disable", kUnitName}); !done) {
      return Complain(context, done.error());
    }
  }
  if (const auto gone = FilesLinux().Unlink(place->file()); !gone) {
    return Complain(context, gone.error());
  }
  if (SystemdRuns()) {
    if (const auto done = Systemctl(*place, {"daemon-reload"}); !done) {
      return Complain(context, done.error());
    }
  }
  context.terminal.Out("tend does not start at boot any more; what runs now goes on\n");
  return ExitCode::kOk;
}

}  // namespace tend::cli
