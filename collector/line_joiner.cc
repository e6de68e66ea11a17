#include "collector/line_joiner.h"

#include <algorithm>
#include <utility>

#include "collector/line_splitter.h"

namespace tend::collector {
namespace {

// Where the i-th line begins in what is recorded of the pipe. The bytes of a batch that comes from
// a splitter are as the worker wrote them, newlines and all.
SpoolMark Before(const RecordBatch& batch, std::size_t i) {
  SpoolMark mark = batch.mark;
  if (i == batch.lines.size()) return mark;
  const std::size_t from_end = batch.bytes.size() - batch.lines[i].offset;
  mark.offset -= std::min<std::uint64_t>(mark.offset, from_end);
  return mark;
}

void Add(RecordBatch& batch, std::string_view text, std::uint8_t flags) {
  batch.lines.push_back({static_cast<std::uint32_t>(batch.bytes.size()),
                         static_cast<std::uint32_t>(text.size()), flags});
  batch.bytes.append(text);
}

}  // namespace

bool LineJoiner::IsStart(std::string_view text) const {
  return std::any_of(starts_->begin(), starts_->end(),
                     [&](const Pattern& start) { return start.Matches(text); });
}

bool LineJoiner::Fits(std::string_view text) const {
  return held_lines_ < kJoinLinesMax && held_->bytes.size() + 1 + text.size() <= kLineMaxBytes;
}

void LineJoiner::Complete(Batches& done, SpoolMark mark) {
  if (!held_) return;
  const std::shared_ptr<RecordBatch> held = std::exchange(held_, nullptr);
  held->mark = std::move(mark);
  if (!done.empty() && done.back()->stamp == held->stamp) {
    Add(*done.back(), held->bytes, kLineWhole);
    done.back()->mark = held->mark;
  } else {
    done.push_back(held);
  }
}

std::vector<RecordBatchPtr> LineJoiner::Take(const RecordBatch& batch) {
  Batches done;
  for (std::size_t i = 0; i < batch.lines.size(); ++i) {
    const LineSpan& line = batch.lines[i];
    const std::string_view text = batch.Text(line);
    const bool is_piece = std::exchange(in_piece_, (line.flags & kLinePartial) != 0) || in_piece_;
    if (is_piece) {
      Complete(done, Before(batch, i));
      if (done.empty() || done.back()->stamp != batch.stamp) done.push_back(EmptyLike(batch));
      Add(*done.back(), text, line.flags);
      done.back()->mark = Before(batch, i + 1);
      continue;
    }
    if (held_ && Fits(text) && !IsStart(text)) {
      held_->bytes.append(1, '\n').append(text);
      held_->lines.front().size = static_cast<std::uint32_t>(held_->bytes.size());
      ++held_lines_;
      continue;
    }
    Complete(done, Before(batch, i));
    held_ = EmptyLike(batch);
    held_lines_ = 1;
    Add(*held_, text, line.flags);
  }
  if (held_) held_->mark = batch.mark;
  return {done.begin(), done.end()};
}

RecordBatchPtr LineJoiner::Flush() {
  return std::exchange(held_, nullptr);
}

}  // namespace tend::collector
