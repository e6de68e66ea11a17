// Lines of workers as they wrote them, for `tend logs -o raw`: a line that was stored in pieces is
// one again. Pure.
//
// Memory: lines of others that wait until a line is whole, at most kHeldMax bytes of them; then the
// line is broken off and they follow.
#pragma once

#include <cstddef>
#include <deque>
#include <string>

#include "cli/log_line.h"

namespace tend::cli {

class RawLines {
 public:
  static constexpr std::size_t kHeldMax = 4 * 1024 * 1024;
  // `held_max` 0: nobody waits for others.
  explicit RawLines(std::size_t held_max = kHeldMax) : held_max_(held_max) {}

  // Appends what can be written now to `out`.
  void Add(LogLine line, std::string& out);
  // Nothing more comes.
  void Finish(std::string& out);

 private:
  bool IsOfOpen(const LogLine& line) const;
  void Write(const LogLine& line, std::string& out);
  void Release(std::string& out);
  void BreakOff(std::string& out);

  const std::size_t held_max_;
  bool is_open_ = false;  // a line of these has no newline yet:
  std::string app_;
  int worker_ = 0;
  bool is_stderr_ = false;
  std::deque<LogLine> held_;
  std::size_t held_bytes_ = 0;
};

}  // namespace tend::cli
