// Numbers of a process from /proc. The folder is a parameter, so that a test can be the kernel.
//
// Thread: the loop's. One read a process; counting descriptors is a readdir and is asked for apart.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/fd.h"
#include "base/time.h"

namespace tend::exporter {

struct ProcSample {
  double user_seconds = 0;
  double system_seconds = 0;
  std::uint64_t resident_bytes = 0;
  std::uint64_t virtual_bytes = 0;
  std::uint64_t threads = 0;
  std::uint64_t start_ticks = 0;  // since boot: with the pid, who it is
};

class ProcSampler {
 public:
  explicit ProcSampler(const std::string& root = "/proc");

  // nullopt if there is no such process, or what the kernel says cannot be read.
  std::optional<ProcSample> Sample(int pid) const;
  std::optional<std::uint64_t> OpenFds(int pid) const;
  // Reads that failed for another reason than that the process has gone, since start.
  std::uint64_t errors() const { return errors_; }

 private:
  Fd root_;
  const double tick_seconds_;
  const std::uint64_t page_bytes_;
  mutable std::uint64_t errors_ = 0;
};

// The CPU time of a worker slot over all its incarnations, which never goes back, and the share of
// a core that it used between the last two samples.
class CpuSeries {
 public:
  // `incarnation` tells lives apart; what a life had used when last seen is kept. A sample of
  // somebody else, who was given the same pid before we learned of the exit, is left out.
  void Add(std::uint64_t incarnation, const ProcSample& sample, Mono now);

  double user_seconds() const { return user_base_ + user_; }
  double system_seconds() const { return system_base_ + system_; }
  std::optional<double> ratio() const { return ratio_; }

 private:
  std::uint64_t incarnation_ = 0, start_ticks_ = 0;
  bool seen_ = false;
  double user_base_ = 0, system_base_ = 0;  // of lives that are over
  double user_ = 0, system_ = 0;
  Mono at_{};
  std::optional<double> ratio_;
};

}  // namespace tend::exporter
