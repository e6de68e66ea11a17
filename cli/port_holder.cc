#include "cli/port_holder.h"

#include <dirent.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <cstdint>
#include <fstream>
#include <memory>
#include <optional>
#include <sstream>

#include "base/number.h"

namespace tend::cli {
namespace {

constexpr std::string_view kListening = "0A";  // TCP_LISTEN in /proc/net/tcp

// The last number from 1 to 65535 in `text` that stands after ':', ',' or ' ' and is not errno 98.
int LastPort(std::string_view text) {
  int port = -1;
  std::size_t at = 0;
  while (at < text.size()) {
    if (std::isdigit(static_cast<unsigned char>(text[at])) == 0) {
      ++at;
      continue;
    }
    std::size_t end = at;
    while (end < text.size() && std::isdigit(static_cast<unsigned char>(text[end])) != 0)
      ++end;
    const char before = at == 0 ? ' ' : text[at - 1];
    const char after = end == text.size() ? ' ' : text[end];
    const bool alone = (before == ':' || before == ',' || before == ' ') && after != '.' &&
                       after != ']' && after != ':';
    const auto number = ParseNumber<int>(text.substr(at, end - at));
    if (alone && number && *number > 0 && *number < 65536 && *number != 98) port = *number;
    at = end;
  }
  return port;
}

// The inode of a listening socket on `port`, from one of /proc/net/tcp and tcp6.
std::optional<std::uint64_t> ListeningInode(const std::string& path, int port) {
  std::ifstream table(path);
  std::string line;
  std::getline(table, line);  // titles
  while (std::getline(table, line)) {
    std::istringstream fields(line);
    std::string slot, local, remote, state, skip, inode;
    fields >> slot >> local >> remote >> state;
    for (int i = 0; i < 5; ++i)
      fields >> skip;
    fields >> inode;
    const std::size_t colon = local.rfind(':');
    if (state != kListening || colon == std::string::npos) continue;
    if (ParseNumber<int>(std::string_view(local).substr(colon + 1), 16) != port) continue;
    return ParseNumber<std::uint64_t>(inode);
  }
  return std::nullopt;
}

struct CloseDirectory {
  void operator()(DIR* directory) const { ::closedir(directory); }
};

std::vector<std::string> Entries(const std::string& path) {
  std::vector<std::string> names;
  const std::unique_ptr<DIR, CloseDirectory> directory(::opendir(path.c_str()));
  if (!directory) return names;
  while (const dirent* entry = ::readdir(directory.get()))  // NOLINT(concurrency-mt-unsafe)
    names.emplace_back(entry->d_name);
  return names;
}

bool HoldsSocket(const std::string& fd_folder, std::uint64_t inode) {
  const std::string wanted = "socket:[" + std::to_string(inode) + ']';
  for (const std::string& name : Entries(fd_folder)) {
    char target[64];
    const ssize_t n = ::readlink((fd_folder + '/' + name).c_str(), target, sizeof target);
    if (n > 0 && std::string_view(target, static_cast<std::size_t>(n)) == wanted) return true;
  }
  return false;
}

}  // namespace

int PortInUse(const std::vector<std::string>& lines) {
  int found = 0;
  for (const std::string& line : lines) {
    std::string lower(line);
    std::transform(lower.begin(), lower.end(), lower.begin(),
                   [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    const bool complains = lower.find("eaddrinuse") != std::string::npos ||
                           lower.find("address already in use") != std::string::npos;
    // Node prints "port: 3000" in the error object below the message.
    const bool names = found == -1 && lower.find("port:") != std::string::npos;
    if (!complains && !names) continue;
    const int port = LastPort(line);
    if (port > 0) return port;
    found = -1;
  }
  return found;
}

int PortHolder(int port, const std::string& proc) {
  auto inode = ListeningInode(proc + "/net/tcp", port);
  if (!inode) inode = ListeningInode(proc + "/net/tcp6", port);
  if (!inode) return 0;
  for (const std::string& name : Entries(proc)) {
    const auto pid = ParseNumber<int>(name);
    if (pid && HoldsSocket(proc + '/' + name + "/fd", *inode)) return *pid;
  }
  return 0;
}

std::string ProcessName(int pid, const std::string& proc) {
  std::ifstream file(proc + '/' + std::to_string(pid) + "/comm");
  std::string name;
  std::getline(file, name);
  return name;
}

}  // namespace tend::cli
