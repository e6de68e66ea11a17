// How many lines one worker may write: so many a second, and as many at once as it saved up, up to
// a burst. What is more is dropped and counted.
//
// The allowance comes once a second, not bit by bit: a worker that floods then has one gap a
// second, and not one between any two lines.
//
// Pure. One limiter belongs to one worker. The pieces of an over-long line are one line.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <utility>

#include "base/record.h"

namespace tend::collector {

struct LineLimit {
  std::uint64_t per_second = 0;
  std::uint64_t burst = 0;  // less than per_second means per_second
  friend bool operator==(const LineLimit&, const LineLimit&) = default;
};

class LineLimiter {
 public:
  struct Gap {
    std::uint64_t lines = 0;
    std::uint64_t bytes = 0;  // with newlines
  };
  // REQUIRES: limit.per_second > 0
  LineLimiter(LineLimit limit, Mono now);

  // `batch` without the lines that are too many; a null pointer if all are, and there is no mark
  // that must be passed on. A batch that may pass whole is not copied.
  RecordBatchPtr Take(RecordBatchPtr batch, Mono now);

  // Lines that have been dropped and not been told about.
  bool has_gap() const { return gap_.lines > 0; }
  Gap TakeGap() { return std::exchange(gap_, {}); }
  // When lines may pass again.
  Mono next() const { return filled_ + std::chrono::seconds(1); }

 private:
  void Fill(Mono now);
  bool Admit(const LineSpan& line, std::size_t stream);

  LineLimit limit_;
  Mono filled_;
  std::uint64_t left_;
  Gap gap_;
  // Of stdout and stderr: the last piece was not the end of its line; what became of that line.
  std::array<bool, 2> in_line_{};
  std::array<bool, 2> admitted_{};
};

}  // namespace tend::collector
