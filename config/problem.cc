#include "config/problem.h"

#include <algorithm>
#include <cctype>

#include <fmt/format.h>

namespace tend::config {
namespace {

constexpr std::size_t kShownMax = 160;  // bytes of a source line

std::string_view LineOf(std::string_view source, int number) {
  for (int line = 1; line < number; ++line) {
    const std::size_t end = source.find('\n');
    if (end == std::string_view::npos) return {};
    source.remove_prefix(end + 1);
  }
  std::string_view line = source.substr(0, source.find('\n'));
  if (line.ends_with('\r')) line.remove_suffix(1);
  return line.substr(0, kShownMax);
}

bool IsWordByte(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return std::isalnum(byte) != 0 || c == '_' || c == '-' || c == '.' || c == '/' || byte >= 0x80;
}

// How many bytes to underline: a quoted string, a word, or just the one.
std::size_t Extent(std::string_view from) {
  if (from.empty()) return 1;
  if (from[0] == '"' || from[0] == '\'') {
    const std::size_t end = from.find(from[0], 1);
    return end == std::string_view::npos ? 1 : end + 1;
  }
  const auto end = std::find_if_not(from.begin(), from.end(), IsWordByte);
  return std::max<std::size_t>(1, static_cast<std::size_t>(end - from.begin()));
}

// Control bytes would let a file write to the terminal.
std::string Harmless(std::string_view line) {
  std::string out(line);
  for (char& c : out) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '\t' || byte < 0x20 || byte == 0x7f) c = c == '\t' ? ' ' : '?';
  }
  return out;
}

}  // namespace

std::string FormatProblem(const Problem& problem, std::string_view source, bool colour) {
  const char* bold = colour ? (problem.is_error ? "\033[1;31m" : "\033[1;33m") : "";
  const char* faint = colour ? "\033[36m" : "";
  const char* reset = colour ? "\033[0m" : "";
  std::string out = fmt::format("{}{}", bold, problem.is_error ? "error" : "warning");
  if (!problem.code.empty()) out += fmt::format("[{}]", problem.code);
  out += fmt::format("{}: {}\n", reset, problem.message);

  const std::string_view line =
      problem.line > 0 ? LineOf(source, problem.line) : std::string_view{};
  const std::string number = std::to_string(problem.line);
  if (!problem.file.empty()) {
    out += fmt::format("  {}-->{} {}", faint, reset, problem.file);
    if (problem.line > 0) out += ':' + number;
    if (problem.line > 0 && problem.column > 0) out += ':' + std::to_string(problem.column);
    if (problem.line == 0 && !problem.where.empty()) out += ", " + problem.where;
    out += '\n';
  }
  const auto column = static_cast<std::size_t>(std::max(problem.column, 0));
  if (line.empty() || column == 0 || column > line.size() + 1) {
    if (!problem.help.empty()) out += fmt::format("  help: {}\n", problem.help);
    return out;
  }
  const std::string gutter(number.size() + 2, ' ');
  const std::size_t extent = Extent(line.substr(column - 1));
  out += fmt::format("{}{}|{}\n", gutter, faint, reset);
  out += fmt::format(" {}{} |{} {}\n", faint, number, reset, Harmless(line));
  out += fmt::format("{}{}|{} {}{}{}{}", gutter, faint, reset, std::string(column - 1, ' '), bold,
                     std::string(extent, '^'), reset);
  out += problem.help.empty() ? "\n" : fmt::format(" {}\n", problem.help);
  return out;
}

}  // namespace tend::config
