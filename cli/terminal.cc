#include "cli/terminal.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cerrno>
#include <cstdlib>
#include <utility>

#include "base/number.h"

namespace tend::cli {

std::string_view EnvironmentVariable(const char* name) {
  const char* value = std::getenv(name);  // NOLINT(concurrency-mt-unsafe): no threads here
  return value == nullptr ? std::string_view() : std::string_view(value);
}

namespace {

bool LocaleIsUtf8() {
  for (const char* name : {"LC_ALL", "LC_CTYPE", "LANG"}) {
    const std::string_view value = EnvironmentVariable(name);
    if (value.empty()) continue;
    std::string lower(value);
    std::transform(lower.begin(), lower.end(), lower.begin(),
                   [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    return lower.find("utf-8") != std::string::npos || lower.find("utf8") != std::string::npos;
  }
  return false;
}

int WidthOf(int fd) {
  const int width = ParseNumber<int>(EnvironmentVariable("COLUMNS")).value_or(0);
  if (width > 0) return width;
  winsize size{};
  if (::ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) return size.ws_col;
  return 80;
}

Style StyleOf(int fd) {
  Style style;
  if (::isatty(fd) == 0) return style;
  style.colour = EnvironmentVariable("NO_COLOR").empty() && EnvironmentVariable("TERM") != "dumb";
  style.unicode = EnvironmentVariable("TEND_ASCII").empty() && LocaleIsUtf8();
  style.width = WidthOf(fd);
  return style;
}

constexpr std::array<std::string_view, 9> kEscapes = {"",         "\x1b[31m", "\x1b[32m",
                                                      "\x1b[33m", "\x1b[34m", "\x1b[35m",
                                                      "\x1b[36m", "\x1b[2m",  "\x1b[1m"};

}  // namespace

std::string Style::Paint(Colour wanted, std::string_view text) const {
  if (!colour || wanted == Colour::kNone || text.empty()) return std::string(text);
  std::string painted(kEscapes[static_cast<std::size_t>(wanted)]);
  painted.append(text).append("\x1b[0m");
  return painted;
}

Terminal::Terminal(Style out, Style err, Write write_out, Write write_err)
    : out_style_(out),
      err_style_(err),
      write_out_(std::move(write_out)),
      write_err_(std::move(write_err)) {}

Terminal Terminal::FromEnvironment() {
  return {StyleOf(STDOUT_FILENO), StyleOf(STDERR_FILENO),
          [](std::string_view text) { WriteFully(STDOUT_FILENO, text); },
          [](std::string_view text) { WriteFully(STDERR_FILENO, text); }};
}

void Terminal::NoColour() {
  out_style_.colour = false;
  err_style_.colour = false;
}

void Terminal::Error(std::string_view what) const {
  std::string line = err_style_.Paint(Colour::kRed, "error:");
  write_err_(line.append(" ").append(what).append("\n"));
}

void Terminal::Warning(std::string_view what) const {
  std::string line = err_style_.Paint(Colour::kYellow, "warning:");
  write_err_(line.append(" ").append(what).append("\n"));
}

void Terminal::Help(std::string_view what) const {
  std::string line = "  " + err_style_.Paint(Colour::kCyan, "help:");
  write_err_(line.append(" ").append(what).append("\n"));
}

void Terminal::Note(std::string_view what) const {
  write_err_(std::string(what) + '\n');
}

bool WriteFully(int fd, std::string_view text) {
  while (!text.empty()) {
    const ssize_t n = ::write(fd, text.data(), text.size());
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return false;
    text.remove_prefix(static_cast<std::size_t>(n));
  }
  return true;
}

}  // namespace tend::cli
