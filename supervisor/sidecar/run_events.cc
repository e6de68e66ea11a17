#include "supervisor/sidecar/run_events.h"

#include <algorithm>
#include <iterator>
#include <utility>

namespace tend::supervisor {

void RunEvents::Learn(std::vector<RunEvent> events) {
  std::erase_if(events, [&](const RunEvent& event) {
    return (range_.since && event.time < *range_.since) ||
           (range_.until && event.time > *range_.until);
  });
  if (events.empty()) return;
  std::move(events.begin(), events.end(), std::back_inserter(events_));
  // Of one place, the earlier is first.
  std::stable_sort(events_.begin(), events_.end(), [&](const RunEvent& a, const RunEvent& b) {
    const auto key = [](const RunEvent& event) { return std::pair(event.place, event.time); };
    return range_.reverse ? key(b) < key(a) : key(a) < key(b);
  });
}

std::vector<RunEvent> RunEvents::Take(std::size_t count) {
  const auto end = events_.begin() + static_cast<std::ptrdiff_t>(count);
  std::vector<RunEvent> taken(std::make_move_iterator(events_.begin()),
                              std::make_move_iterator(end));
  events_.erase(events_.begin(), end);
  return taken;
}

std::vector<RunEvent> RunEvents::Before(Wall time) {
  const auto behind = std::find_if(events_.begin(), events_.end(), [&](const RunEvent& event) {
    return range_.reverse ? event.place < time : event.place > time;
  });
  const bool is_first = !std::exchange(line_, time).has_value();
  std::vector<RunEvent> taken = Take(static_cast<std::size_t>(behind - events_.begin()));
  // What was before the last lines was not asked for.
  if (is_first && !at_rest_ && !range_.reverse && !range_.since && range_.last > 0) return {};
  return taken;
}

std::vector<RunEvent> RunEvents::Rest(Wall end) {
  const bool is_first = !std::exchange(at_rest_, true);
  if (is_first && !range_.since && range_.last > 0) {
    if (line_ && range_.reverse) {
      std::erase_if(events_, [&](const RunEvent& event) { return event.place < *line_; });
    }
    // Workers that said nothing: as many as lines were asked for, the latest.
    const std::size_t most = line_ ? events_.size() : range_.last;
    while (events_.size() > most)
      range_.reverse ? events_.pop_back() : events_.pop_front();
  }
  const auto behind = std::find_if(events_.begin(), events_.end(),
                                   [&](const RunEvent& event) { return event.place > end; });
  return Take(static_cast<std::size_t>(behind - events_.begin()));
}

}  // namespace tend::supervisor
