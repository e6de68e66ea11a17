// What a person sees: stdout is data, stderr is narration. Knows whether colour and Unicode may be
// used and how wide a line may be; decided once, at start. Does not buffer: what was written is
// with the kernel, so a message and its data keep their order.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

namespace tend::cli {

enum class Colour : std::uint8_t {
  kNone,
  kRed,
  kGreen,
  kYellow,
  kBlue,
  kMagenta,
  kCyan,
  kDim,
  kBold
};

// How text may look at one end.
struct Style {
  bool colour = false;
  bool unicode = false;
  int width = 0;  // columns of the terminal; 0: not a terminal, no limit
  std::string Paint(Colour colour, std::string_view text) const;
};

// "" if it is not set. The view lives as long as nobody sets it.
std::string_view EnvironmentVariable(const char* name);

class Terminal {
 public:
  using Write = std::function<void(std::string_view)>;
  Terminal(Style out, Style err, Write write_out, Write write_err);
  // Descriptors 1 and 2, with the style that the environment asks for (NO_COLOR, TERM, COLUMNS,
  // TEND_ASCII and the locale).
  static Terminal FromEnvironment();

  const Style& out_style() const { return out_style_; }
  const Style& err_style() const { return err_style_; }
  void NoColour();

  void Out(std::string_view text) const { write_out_(text); }
  void Err(std::string_view text) const { write_err_(text); }

  // "error: WHAT" on stderr. What is said by a person at 3 a.m. is read by one, so: what happened,
  // to whom, and (Help) what to do next.
  void Error(std::string_view what) const;
  void Warning(std::string_view what) const;
  void Help(std::string_view what) const;  // "  help: WHAT"
  void Note(std::string_view what) const;  // a plain line

 private:
  Style out_style_, err_style_;
  Write write_out_, write_err_;
};

// All of `text` to a descriptor, through short writes; false when the other end is gone.
bool WriteFully(int fd, std::string_view text);

}  // namespace tend::cli
