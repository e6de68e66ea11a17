// Starts and ends of workers, merged into the lines of a request by time. Pure.
#pragma once

#include <cstddef>
#include <deque>
#include <optional>
#include <vector>

#include "base/time.h"
#include "supervisor/sidecar/run_book.h"

namespace tend::supervisor {

class RunEvents {
 public:
  // As in LogQuery. Without `since`, the last lines say where it begins.
  struct Range {
    std::optional<Wall> since = {}, until = {};
    std::size_t last = 0;
    bool reverse = false;
  };
  explicit RunEvents(const Range& range) : range_(range) {}

  // In any order.
  void Learn(std::vector<RunEvent> events);
  // What is to be shown before a line of that time, in the order of the lines.
  std::vector<RunEvent> Before(Wall time);
  // What is to be shown behind the last line there is, up to `end`.
  std::vector<RunEvent> Rest(Wall end);

 private:
  std::vector<RunEvent> Take(std::size_t count);

  const Range range_;
  std::deque<RunEvent> events_;  // in the order of the lines
  std::optional<Wall> line_;     // the time of the latest line
  bool at_rest_ = false;         // what comes now is new
};

}  // namespace tend::supervisor
