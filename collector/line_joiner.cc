#include "collector/line_joiner.h"

#include <algorithm>
#include <utility>

#include "collector/line_splitter.h"

namespace tend::collector {
namespace {

std::shared_ptr<RecordBatch> EmptyLike(const RecordBatch& batch) {
  auto empty = std::make_shared<RecordBatch>();
  empty->worker = batch.worker;
  empty->stream = batch.stream;
  empty->stamp = batch.stamp;
  return empty;
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

void LineJoiner::Complete(Batches& done) {
  if (!held_) return;
  const std::shared_ptr<RecordBatch> held = std::exchange(held_, nullptr);
  if (!done.empty() && done.back()->stamp == held->stamp) {
    Add(*done.back(), held->bytes, kLineWhole);
  } else {
    done.push_back(held);
  }
}

std::vector<RecordBatchPtr> LineJoiner::Take(const RecordBatch& batch) {
  Batches done;
  for (const LineSpan& line : batch.lines) {
    const std::string_view text = batch.Text(line);
    const bool is_piece = std::exchange(in_piece_, (line.flags & kLinePartial) != 0) || in_piece_;
    if (is_piece) {
      Complete(done);
      if (done.empty() || done.back()->stamp != batch.stamp) done.push_back(EmptyLike(batch));
      Add(*done.back(), text, line.flags);
      continue;
    }
    if (held_ && Fits(text) && !IsStart(text)) {
      held_->bytes.append(1, '\n').append(text);
      held_->lines.front().size = static_cast<std::uint32_t>(held_->bytes.size());
      ++held_lines_;
      continue;
    }
    Complete(done);
    held_ = EmptyLike(batch);
    held_lines_ = 1;
    Add(*held_, text, line.flags);
  }
  return {done.begin(), done.end()};
}

RecordBatchPtr LineJoiner::Flush() {
  return std::exchange(held_, nullptr);
}

}  // namespace tend::collector
