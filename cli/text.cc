#include "cli/text.h"

#include <algorithm>
#include <array>
#include <cmath>

#include <fmt/format.h>

namespace tend::cli {
namespace {

struct Character {
  std::size_t bytes;
  std::size_t columns;
};

struct Range {
  char32_t first, last;
};

constexpr std::array<Range, 6> kNoWidth = {{{0x0300, 0x036f},
                                            {0x200b, 0x200f},
                                            {0x20d0, 0x20ff},
                                            {0xfe00, 0xfe0f},
                                            {0xfe20, 0xfe2f},
                                            {0xe0100, 0xe01ef}}};
constexpr std::array<Range, 9> kDoubleWidth = {{{0x1100, 0x115f},
                                                {0x2e80, 0x303e},
                                                {0x3041, 0xa4cf},
                                                {0xac00, 0xd7a3},
                                                {0xf900, 0xfaff},
                                                {0xfe30, 0xfe6f},
                                                {0xff00, 0xff60},
                                                {0x1f300, 0x1faff},
                                                {0x20000, 0x3fffd}}};

template <std::size_t N>
bool In(const std::array<Range, N>& ranges, char32_t c) {
  return std::any_of(ranges.begin(), ranges.end(),
                     [&](const Range& range) { return c >= range.first && c <= range.last; });
}

Character First(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char lead = byte(0);
  std::size_t size = 1;
  if (lead >= 0xf0 && lead < 0xf5)
    size = 4;
  else if (lead >= 0xe0)
    size = 3;
  else if (lead >= 0xc2)
    size = 2;
  if (lead < 0x80 || lead >= 0xf5 || size == 1 || size > text.size()) return {1, 1};
  char32_t c = lead & (0xffu >> (size + 1));
  for (std::size_t i = 1; i < size; ++i) {
    if ((byte(i) & 0xc0u) != 0x80u) return {1, 1};
    c = (c << 6) | (byte(i) & 0x3fu);
  }
  if (In(kNoWidth, c)) return {size, 0};
  return {size, In(kDoubleWidth, c) ? std::size_t{2} : std::size_t{1}};
}

}  // namespace

std::size_t DisplayWidth(std::string_view text) {
  std::size_t columns = 0;
  while (!text.empty()) {
    const Character c = First(text);
    columns += c.columns;
    text.remove_prefix(c.bytes);
  }
  return columns;
}

std::string CutToWidth(std::string_view text, std::size_t width, bool unicode) {
  if (DisplayWidth(text) <= width) return std::string(text);
  const std::string_view mark = unicode ? "…" : "...";
  const std::size_t mark_width = unicode ? 1 : 3;
  const bool marked = width > mark_width;
  std::size_t room = marked ? width - mark_width : width;
  std::string cut;
  while (!text.empty()) {
    const Character c = First(text);
    if (c.columns > room) break;
    room -= c.columns;
    cut.append(text.substr(0, c.bytes));
    text.remove_prefix(c.bytes);
  }
  if (marked) cut.append(mark);
  return cut;
}

std::string HumanSize(std::uint64_t bytes) {
  if (bytes < 1024) return fmt::format("{} B", bytes);
  static constexpr std::array<const char*, 6> kUnits = {"KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
  double value = static_cast<double>(bytes) / 1024;
  std::size_t unit = 0;
  while (value >= 999.5 && unit + 1 < kUnits.size()) {
    value /= 1024;
    ++unit;
  }
  // 9.96 would print as "10.0": one digit too many for its column.
  return value < 9.95 ? fmt::format("{:.1f} {}", value, kUnits[unit])
                      : fmt::format("{:.0f} {}", value, kUnits[unit]);
}

std::string HumanAge(std::chrono::nanoseconds age) {
  const auto seconds =
      std::max<std::int64_t>(0, std::chrono::duration_cast<std::chrono::seconds>(age).count());
  if (seconds < 60) return fmt::format("{}s", seconds);
  if (seconds < 3600) return fmt::format("{}m", seconds / 60);
  if (seconds < 86400) return fmt::format("{}h", seconds / 3600);
  return fmt::format("{}d {}h", seconds / 86400, seconds % 86400 / 3600);
}

std::string HumanSpan(std::chrono::nanoseconds span) {
  const double seconds = std::max(0.0, std::chrono::duration<double>(span).count());
  if (seconds < 59.95) return fmt::format("{:.1f}s", seconds);
  const auto whole = static_cast<std::int64_t>(std::lround(seconds));
  if (whole < 3600) return fmt::format("{}m {}s", whole / 60, whole % 60);
  return fmt::format("{}h {}m", whole / 3600, whole % 3600 / 60);
}

std::string HumanRatio(double ratio) {
  return fmt::format("{:.0f}%", std::max(0.0, ratio) * 100);
}

std::string Count(std::size_t n, std::string_view noun) {
  return fmt::format("{} {}{}", n, noun, n == 1 ? "" : "s");
}

std::string Harmless(std::string_view text) {
  std::string safe;
  safe.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto c = static_cast<unsigned char>(text[i]);
    const auto next = i + 1 < text.size() ? static_cast<unsigned char>(text[i + 1]) : 0u;
    // U+0080 to U+009F: terminals take them as the eight-bit form of escape sequences.
    if (c == 0xc2 && next >= 0x80 && next <= 0x9f) {
      safe += fmt::format("\\u{:04x}", next);
      ++i;
    } else if ((c < 0x20 && c != '\t') || c == 0x7f) {
      safe += fmt::format("\\x{:02x}", c);
    } else {
      safe += text[i];
    }
  }
  return safe;
}

std::string Join(const std::vector<std::string>& parts, std::string_view between) {
  std::string all;
  for (const std::string& part : parts) {
    if (!all.empty()) all.append(between);
    all.append(part);
  }
  return all;
}

}  // namespace tend::cli
