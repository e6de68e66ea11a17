#include "supervisor/process_tree.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string_view>
#include <unordered_map>
#include <unordered_set>

#include "base/fd.h"

namespace tend::supervisor {
namespace {

// Trees whose SurvivorCount nobody asked for are looked through when there are so many.
constexpr std::size_t kSeenMax = 1024;

// Ends with NUL; "" if the file cannot be read. No heap: the keeper reads this way, too.
template <std::size_t size>
const char* ReadSmall(const char* path, char (&buffer)[size]) {
  const Fd file(::open(path, O_RDONLY | O_CLOEXEC));
  const ssize_t n = file.valid() ? ::read(file.get(), buffer, size - 1) : 0;
  buffer[n > 0 ? n : 0] = '\0';
  return buffer;
}

// "PID (name) S PPID PGRP SESSION …"; the name may hold anything, so fields count from the last
// parenthesis. Start time is field 22.
std::optional<ProcessStat> Parse(int pid, const char* text) {
  const char* const end = std::strrchr(text, ')');
  if (end == nullptr) return std::nullopt;
  ProcessStat stat;
  stat.pid = pid;
  int group = 0;
  unsigned long long start = 0;
  const int found = std::sscanf(
      end + 1, " %c %d %d %d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %*d %*d %llu",
      &stat.state, &stat.parent, &group, &stat.session, &start);
  if (found != 5) return std::nullopt;
  stat.start_time = start;
  return stat;
}

// Calls `fn(pid)` for every process until it returns false.
template <typename Fn>
void ForEachPid(Fn fn) {
  DIR* const folder = ::opendir("/proc");
  if (folder == nullptr) return;
  while (const dirent* entry = ::readdir(folder)) {  // NOLINT(concurrency-mt-unsafe)
    const int pid = std::atoi(entry->d_name);
    if (pid > 0 && !fn(pid)) break;
  }
  ::closedir(folder);
}

std::vector<ProcessStat> ReadAll() {
  std::vector<ProcessStat> all;
  ForEachPid([&](int pid) {
    if (const auto stat = ReadProcessStat(pid)) all.push_back(*stat);
    return true;
  });
  return all;
}

// A tenth of the price of ReadAll.
bool SessionHasOthers(int session) {
  bool found = false;
  ForEachPid([&](int pid) {
    found = pid != session && ::getsid(pid) == session;
    return !found;
  });
  return found;
}

bool Exists(const ProcessStat& process) {
  return IsRunning(process.pid, process.start_time);
}

}  // namespace

std::optional<ProcessStat> ReadProcessStat(int pid) {
  char path[32];
  std::snprintf(path, sizeof path, "/proc/%d/stat", pid);
  char text[1024];
  return Parse(pid, ReadSmall(path, text));
}

bool IsRunning(int pid, std::uint64_t start_time) {
  const auto stat = ReadProcessStat(pid);
  return stat && stat->start_time == start_time && stat->alive();
}

std::string ReadProcessName(int pid) {
  char path[32];
  std::snprintf(path, sizeof path, "/proc/%d/comm", pid);
  char text[32];
  std::string_view name = ReadSmall(path, text);
  if (name.ends_with('\n')) name.remove_suffix(1);
  return std::string(name);
}

bool ProcessTree::SignalOne(int pid, std::uint64_t start_time, int signal) {
  // The pidfd is opened before the look at the start time: it cannot become another process's
  // between the look and the signal.
  const Fd pidfd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
  const bool unsupported = !pidfd.valid() && errno != ESRCH;
  if (!pidfd.valid() && !unsupported) return false;
  if (!IsRunning(pid, start_time)) return false;
  if (unsupported) return ::kill(pid, signal) == 0;
  return ::syscall(SYS_pidfd_send_signal, pidfd.get(), signal, nullptr, 0) == 0;
}

void ProcessTree::Refresh() {
  const auto now = std::chrono::steady_clock::now();
  if (!snapshot_.empty() && now - taken_ < kFresh) return;
  snapshot_ = ReadAll();
  taken_ = now;
}

// The living members but for the root, as the snapshot shows them.
std::vector<ProcessTree::Member> ProcessTree::Collect(const Key& root) const {
  std::unordered_map<int, std::vector<const ProcessStat*>> children;
  bool is_other = false;
  for (const ProcessStat& process : snapshot_) {
    children[process.parent].push_back(&process);
    if (process.pid == root.first) is_other = process.start_time != root.second;
  }
  const auto seen = seen_.find(root);
  const auto was_seen = [&](const ProcessStat& process) {
    return seen != seen_.end() && std::any_of(seen->second.begin(), seen->second.end(),
                                              [&](const ProcessStat& s) { return s.Is(process); });
  };
  std::vector<std::pair<int, int>> open;  // pid, depth: whose children are members
  std::vector<Member> members;
  std::unordered_set<int> known = {root.first};
  const auto add = [&](const ProcessStat& process, int depth) {
    if (!known.insert(process.pid).second) return;
    if (process.alive()) members.push_back({process, depth});
    open.emplace_back(process.pid, depth);
  };
  // The kernel gives a number to nobody else as long as it is that of a session: if another process
  // has the root's, nothing of our session lives.
  if (!is_other) open.emplace_back(root.first, 0);
  for (;;) {
    while (!open.empty()) {
      const auto [parent, depth] = open.back();
      open.pop_back();
      for (const ProcessStat* child : children[parent])
        add(*child, depth + 1);
    }
    // Then those that hang on the root by their session only, or that were seen before they left.
    for (const ProcessStat& process : snapshot_) {
      if ((!is_other && process.session == root.first) || was_seen(process)) add(process, 1);
    }
    if (open.empty()) return members;
  }
}

void ProcessTree::Remember(const Key& root, const std::vector<Member>& members) {
  if (seen_.size() >= kSeenMax) {
    std::erase_if(seen_, [](const auto& entry) {
      return std::none_of(entry.second.begin(), entry.second.end(), Exists);
    });
  }
  // Members that were seen earlier are among these as long as they live.
  std::vector<ProcessStat>& seen = seen_[root];
  seen.clear();
  for (const Member& member : members)
    seen.push_back(member.stat);
}

int ProcessTree::Signal(int pid, std::uint64_t start_time, int signal) {
  Refresh();
  const Key root(pid, start_time);
  std::vector<Member> members = Collect(root);
  Remember(root, members);
  std::sort(members.begin(), members.end(),
            [](const Member& a, const Member& b) { return a.depth > b.depth; });
  int count = 0;
  for (const Member& member : members) {
    count += SignalOne(member.stat.pid, member.stat.start_time, signal) ? 1 : 0;
  }
  return count + (SignalOne(pid, start_time, signal) ? 1 : 0);
}

int ProcessTree::SurvivorCount(int pid, std::uint64_t start_time) {
  const Key root(pid, start_time);
  // What most workers leave behind is nothing. The children of a dead root are its no more.
  if (!seen_.contains(root) && !IsRunning(pid, start_time) && !SessionHasOthers(pid)) return 0;
  // Only members make members. So a look at /proc that shows none of them, the root included, is
  // right for ever; one that shows some, who are dead by now, may be too old.
  for (;;) {
    Refresh();
    const std::vector<Member> members = Collect(root);
    const bool shows_root =
        std::any_of(snapshot_.begin(), snapshot_.end(), [&](const ProcessStat& process) {
          return process.pid == pid && process.start_time == start_time && process.alive();
        });
    const auto count = std::count_if(members.begin(), members.end(),
                                     [](const Member& member) { return Exists(member.stat); });
    const bool root_lives = shows_root && IsRunning(pid, start_time);
    Remember(root, members);
    if (count > 0 || root_lives) return static_cast<int>(count);
    if (members.empty() && !shows_root) break;
    snapshot_.clear();
  }
  seen_.erase(root);
  return 0;
}

}  // namespace tend::supervisor
