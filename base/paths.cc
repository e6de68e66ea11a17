#include "base/paths.h"

#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>

#include "base/files.h"

namespace tend {
namespace {

std::string Variable(const char* name) {
  const char* value = std::getenv(name);  // NOLINT(concurrency-mt-unsafe): before threads
  return value == nullptr ? std::string() : std::string(value);
}

// FNV-1a: a name for a folder, nothing that must resist anyone.
std::string ShortHash(const std::string& text) {
  std::uint64_t hash = 0xcbf29ce484222325u;
  for (const char c : text)
    hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3u;
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string name;
  for (int i = 0; i < 12; ++i, hash >>= 4)
    name += kDigits[hash & 15];
  return name;
}

Result<std::string> Absolute(std::string path) {
  while (path.size() > 1 && path.back() == '/')
    path.pop_back();
  if (path.starts_with('/')) return path;
  char here[4096];
  if (::getcwd(here, sizeof here) == nullptr) return SysError("find the current folder", errno);
  return std::string(here) + '/' + path;
}

// A folder on tmpfs that survives our processes but not a reboot.
std::string RunUnderHome(const std::string& home) {
  if (::access("/dev/shm", W_OK | X_OK) != 0) return home + "/run";
  return "/dev/shm/tend-" + std::to_string(::getuid()) + '-' + ShortHash(home);
}

Paths Below(const std::string& home) {
  Paths paths;
  paths.control_socket = home + "/tend.sock";
  paths.http_socket = home + "/http.sock";
  paths.listen_file = home + "/listen";
  paths.logs = home + "/logs";
  paths.state = home + "/state";
  paths.run = RunUnderHome(home);
  paths.own_logs = home + "/state/log";
  return paths;
}

Paths System() {
  Paths paths;
  paths.control_socket = "/run/tend/tend.sock";
  paths.http_socket = "/run/tend/http.sock";
  paths.listen_file = "/run/tend/listen";
  paths.logs = "/var/log/tend";
  paths.state = "/var/lib/tend";
  paths.run = "/run/tend";
  paths.own_logs = "/var/lib/tend/log";
  return paths;
}

Paths User(const std::string& home) {
  std::string state = Variable("XDG_STATE_HOME");
  if (state.empty()) state = home + "/.local/state";
  const std::string runtime = Variable("XDG_RUNTIME_DIR");
  Paths paths = Below(state + "/tend");
  if (!runtime.empty() && ::access(runtime.c_str(), W_OK | X_OK) == 0) {
    paths.run = runtime + "/tend";
    paths.control_socket = paths.run + "/tend.sock";
    paths.http_socket = paths.run + "/http.sock";
    paths.listen_file = paths.run + "/listen";
  }
  return paths;
}

Result<Paths> Choose() {
  if (std::string home = Variable("TEND_HOME"); !home.empty()) {
    TRY(const std::string absolute, Absolute(std::move(home)));
    return Below(absolute);
  }
  if (::getuid() == 0) return System();
  const std::string home = Variable("HOME");
  if (home.empty()) return Error(Errc::kInvalid, "neither TEND_HOME nor HOME is set");
  return User(home);
}

// A run folder on shared tmpfs must be ours: someone else may have made that name first.
Result<> CheckOwned(const std::string& path) {
  struct stat info {};
  if (::lstat(path.c_str(), &info) != 0) return SysError("look at " + path, errno);
  if (!S_ISDIR(info.st_mode) || (info.st_uid != ::getuid() && info.st_uid != 0)) {
    return Error(Errc::kPermission, path + " is not a folder of this user");
  }
  return {};
}

}  // namespace

Result<Paths> PathsFromEnvironment() {
  TRY(Paths paths, Choose());
  for (const std::string& socket : {paths.control_socket, paths.http_socket}) {
    if (socket.size() < sizeof(sockaddr_un::sun_path)) continue;
    return Error(Errc::kInvalid, "the socket path " + socket +
                                     " is longer than 107 bytes; set TEND_HOME to a shorter one");
  }
  // Beside the others, where workers of other users may get at it. Nothing depends on it.
  paths.statsd_socket = paths.http_socket.substr(0, paths.http_socket.rfind('/')) + "/statsd.sock";
  if (paths.statsd_socket.size() >= sizeof(sockaddr_un::sun_path)) paths.statsd_socket.clear();
  return paths;
}

Result<> MakeFolders(const Paths& paths) {
  Files& files = FilesLinux();
  const std::string socket_folder = paths.control_socket.substr(0, paths.control_socket.rfind('/'));
  // A folder that has sockets for the group to use may be entered by others; what is in it may not.
  TRY_VOID(files.MakeDirectories(socket_folder, 0755));
  TRY_VOID(files.MakeDirectories(paths.state, 0700));
  TRY_VOID(files.MakeDirectories(paths.own_logs, 0700));
  TRY_VOID(files.MakeDirectories(paths.run, paths.run == socket_folder ? 0755 : 0700));
  TRY_VOID(files.MakeDirectories(paths.logs, 0750));
  return CheckOwned(paths.run);
}

std::string ProgramFolder() {
  char path[4096];
  const ssize_t n = ::readlink("/proc/self/exe", path, sizeof path);
  if (n <= 0) return ".";
  const std::string program(path, static_cast<std::size_t>(n));
  return program.substr(0, program.rfind('/'));
}

}  // namespace tend
