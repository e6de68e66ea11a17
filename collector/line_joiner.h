// Lines that belong together, such as a stack trace, made one record: a line that matches a start
// begins one, and those after it that do not match are joined to it, each behind a newline.
//
// Bounded: a record of kJoinLinesMax lines or kLineMaxBytes bytes is complete, and what follows is
// the beginning of another. The pieces of an over-long line pass as they are.
//
// Pure; time is the caller's, who flushes what nothing was added to for long. One joiner belongs to
// one stream of one incarnation.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "base/pattern.h"
#include "base/record.h"

namespace tend::collector {

inline constexpr std::size_t kJoinLinesMax = 1000;

class LineJoiner {
 public:
  using Starts = std::shared_ptr<const std::vector<Pattern>>;
  explicit LineJoiner(Starts starts) : starts_(std::move(starts)) {}

  // Adds the lines of `batch`; what is complete now, in order. Each record has the stamp of its
  // first line. REQUIRES: `batch` is as a LineSplitter made it. Their marks end where the record
  // that is not complete begins.
  std::vector<RecordBatchPtr> Take(const RecordBatch& batch);
  // What is not complete yet, as it is; a null pointer if there is nothing.
  RecordBatchPtr Flush();
  bool holds() const { return held_ != nullptr; }

 private:
  using Batches = std::vector<std::shared_ptr<RecordBatch>>;
  bool IsStart(std::string_view text) const;
  bool Fits(std::string_view text) const;
  // `mark` is behind its last line.
  void Complete(Batches& done, SpoolMark mark);

  Starts starts_;
  std::shared_ptr<RecordBatch> held_;  // one record, and the mark behind its last line
  std::size_t held_lines_ = 0;
  bool in_piece_ = false;
};

}  // namespace tend::collector
