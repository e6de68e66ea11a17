// Text for people: how wide it is on a terminal, sizes, spans of time, and making what a worker
// printed harmless. Pure.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace tend::cli {

// Columns that UTF-8 text takes: wide East Asian characters and emoji two, combining marks none,
// bytes that are not UTF-8 one each.
std::size_t DisplayWidth(std::string_view text);
// At most `width` columns of `text`; what was cut shows as "…" (or "..." without Unicode).
std::string CutToWidth(std::string_view text, std::size_t width, bool unicode);

// "9.4 MiB", "212 MiB", "0 B": three digits at most, so that columns do not jump.
std::string HumanSize(std::uint64_t bytes);
// "0s", "41m", "19h", "3d 4h": the two largest units where the first is days.
std::string HumanAge(std::chrono::nanoseconds age);
// "0.4s", "12.0s", "2m 5s": how long something took.
std::string HumanSpan(std::chrono::nanoseconds span);
// 0.384 → "38%".
std::string HumanRatio(double ratio);
// "1 worker", "2 workers".
std::string Count(std::size_t n, std::string_view noun);

// Replaces control characters (a terminal would obey them) by "\x1b" and the like; tabs stay.
std::string Harmless(std::string_view text);
std::string Join(const std::vector<std::string>& parts, std::string_view between);

}  // namespace tend::cli
