// The kernel's texts about processes and control groups → numbers. Pure and total: what is not
// there or no number is absent. https://man7.org/linux/man-pages/man5/proc.5.html
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

namespace tend::exporter {

// /proc/PID/stat, in the kernel's own units.
struct ProcStat {
  std::uint64_t parent = 0, session = 0;
  std::uint64_t minor_faults = 0, major_faults = 0;
  std::uint64_t user_ticks = 0, system_ticks = 0;
  std::uint64_t threads = 0, start_ticks = 0;
  std::uint64_t virtual_bytes = 0, resident_pages = 0;
};
std::optional<ProcStat> ParseStat(std::string_view text);

// The number behind `key` at the beginning of a line: "VmSwap:\t 12 kB", "read_bytes: 4096",
// "oom_kill 3".
std::optional<std::uint64_t> NumberAt(std::string_view text, std::string_view key);
// The `index`-th number of the first line, from 0: schedstat.
std::optional<std::uint64_t> NumberOfLine(std::string_view text, std::size_t index);
// The soft limit of "Max open files" in /proc/PID/limits; "unlimited" is absent.
std::optional<std::uint64_t> ParseMaxFds(std::string_view limits);
// The path of the process in the unified hierarchy: "0::/system.slice/x.service"; "" if none.
std::string_view ParseCgroup(std::string_view text);
// Microseconds for which some task waited, of cpu.pressure and its like.
std::optional<std::uint64_t> ParsePressure(std::string_view text);
// "socket:[12345]"
std::optional<std::uint64_t> ParseSocketInode(std::string_view link);

}  // namespace tend::exporter
