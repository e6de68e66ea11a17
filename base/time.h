// Two clocks, never mixed: Mono for order, deadlines and delays; Wall for people and files.
// Text forms in and out. Pure but for NowWall().
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace tend {

using Mono = std::chrono::steady_clock::time_point;
// Nanoseconds since the Unix epoch, UTC.
using Wall = std::chrono::sys_time<std::chrono::nanoseconds>;

Wall NowWall();

// "2026-11-21T10:31:07.001234567Z" (RFC 3339, nine digits, 30 bytes). Years 0000 to 9999.
std::string FormatRfc3339(Wall time);
inline constexpr std::size_t kRfc3339Size = 30;
// The same, into `out`, which has room for kRfc3339Size bytes. For the line path.
void WriteRfc3339(Wall time, char* out);
// "20261121T103107Z": the form in names of sealed segments.
std::string FormatCompact(Wall time);
Result<Wall> ParseCompact(std::string_view text);
// RFC 3339 with or without fraction, with Z or an offset; "2026-11-21 10:31[:07]" and "2026-11-21"
// are taken as UTC.
Result<Wall> ParseTime(std::string_view text);

// "250ms", "5s", "1.5h", "7d"; units ms s m h d w. A bare number is taken in `bare_unit`.
Result<std::chrono::nanoseconds> ParseDuration(
    std::string_view text, std::chrono::nanoseconds bare_unit = std::chrono::seconds(1));
// The shortest form that ParseDuration reads back: "90s" → "90s", 3600 s → "1h".
std::string FormatDuration(std::chrono::nanoseconds duration);

// "50M", "1G", "512K", "100" (bytes); powers of 1024; "MB" and "MiB" are taken as M.
Result<std::uint64_t> ParseSize(std::string_view text);
// Exact where possible: 52428800 → "50M", 1000 → "1000".
std::string FormatSize(std::uint64_t bytes);

}  // namespace tend
