#include "rotate/time_search.h"

#include <algorithm>
#include <optional>
#include <string>

#include "rotate/line_format.h"

namespace tend::rotate {
namespace {

// Not worth a search.
constexpr std::uint64_t kNear = 64 << 10;
// A line with a stamp is looked for so far; the most is more than the longest line has.
constexpr std::size_t kProbeMin = 4 << 10;
constexpr std::size_t kProbeMax = 1 << 20;

struct Stamped {
  std::uint64_t offset = 0;  // of the line
  Wall time{};
};

// The first line with a stamp that begins behind `from`, if it is near.
Result<std::optional<Stamped>> Probe(Files& files,
                                     int fd,
                                     std::uint64_t from,
                                     std::string_view app) {
  std::string scratch;
  for (std::size_t size = kProbeMin; size <= kProbeMax; size *= 16) {
    std::string block(size, '\0');
    TRY(const std::size_t n, files.ReadAt(fd, block, from));
    const std::string_view text = std::string_view(block).substr(0, n);
    for (std::size_t newline = text.find('\n'); newline != std::string_view::npos;) {
      const std::size_t next = text.find('\n', newline + 1);
      if (next == std::string_view::npos) break;
      const auto parsed = ParseLine(app, text.substr(newline + 1, next - newline - 1), scratch);
      if (parsed.has_time) return std::optional(Stamped{from + newline + 1, parsed.time});
      newline = next;
    }
    if (n < size) break;
  }
  return std::optional<Stamped>();
}

}  // namespace

Result<TimePlace> FindTime(
    Files& files, int fd, std::uint64_t size, std::string_view app, Wall time) {
  TimePlace place{0, size};
  while (place.end - place.begin > kNear) {
    const std::uint64_t middle = place.begin + (place.end - place.begin) / 2;
    const auto found = Probe(files, fd, middle, app);
    // Who reads on from here will tell what cannot be read.
    if (!found || !*found || (*found)->offset >= place.end) break;
    ((*found)->time < time ? place.begin : place.end) = (*found)->offset;
  }
  return place;
}

}  // namespace tend::rotate
