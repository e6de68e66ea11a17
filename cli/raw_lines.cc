#include "cli/raw_lines.h"

#include <utility>

namespace tend::cli {

bool RawLines::IsOfOpen(const LogLine& line) const {
  return line.app == app_ && line.worker == worker_ && line.is_stderr == is_stderr_;
}

void RawLines::Write(const LogLine& line, std::string& out) {
  out += line.message;
  if (!line.is_partial) out += '\n';
  is_open_ = line.is_partial;
  app_ = line.app;
  worker_ = line.worker;
  is_stderr_ = line.is_stderr;
}

// All that need not wait any more; lines of one worker stay in their order.
void RawLines::Release(std::string& out) {
  while (!is_open_ && !held_.empty()) {
    std::deque<LogLine> left;
    for (LogLine& line : held_) {
      if (is_open_ && !IsOfOpen(line)) {
        left.push_back(std::move(line));
        continue;
      }
      held_bytes_ -= line.message.size();
      Write(line, out);
    }
    held_ = std::move(left);
  }
}

void RawLines::BreakOff(std::string& out) {
  out += '\n';
  is_open_ = false;
  Release(out);
}

void RawLines::Add(LogLine line, std::string& out) {
  if (!is_open_ || IsOfOpen(line)) {
    Write(line, out);
    if (!is_open_) Release(out);
    return;
  }
  held_bytes_ += line.message.size();
  held_.push_back(std::move(line));
  while (is_open_ && (held_max_ == 0 || held_bytes_ > held_max_))
    BreakOff(out);
}

void RawLines::Finish(std::string& out) {
  while (is_open_)
    BreakOff(out);
}

}  // namespace tend::cli
