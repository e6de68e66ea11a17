// Numbers of a process from /proc and from its control group. The folders are parameters, so that a
// test can be the kernel.
//
// Thread: one at a time. Sample() is one read; Detail() is some ten, and with `proportional` one
// that may take milliseconds, so that it belongs on a thread that nobody waits for.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/fd.h"
#include "exporter/process_numbers.h"

namespace tend::exporter {

struct ProcSample {
  double user_seconds = 0;
  double system_seconds = 0;
  std::uint64_t resident_bytes = 0;
  std::uint64_t virtual_bytes = 0;
  std::uint64_t minor_faults = 0, major_faults = 0;
  std::uint64_t threads = 0;
  std::uint64_t start_ticks = 0;  // since boot: with the pid, who it is
};

// What takes longer. Absent: it cannot be read, or was not asked for.
struct ProcDetail {
  std::uint64_t start_ticks = 0;
  std::optional<std::uint64_t> swap_bytes, peak_resident_bytes, proportional_bytes;
  std::optional<std::uint64_t> voluntary_switches, involuntary_switches;
  std::optional<double> cpu_wait_seconds;
  std::optional<std::uint64_t> read_bytes, written_bytes;
  std::optional<std::uint64_t> open_fds, max_fds;
  std::string cgroup;                  // in the unified hierarchy; "": none
  std::vector<std::uint64_t> sockets;  // inodes
};

struct CgroupSample {
  std::optional<std::uint64_t> oom_kills;
  std::optional<double> throttled_seconds;
  std::array<std::optional<double>, kPressures.size()> waited_seconds;
};

struct DetailWanted {
  bool max_fds = false;
  bool proportional = false;
  bool sockets = false;
};

// Who there is: for the trees of workers.
struct ProcessParent {
  int pid = 0, parent = 0, session = 0;
};
// For each of `roots`, how many processes descend from it or are in its session, itself included.
std::vector<std::uint64_t> CountTrees(const std::vector<ProcessParent>& processes,
                                      const std::vector<int>& roots);

class ProcSampler {
 public:
  explicit ProcSampler(const std::string& proc = "/proc", std::string cgroups = "/sys/fs/cgroup");

  // nullopt if there is no such process, or what the kernel says cannot be read.
  std::optional<ProcSample> Sample(int pid) const;
  std::optional<ProcDetail> Detail(int pid, const DetailWanted& wanted) const;
  std::optional<std::uint64_t> OpenFds(int pid) const;
  std::vector<ProcessParent> Processes() const;
  CgroupSample Cgroup(const std::string& path) const;
  // Reads that failed for another reason than that the process has gone, since start.
  std::uint64_t errors() const { return errors_; }

 private:
  // "" and, unless the process has gone or it is none of our business, an error.
  std::string Read(int pid, std::string_view file) const;
  void ReadFds(int pid, bool sockets, ProcDetail& detail) const;

  Fd root_;
  const std::string cgroups_;
  const double tick_seconds_;
  const std::uint64_t page_bytes_;
  mutable std::uint64_t errors_ = 0;
};

}  // namespace tend::exporter
