#include "exporter/ship/write_queue.h"

#include <algorithm>

#include "base/check.h"

namespace tend::exporter {
namespace {

using std::chrono::duration;
using std::chrono::nanoseconds;
// No wait of our own is longer than 16 s: samples age.
constexpr RetryDelay::Limits kRetry = {.first = std::chrono::milliseconds(500),
                                       .longest = std::chrono::seconds(16),
                                       .least = std::chrono::milliseconds(100),
                                       .asked_max = std::chrono::hours(1)};

double Seconds(nanoseconds time) {
  return duration<double>(time).count();
}

}  // namespace

WriteQueue::WriteQueue(std::size_t bytes_max, nanoseconds age_max, Draw draw)
    : bytes_max_(bytes_max), age_max_(age_max), retry_(kRetry, std::move(draw)) {}

void WriteQueue::Push(std::vector<WriteRequest> requests) {
  for (WriteRequest& request : requests) {
    stats_.queue_entries += request.samples;
    stats_.queue_bytes += request.body.size();
    requests_.push_back(std::move(request));
  }
  while (stats_.queue_bytes > bytes_max_ && requests_.size() > 1)
    DropFirst(ExportDrop::kQueueFull);
}

std::optional<WriteRequest> WriteQueue::Next(Wall now) {
  TEND_CHECK(!is_under_way_);
  while (!requests_.empty() && now - requests_.front().time > age_max_)
    DropFirst(ExportDrop::kTooOld);
  if (requests_.empty()) return std::nullopt;
  is_under_way_ = true;
  return requests_.front();
}

void WriteQueue::Done(const SendOutcome& outcome, nanoseconds took, Wall now) {
  using Then = SendOutcome::Then;
  TEND_CHECK(is_under_way_ && !requests_.empty());
  is_under_way_ = false;
  ++stats_.requests[static_cast<std::size_t>(outcome.result)];
  for (std::size_t i = 0; i <= kRequestBounds.size(); ++i)
    if (i == kRequestBounds.size() || Seconds(took) <= kRequestBounds[i])
      ++stats_.request_seconds[i];
  stats_.request_seconds_sum += Seconds(took);
  if (outcome.then == Then::kDone) {
    stats_.sent_entries += requests_.front().samples;
    stats_.sent_bytes += outcome.sent_bytes;
    stats_.last_success = now;
    stats_.last_error.clear();
    stats_.state = "ok";
    Remove();
  } else {
    stats_.last_error = outcome.error;
    stats_.last_error_time = now;
    stats_.state = outcome.then == Then::kRetry && !outcome.needs_help ? "waiting" : "failing";
  }
  if (outcome.then == Then::kGiveUp) DropFirst(ExportDrop::kRejected);
  if (outcome.then == Then::kSplit) DropFirst(ExportDrop::kTooLarge);
  if (outcome.then == Then::kRetry) {
    ++stats_.retries;
    delay_ = retry_.Fail(outcome.retry_after);
    retry_at_ = now + delay_;
  } else {
    retry_.Succeed();
    delay_ = nanoseconds(0);
  }
}

void WriteQueue::Miss(const std::string& why, Wall now) {
  ++stats_.dropped[static_cast<std::size_t>(ExportDrop::kEncoding)];
  stats_.last_error = why;
  stats_.last_error_time = now;
}

void WriteQueue::DropAll(ExportDrop reason) {
  is_under_way_ = false;
  while (!requests_.empty())
    DropFirst(reason);
}

ExportStats WriteQueue::Stats(Wall now) const {
  ExportStats stats = stats_;
  stats.queue_capacity_bytes = bytes_max_;
  if (stats.state.empty()) stats.state = "ok";
  if (!requests_.empty()) stats.lag_seconds = std::max(0.0, Seconds(now - requests_.front().time));
  if (delay_.count() > 0) stats.retry_in_seconds = std::max(0.0, Seconds(retry_at_ - now));
  return stats;
}

void WriteQueue::DropFirst(ExportDrop reason) {
  // The one under way has to wait for its answer.
  if (is_under_way_ && requests_.size() > 1) std::swap(requests_[0], requests_[1]);
  stats_.dropped[static_cast<std::size_t>(reason)] += requests_.front().samples;
  Remove();
}

void WriteQueue::Remove() {
  stats_.queue_entries -= requests_.front().samples;
  stats_.queue_bytes -= requests_.front().body.size();
  requests_.pop_front();
}

}  // namespace tend::exporter
