#include "supervisor/sidecar/process_finder.h"

#include <dirent.h>
#include <fnmatch.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <set>
#include <string_view>
#include <utility>

#include "base/files.h"
#include "base/number.h"

namespace tend::supervisor {
namespace {

constexpr std::size_t kFileMax = 1 << 20;
constexpr int kDepthMax = 8;  // of control groups

std::optional<int> PidIn(std::string_view text) {
  const auto begin = text.find_first_not_of(" \t\r\n");
  if (begin == std::string_view::npos) return std::nullopt;
  text.remove_prefix(begin);
  const auto pid = TakeNumber<int>(text);
  const bool is_pid = pid && *pid > 0 && (text.empty() || text.front() <= ' ');
  return is_pid ? pid : std::nullopt;
}

std::vector<std::string> Entries(const std::string& folder) {
  auto names = FilesLinux().List(folder);
  return names ? *std::move(names) : std::vector<std::string>();
}

struct Stat {
  FoundProcess process;
  int parent = 0;
  std::string name;
};

// Running ones only: what a zombie was is over. proc(5): "pid (name) state ppid … starttime".
std::optional<Stat> Look(const Roots& roots, int pid) {
  const auto text = ReadFile(FilesLinux(), roots.proc + '/' + std::to_string(pid) + "/stat", 8192);
  if (!text) return std::nullopt;
  const auto open = text->find('(');
  const auto close = text->rfind(')');
  if (open == std::string::npos || close == std::string::npos || close + 2 > text->size())
    return std::nullopt;
  std::string_view rest = std::string_view(*text).substr(close + 2);
  Stat stat;
  stat.process.pid = pid;
  stat.name = text->substr(open + 1, close - open - 1);
  for (int field = 3; field <= 22 && !rest.empty(); ++field) {
    const std::string_view word = rest.substr(0, rest.find(' '));
    if (field == 3 && (word == "Z" || word == "X")) return std::nullopt;
    if (field == 4) stat.parent = ParseNumber<int>(word).value_or(0);
    if (field == 22) {
      stat.process.start_ticks = ParseNumber<std::uint64_t>(word).value_or(0);
      return stat;
    }
    rest.remove_prefix(std::min(rest.size(), word.size() + 1));
  }
  return std::nullopt;
}

std::string CommandLine(const Roots& roots, int pid) {
  auto text = ReadFile(FilesLinux(), roots.proc + '/' + std::to_string(pid) + "/cmdline", kFileMax);
  if (!text) return {};
  while (!text->empty() && text->back() == '\0')
    text->pop_back();
  std::replace(text->begin(), text->end(), '\0', ' ');
  return *std::move(text);
}

// Whoever typed the pattern has it in a command line, too.
std::set<int> OurOwn(const Roots& roots) {
  std::set<int> own;
  for (int pid = ::getpid(); pid > 1 && own.insert(pid).second;) {
    const auto stat = Look(roots, pid);
    pid = stat ? stat->parent : 0;
  }
  return own;
}

// Those that started later are young.
std::uint64_t SettledTicks() {
  timespec boot{};
  ::clock_gettime(CLOCK_BOOTTIME, &boot);
  const auto seconds = std::max<std::int64_t>(boot.tv_sec - kSettledAfterSeconds, 0);
  return static_cast<std::uint64_t>(seconds) * static_cast<std::uint64_t>(::sysconf(_SC_CLK_TCK));
}

bool Matches(const std::string& pattern, const std::string& text) {
  return ::fnmatch(pattern.c_str(), text.c_str(), 0) == 0;
}

std::vector<FoundProcess> ByName(const std::string& pattern,
                                 const Roots& roots,
                                 KnownProcesses& known) {
  const std::set<int> own = OurOwn(roots);
  const std::uint64_t settled = SettledTicks();
  std::vector<FoundProcess> found;
  KnownProcesses seen;
  for (const std::string& entry : Entries(roots.proc)) {
    const auto pid = PidIn(entry);
    if (!pid || own.contains(*pid)) continue;
    const auto stat = Look(roots, *pid);
    if (!stat) continue;
    const std::uint64_t start = stat->process.start_ticks;
    bool fits = Matches(pattern, stat->name);
    if (!fits) {
      const auto before = known.find(*pid);
      const bool is_known = before != known.end() && before->second.start_ticks == start &&
                            before->second.name == stat->name;
      if (is_known) {
        fits = before->second.fits;
      } else {
        // "nginx: worker process" is nginx.
        const std::string command = CommandLine(roots, *pid);
        fits = !command.empty() && Matches(pattern, command);
      }
      if (start <= settled) seen[*pid] = {start, stat->name, fits};
    }
    if (fits) found.push_back(stat->process);
  }
  known = std::move(seen);
  return found;
}

std::optional<std::string> FindGroup(const std::string& folder,
                                     const std::string& unit,
                                     int depth) {
  if (depth > kDepthMax) return std::nullopt;
  for (const std::string& entry : Entries(folder)) {
    const std::string path = folder + '/' + entry;
    if (entry == unit) return path;
    // Of systemd's tree: what is in a service or a scope is its own affair.
    const bool may_hold = entry.ends_with(".slice") || entry.starts_with("user@") ||
                          entry == "systemd" || entry == "unified";
    if (!may_hold) continue;
    if (auto found = FindGroup(path, unit, depth + 1)) return found;
  }
  return std::nullopt;
}

void AddGroup(const std::string& group,
              const Roots& roots,
              int depth,
              std::vector<FoundProcess>& found) {
  const auto text = ReadFile(FilesLinux(), group + "/cgroup.procs", kFileMax);
  if (depth > kDepthMax) return;
  for (std::string_view left = text ? *text : std::string_view(); !left.empty();) {
    const std::size_t end = left.find('\n');
    const auto pid = PidIn(left.substr(0, end));
    const auto stat = pid ? Look(roots, *pid) : std::nullopt;
    if (stat) found.push_back(stat->process);
    left.remove_prefix(end == std::string_view::npos ? left.size() : end + 1);
  }
  for (const std::string& entry : Entries(group))
    AddGroup(group + '/' + entry, roots, depth + 1, found);
}

Result<std::vector<FoundProcess>> ByUnit(std::string unit, const Roots& roots) {
  if (unit.find('.') == std::string::npos) unit += ".service";
  const auto group = FindGroup(roots.cgroup, unit, 0);
  if (!group) return Error(Errc::kNotFound, "no unit " + unit + " is running");
  std::vector<FoundProcess> found;
  AddGroup(*group, roots, 0, found);
  return found;
}

Result<std::vector<FoundProcess>> ByPid(std::string_view text, const Roots& roots) {
  const auto pid = PidIn(text);
  if (!pid) return Error(Errc::kInvalid, "not a pid: \"" + std::string(text.substr(0, 40)) + '"');
  const auto stat = Look(roots, *pid);
  if (!stat) return std::vector<FoundProcess>();
  return std::vector<FoundProcess>{stat->process};
}

}  // namespace

Result<std::vector<FoundProcess>> FindProcesses(const ProcessSelector& selector,
                                                KnownProcesses& known,
                                                const Roots& roots) {
  std::vector<FoundProcess> found;
  switch (selector.by) {
    case SelectBy::kPid:
      return ByPid(selector.value, roots);
    case SelectBy::kPidFile: {
      TRY(const std::string text, ReadFile(FilesLinux(), selector.value, kFileMax));
      // Whoever writes it may have just begun.
      if (text.find_first_not_of(" \t\r\n") == std::string::npos) return found;
      return ByPid(text, roots);
    }
    case SelectBy::kUnit: {
      TRY(found, ByUnit(selector.value, roots));
      break;
    }
    case SelectBy::kName:
      found = ByName(selector.value, roots, known);
      break;
  }
  std::sort(found.begin(), found.end(), [](const FoundProcess& a, const FoundProcess& b) {
    return std::pair(a.start_ticks, a.pid) < std::pair(b.start_ticks, b.pid);
  });
  found.erase(std::unique(found.begin(), found.end()), found.end());
  if (found.size() > kFoundMax) found.resize(kFoundMax);
  return found;
}

}  // namespace tend::supervisor
