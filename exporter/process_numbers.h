// What the kernel says of the process of one worker. What could not be read is absent, never 0.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace tend::exporter {

inline constexpr auto kPressures = std::to_array<std::string_view>({"cpu", "memory", "io"});
inline constexpr auto kTcpStates =
    std::to_array<std::string_view>({"connecting", "established", "close_wait", "closing"});
using TcpCounts = std::array<std::uint64_t, kTcpStates.size()>;

struct ProcessNumbers {
  // Of the process that runs.
  std::optional<std::uint64_t> resident_bytes, virtual_bytes, swap_bytes, peak_resident_bytes;
  std::optional<std::uint64_t> proportional_bytes;
  std::optional<std::uint64_t> open_fds, max_fds, threads;
  std::optional<std::uint64_t> processes;  // it and what it has started
  std::optional<TcpCounts> tcp_connections;
  std::optional<double> cpu_ratio;                  // of one core, between the last two samples
  std::optional<std::uint64_t> memory_limit_bytes;  // as configured

  // Of all processes that the worker ever had.
  std::optional<double> cpu_user_seconds, cpu_system_seconds, cpu_wait_seconds;
  std::optional<std::uint64_t> voluntary_switches, involuntary_switches;
  std::optional<std::uint64_t> minor_faults, major_faults;
  std::optional<std::uint64_t> read_bytes, written_bytes;  // of storage
  std::optional<std::uint64_t> oom_kills;
  std::optional<double> throttled_seconds;
  std::array<std::optional<double>, kPressures.size()> waited_seconds;
};

}  // namespace tend::exporter
