#include "exporter/proc_text.h"

#include <algorithm>

#include "base/number.h"

namespace tend::exporter {
namespace {

std::optional<std::uint64_t> ToNumber(std::string_view text) {
  return TakeNumber<std::uint64_t>(text);
}

std::string_view AfterBlanks(std::string_view text) {
  const auto begin = text.find_first_not_of(" \t");
  return begin == std::string_view::npos ? std::string_view() : text.substr(begin);
}

// Calls `fn` for each line until it returns true.
template <typename Fn>
void EachLine(std::string_view text, Fn fn) {
  while (!text.empty()) {
    const auto end = std::min(text.find('\n'), text.size());
    if (fn(text.substr(0, end))) return;
    text.remove_prefix(std::min(end + 1, text.size()));
  }
}

// The fields of /proc/PID/stat from the third on: the second, the name, may have blanks and
// parentheses in it. fields[0] is field 3.
bool SplitStat(std::string_view text, std::array<std::string_view, 22>& fields) {
  const auto name_end = text.rfind(')');
  if (name_end == std::string_view::npos || name_end + 2 > text.size()) return false;
  text.remove_prefix(name_end + 2);
  for (std::string_view& field : fields) {
    if (text.empty()) return false;
    const auto blank = text.find(' ');
    field = text.substr(0, blank);
    text = blank == std::string_view::npos ? std::string_view() : text.substr(blank + 1);
  }
  return true;
}

}  // namespace

std::optional<ProcStat> ParseStat(std::string_view text) {
  std::array<std::string_view, 22> fields;
  if (!SplitStat(text, fields)) return std::nullopt;
  ProcStat stat;
  bool ok = true;
  const auto take = [&](std::size_t field, std::uint64_t& value) {
    const auto number = ToNumber(fields[field - 3]);
    ok = ok && number.has_value();
    value = number.value_or(0);
  };
  take(4, stat.parent);
  take(6, stat.session);
  take(10, stat.minor_faults);
  take(12, stat.major_faults);
  take(14, stat.user_ticks);
  take(15, stat.system_ticks);
  take(20, stat.threads);
  take(22, stat.start_ticks);
  take(23, stat.virtual_bytes);
  take(24, stat.resident_pages);
  if (!ok) return std::nullopt;
  return stat;
}

std::optional<std::uint64_t> NumberAt(std::string_view text, std::string_view key) {
  std::optional<std::uint64_t> number;
  EachLine(text, [&](std::string_view line) {
    if (!line.starts_with(key)) return false;
    line.remove_prefix(key.size());
    if (line.empty() || (line.front() != ':' && line.front() != ' ')) return false;
    number = ToNumber(AfterBlanks(line.substr(1)));
    return true;
  });
  return number;
}

std::optional<std::uint64_t> NumberOfLine(std::string_view text, std::size_t index) {
  for (; index > 0; --index) {
    const auto blank = text.find(' ');
    if (blank == std::string_view::npos) return std::nullopt;
    text.remove_prefix(blank + 1);
  }
  return ToNumber(text);
}

std::optional<std::uint64_t> ParseMaxFds(std::string_view limits) {
  constexpr std::string_view kName = "Max open files";
  std::optional<std::uint64_t> number;
  EachLine(limits, [&](std::string_view line) {
    if (!line.starts_with(kName)) return false;
    number = ToNumber(AfterBlanks(line.substr(kName.size())));
    return true;
  });
  return number;
}

std::string_view ParseCgroup(std::string_view text) {
  std::string_view path;
  EachLine(text, [&](std::string_view line) {
    if (!line.starts_with("0::")) return false;
    path = line.substr(3);
    return true;
  });
  return path;
}

std::optional<std::uint64_t> ParsePressure(std::string_view text) {
  constexpr std::string_view kTotal = "total=";
  std::optional<std::uint64_t> number;
  EachLine(text, [&](std::string_view line) {
    if (!line.starts_with("some ")) return false;
    const auto at = line.find(kTotal);
    if (at != std::string_view::npos) number = ToNumber(line.substr(at + kTotal.size()));
    return true;
  });
  return number;
}

std::optional<std::uint64_t> ParseSocketInode(std::string_view link) {
  constexpr std::string_view kSocket = "socket:[";
  if (!link.starts_with(kSocket)) return std::nullopt;
  return ToNumber(link.substr(kSocket.size()));
}

}  // namespace tend::exporter
