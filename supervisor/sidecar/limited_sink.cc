#include "supervisor/sidecar/limited_sink.h"

namespace tend::supervisor {

void LimitedSink::SetLimit(const std::string& app, collector::LineLimit limit) {
  const auto known = apps_.find(app);
  if (known != apps_.end() && known->second.limit == limit) return;
  if (known != apps_.end()) {
    TellAll(app);
    apps_.erase(known);
  }
  if (limit.per_second > 0) apps_[app].limit = limit;
}

void LimitedSink::Publish(RecordBatchPtr batch) {
  const auto app = apps_.empty() ? apps_.end() : apps_.find(batch->worker->app);
  if (app == apps_.end()) return next_.Publish(std::move(batch));
  const int slot = batch->worker->slot;
  const Mono now = loop_.Now();
  auto limited = app->second.slots.find(slot);
  if (limited == app->second.slots.end()) {
    limited =
        app->second.slots.emplace(slot, Limited{{app->second.limit, now}, Loop::Watch()}).first;
  }
  collector::LineLimiter& limiter = limited->second.limiter;
  if (limiter.has_gap() && now >= limiter.next()) Tell(app->first, slot);
  RecordBatchPtr passed = limiter.Take(std::move(batch), now);
  if (passed) next_.Publish(std::move(passed));
  if (!limiter.has_gap() || limited->second.tell) return;
  limited->second.tell = loop_.After(limiter.next() - now, [this, name = app->first, slot] {
    // Destroys this function.
    const std::string told = name;
    Tell(told, slot);
  });
}

void LimitedSink::Tell(const std::string& app, int slot) {
  const auto known = apps_.find(app);
  if (known == apps_.end()) return;
  Limited& limited = known->second.slots.at(slot);
  const Loop::Watch done = std::exchange(limited.tell, Loop::Watch());
  if (!limited.limiter.has_gap()) return;
  const collector::LineLimiter::Gap gap = limited.limiter.TakeGap();
  note_lost_(app, gap.lines, gap.bytes,
             app + ':' + std::to_string(slot) + " wrote more than " +
                 std::to_string(known->second.limit.per_second) + " lines a second");
}

void LimitedSink::TellAll(const std::string& app) {
  for (const auto& entry : apps_.at(app).slots)
    Tell(app, entry.first);
}

void LimitedSink::Finish() {
  for (const auto& entry : apps_)
    TellAll(entry.first);
}

}  // namespace tend::supervisor
