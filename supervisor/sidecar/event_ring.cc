#include "supervisor/sidecar/event_ring.h"

#include <algorithm>

namespace tend::supervisor {

void EventRing::Add(const Fact& fact) {
  std::string event = ToJson(fact);
  const std::lock_guard lock(mutex_);
  events_.push_back(std::move(event));
  if (events_.size() > kEventsKept) {
    events_.pop_front();
    ++first_;
  }
}

EventRing::Batch EventRing::Read(std::uint64_t from, std::size_t count_max) const {
  const std::lock_guard lock(mutex_);
  Batch batch;
  if (from < first_) batch.missed = first_ - from;
  std::uint64_t at = std::max(from, first_);
  const std::uint64_t end = first_ + events_.size();
  for (; at < end && batch.events.size() < count_max; ++at) {
    batch.events.push_back(events_[static_cast<std::size_t>(at - first_)]);
  }
  batch.next = at;
  return batch;
}

}  // namespace tend::supervisor
