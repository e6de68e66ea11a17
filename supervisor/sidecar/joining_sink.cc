#include "supervisor/sidecar/joining_sink.h"

#include <memory>

namespace tend::supervisor {

void JoiningSink::SetRule(const std::string& app,
                          const std::vector<std::string>& starts,
                          std::chrono::nanoseconds flush) {
  const auto known = apps_.find(app);
  if (known != apps_.end()) {
    if (known->second.texts == starts && known->second.flush == flush) return;
    for (auto& entry : known->second.streams)
      Flush(entry.second);
    apps_.erase(known);
  }
  auto patterns = std::make_shared<std::vector<Pattern>>();
  for (const std::string& text : starts) {
    // One that cannot be read, which no configuration that was checked has, begins nothing.
    if (auto pattern = Pattern::Compile(text)) patterns->push_back(*std::move(pattern));
  }
  if (patterns->empty()) return;
  App& joined = apps_[app];
  joined.texts = starts;
  joined.starts = std::move(patterns);
  joined.flush = flush;
}

void JoiningSink::Publish(RecordBatchPtr batch) {
  const auto found = apps_.empty() ? apps_.end() : apps_.find(batch->worker->app);
  if (found == apps_.end()) return next_.Publish(std::move(batch));
  App& app = found->second;
  const Key key{batch->worker->incarnation, batch->stream};
  auto joined = app.streams.find(key);
  if (joined == app.streams.end()) {
    joined = app.streams.emplace(key, Joined{collector::LineJoiner(app.starts), {}}).first;
  }
  Joined& stream = joined->second;
  for (RecordBatchPtr& done : stream.joiner.Take(*batch))
    next_.Publish(std::move(done));
  stream.flush.reset();
  if (stream.joiner.holds()) {
    stream.flush = loop_.After(app.flush, [this, &stream] { Flush(stream); });
  }
}

void JoiningSink::Flush(Joined& joined) {
  const Loop::Watch done = std::exchange(joined.flush, Loop::Watch());
  if (RecordBatchPtr rest = joined.joiner.Flush()) next_.Publish(std::move(rest));
}

void JoiningSink::Ended(std::uint64_t incarnation, Stream stream) {
  for (auto& entry : apps_) {
    const auto joined = entry.second.streams.find({incarnation, stream});
    if (joined == entry.second.streams.end()) continue;
    Flush(joined->second);
    entry.second.streams.erase(joined);
  }
}

void JoiningSink::Finish() {
  for (auto& app : apps_) {
    for (auto& stream : app.second.streams)
      Flush(stream.second);
  }
}

}  // namespace tend::supervisor
