#include "collector/line_limiter.h"

#include <algorithm>
#include <memory>

#include "base/check.h"

namespace tend::collector {

LineLimiter::LineLimiter(LineLimit limit, Mono now)
    : limit_(limit), filled_(now), left_(std::max(limit.burst, limit.per_second)) {
  TEND_CHECK(limit.per_second > 0);
  limit_.burst = left_;
}

void LineLimiter::Fill(Mono now) {
  const auto passed = std::chrono::floor<std::chrono::seconds>(now - filled_);
  if (passed <= std::chrono::seconds(0)) return;
  filled_ += passed;
  const auto seconds = static_cast<std::uint64_t>(passed.count());
  // No worker saves up more than its burst, so no product can be too large.
  const std::uint64_t useful = std::min(seconds, limit_.burst / limit_.per_second + 1);
  left_ = std::min(limit_.burst, left_ + useful * limit_.per_second);
}

bool LineLimiter::Admit(const LineSpan& line, std::size_t stream) {
  const bool goes_on = (line.flags & kLinePartial) != 0;
  if (!in_line_[stream]) {
    admitted_[stream] = left_ > 0;
    if (left_ > 0) --left_;
  }
  in_line_[stream] = goes_on;
  if (admitted_[stream]) return true;
  gap_.lines += goes_on ? 0 : 1;
  gap_.bytes += line.size + (goes_on ? 0 : 1);
  return false;
}

RecordBatchPtr LineLimiter::Take(RecordBatchPtr batch, Mono now) {
  Fill(now);
  const std::size_t stream = batch->stream == Stream::kStdout ? 0 : 1;
  if (!in_line_[stream] && left_ >= batch->lines.size() && !batch->lines.empty()) {
    // The usual case: nothing is cut out, and nothing needs a copy.
    for (const LineSpan& line : batch->lines)
      Admit(line, stream);
    return batch;
  }
  auto rest = EmptyLike(*batch);
  for (const LineSpan& line : batch->lines) {
    if (!Admit(line, stream)) continue;
    LineSpan span = line;
    span.offset = static_cast<std::uint32_t>(rest->bytes.size());
    rest->bytes.append(batch->Text(line));
    rest->lines.push_back(span);
  }
  if (rest->lines.empty() && rest->mark.offset == 0) return nullptr;
  return rest;
}

}  // namespace tend::collector
