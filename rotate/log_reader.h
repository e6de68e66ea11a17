// Reading logs back, for `tend logs` and the page: active file, sealed segments and archives of one
// or several apps, merged by time, filtered, and followed over rotations. Opens files itself and
// shares nothing with who writes them: what it needs is in the names and in the lines.
//
// Thread: any one; it reads files, so not a loop's. Archives are searched on threads of its own.
// Memory: a block and a line per app, a few frames (1 MiB and their lines) per thread, and the
// lines asked for by `last`.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/files.h"
#include "base/record.h"
#include "base/result.h"
#include "base/time.h"
#include "rotate/line_level.h"

namespace tend::rotate {

struct StoredLine {
  Wall time{};  // of raw lines: when their segment was sealed, or the active file last written
  Stream stream = Stream::kStdout;
  std::uint8_t flags = kLineWhole;
  std::string app;
  int slot = -1;  // -1: unknown, or tend itself
  std::string text;
  bool is_match = true;    // false: it is here as context only
  bool is_damage = false;  // no line: tells, in their place, of some that cannot be read
};

struct LogQuery {
  struct App {
    std::string name;
    std::string folder;
    std::vector<int> slots = {};  // empty: all; lines of tend itself always pass
    struct Window {
      int slot = 0;
      Wall since{}, until{};  // both included
    };
    // If there are any, only lines within one of their worker's; lines of tend itself always pass.
    std::vector<Window> windows = {};
  };
  std::vector<App> apps;
  bool out = true, err = true;
  std::optional<Wall> since, until;  // both included
  std::size_t last = 0;              // only so many of the latest lines that match; 0: all
  std::string contains;              // "" : everything
  bool ignore_case = false;          // of ASCII letters
  std::function<bool(std::string_view)> matches;  // asked in place of `contains` if there
  bool invert = false;                            // lines that do not contain it, or match
  // What every line that `matches` has in it, whatever the case of its ASCII letters; spares most
  // lines the question. Empty: nothing is known.
  std::string required = {};
  // Where in a block of lines, from a place on, the first is that may have a match; npos: nowhere.
  // Spares taking lines apart. Nothing: every line is looked at.
  std::function<std::size_t(std::string_view, std::size_t)> find = {};
  std::optional<LineLevel> level = {};  // only lines that state this level, or a graver one
  std::size_t context = 0;  // so many lines of the same app around each match, too; kContextMax
  bool reverse = false;     // the latest first; not for who follows
  std::size_t threads = 1;  // that may unpack archives besides the reader's own
  std::function<bool()> stop = {};  // asked now and then: true ends it as if all were read
};
inline constexpr std::size_t kContextMax = 1000;

// `last` finds no more than this, nor more than 16 MiB of each app, unless reversed; a line with
// is_damage in front tells if that is less than was asked for.
inline constexpr std::size_t kLastMax = 100'000;

class AppCursor;
class FrameScanner;

class LogReader {
 public:
  LogReader(Files& files, LogQuery query);
  ~LogReader();
  LogReader(const LogReader&) = delete;
  LogReader& operator=(const LogReader&) = delete;

  // One app more, for those who follow; nothing if it is there already.
  Result<> Add(const LogQuery::App& app);
  // What of a file is damaged or cannot be read is a line of its own, whatever is asked for, and
  // not counted in `last`.
  // At most `lines_max` lines in the order of their times. Fewer at the end of what is there, and
  // when looking for more would let those wait that were found, or take too much memory: see
  // at_end().
  // A folder that is missing, or a segment that was pruned meanwhile, is no error.
  Result<std::vector<StoredLine>> Next(std::size_t lines_max);
  // Looks for what is new since Next() came to the end, over rotations too, and returns it.
  Result<std::vector<StoredLine>> Poll(std::size_t lines_max);
  // Nothing more was there when Next() or Poll() returned.
  bool at_end() const { return at_end_; }

 private:
  Result<> Start();
  Result<> AdvanceAll();
  AppCursor* Foremost() const;
  Result<> StartFromLast();
  Result<> MergeLast(AppCursor& cursor);

  Files& files_;
  LogQuery query_;
  const std::size_t asked_;  // of `last`
  std::vector<std::unique_ptr<AppCursor>> cursors_;
  bool started_ = false;
  bool at_end_ = false;
  std::size_t taken_ = 0;                  // of `last`, when reversed
  std::deque<StoredLine> last_;            // to be handed out before the cursors go on
  std::unique_ptr<FrameScanner> scanner_;  // ends first: its tasks have the cursors' filters
};

}  // namespace tend::rotate
