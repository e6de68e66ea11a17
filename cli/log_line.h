// A line of `tend logs`: the sidecar's JSON in, what a person (or the next program) reads out.
// Pure.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>

#include "base/result.h"
#include "cli/terminal.h"

namespace tend::cli {

struct LogLine {
  std::string time;  // RFC 3339, UTC
  std::string app;
  int worker = 0;
  bool is_stderr = false;
  bool is_damage = false;   // no line: tells of some that cannot be read
  bool is_event = false;    // no line: a worker started or ended
  bool is_partial = false;  // the line goes on in the next of this worker
  std::string message;      // with the bytes of the worker, if they were asked for
  std::string json;         // the object itself, as it came
};
// Errc::kInvalid if it is not an object with a message.
Result<LogLine> ParseLogLine(std::string_view json);

enum class LogOutput : std::uint8_t { kShort, kIso, kRaw, kJson };
// Errc::kInvalid for anything but "short", "iso", "raw", "json".
Result<LogOutput> ParseLogOutput(std::string_view name);

// With its newline. kShort: "HH:MM:SS.mmm api:1 [err] text" in local time; kRaw: the text as the
// worker wrote it; the others have control characters made harmless.
std::string RenderLogLine(const LogLine& line, LogOutput output, const Style& style);

// Knows which lines were seen, so that a stream that broke off can go on where it was. An app's
// lines come in the order of their times; those of different apps need not.
class SeenLines {
 public:
  // False: this line was there before the stream broke off.
  bool IsNew(const std::string& app, const std::string& time);
  void Reconnected();
  // Where to ask the stream to begin again: the oldest of the apps' last lines, but not more than
  // 10 s before the newest, nor before the first of all. Empty if nothing was seen.
  std::string Since() const;

 private:
  struct Of {
    std::string last;         // RFC 3339 in one width: compares as text
    std::size_t at_last = 0;  // lines that had the time `last`
    std::size_t skip = 0;     // of them are still to come again
    bool again = false;       // what comes may have been seen
  };
  std::map<std::string, Of, std::less<>> apps_;
  std::string first_;  // the earliest time of all
};

// Cuts a stream of bytes into lines; what follows the last newline waits, bounded.
class LineCutter {
 public:
  explicit LineCutter(std::function<void(std::string_view)> on_line)
      : on_line_(std::move(on_line)) {}
  void Feed(std::string_view bytes);
  void Finish();  // what is left is a line, too
  void Reset() { rest_.clear(); }

 private:
  std::function<void(std::string_view)> on_line_;
  std::string rest_;
};

}  // namespace tend::cli
