// What a worker slot used over all its processes, and which of them are there: numbers that never
// go back, whoever ends, and whether or not we saw it.
//
// Pure. Thread: the loop's.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string_view>
#include <vector>

#include "base/time.h"
#include "exporter/proc_sampler.h"

namespace tend::exporter {

// What is summed up over processes.
enum class Used : std::uint8_t {
  kUserSeconds,
  kSystemSeconds,
  kWaitSeconds,
  kVoluntarySwitches,
  kInvoluntarySwitches,
  kMinorFaults,
  kMajorFaults,
  kReadBytes,
  kWrittenBytes
};
inline constexpr std::size_t kUsedCount = 9;
std::string_view Name(Used used);  // "user_seconds" …

class ProcessTotals {
 public:
  struct Life {
    std::uint64_t incarnation = 0;
    int pid = 0;
    std::uint64_t start_ticks = 0;  // 0: not seen yet
    std::array<double, kUsedCount> used{};
    // What it had used before is counted already: the first that is seen of it is where it begins.
    bool is_counted = false;
    std::array<std::optional<double>, kUsedCount> bases{};
    std::optional<Mono> sampled;  // when it last was
    double cpu_sampled = 0;       // seconds that it had used then
    std::optional<double> ratio;
  };

  // A process began. One that is known already is left as it is; of more than kLivesMax, the oldest
  // is taken as ended. REQUIRES: `pid` is not 0.
  void Begin(std::uint64_t incarnation, int pid);
  // What is not known, or is another process with the same pid, is left out. Time only goes up.
  void Add(std::uint64_t incarnation, const ProcSample& sample, Mono now);
  void Add(std::uint64_t incarnation, const ProcDetail& detail);
  // The process ended, having used this much in all, with the children that it waited for. These
  // were not its own before: no more is counted than `cpus` can have done since the last sample.
  void End(int pid, double user_seconds, double system_seconds, Mono now, double cpus);

  // Absent if nothing of the kind was ever seen.
  std::optional<double> Total(Used used) const;
  // Of a core, between the last two samples of this life; absent if there are none.
  std::optional<double> CpuRatio(std::uint64_t incarnation) const;
  const std::vector<Life>& lives() const { return lives_; }

  // What a former process of ours had counted, before anything else is said: in `living` that of
  // `newest`, in `ended` all else. That one may still be there: it is known by its number. An older
  // one that is there, too, goes on from what it is first seen to have used.
  struct Kept {
    std::uint64_t newest = 0;
    std::array<double, kUsedCount> ended{}, living{};
    std::uint64_t seen = 0;  // a bit for each Used
  };
  void Resume(const Kept& kept);
  Kept Keep() const;

 private:
  static constexpr std::size_t kLivesMax = 4;

  Life* Find(std::uint64_t incarnation);
  void Raise(Life& life, Used used, double value);
  void RaiseAtMost(Life& life, Used used, double value, double room);
  void Fold(std::size_t index);

  std::vector<Life> lives_;                 // by incarnation
  std::array<double, kUsedCount> ended_{};  // of lives that are over
  std::uint64_t seen_ = 0;
  std::uint64_t newest_ = 0;
  std::optional<Kept> resumed_;  // until its life is there, or a later one
};

}  // namespace tend::exporter
