// Who descends from whom, by /proc: to signal, and to look for the rest of, a worker's tree.
//
// A process is pid and start time; both are checked before anything is sent to it. A tree is the
// root, its descendants, the processes of its session (which a double fork does not leave), and
// what an earlier Signal saw.
//
// Thread: the loop's. One look at /proc is good for kFresh, so that stopping many workers at once
// costs one walk and not one a worker.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace tend::supervisor {

struct ProcessStat {
  int pid = 0;
  int parent = 0;
  int session = 0;
  char state = '?';              // as in /proc/PID/stat
  std::uint64_t start_time = 0;  // clock ticks since boot

  bool alive() const { return state != 'Z' && state != 'X' && state != 'x'; }
  bool Is(const ProcessStat& other) const {
    return pid == other.pid && start_time == other.start_time;
  }
};

// nullopt: there is no such process.
std::optional<ProcessStat> ReadProcessStat(int pid);
// True if that very process exists and is not a zombie.
bool IsRunning(int pid, std::uint64_t start_time);
// /proc/PID/comm, at most 15 bytes; "": there is no such process.
std::string ReadProcessName(int pid);

class ProcessTree {
 public:
  static constexpr std::chrono::milliseconds kFresh{10};

  // Sends `signal` to the tree, deepest first, and remembers it. Returns how many got it.
  int Signal(int pid, std::uint64_t start_time, int signal);
  // Sends `signal` to that very process. False if it is gone or may not be signalled.
  static bool SignalOne(int pid, std::uint64_t start_time, int signal);
  // Living processes of the tree but for the root. Forgets the tree when it returns 0.
  int SurvivorCount(int pid, std::uint64_t start_time);

 private:
  using Key = std::pair<int, std::uint64_t>;
  struct Member {
    ProcessStat stat;
    int depth = 0;
  };

  void Refresh();
  std::vector<Member> Collect(const Key& root) const;
  void Remember(const Key& root, const std::vector<Member>& members);

  std::vector<ProcessStat> snapshot_;
  std::chrono::steady_clock::time_point taken_{};
  std::map<Key, std::vector<ProcessStat>> seen_;
};

}  // namespace tend::supervisor
