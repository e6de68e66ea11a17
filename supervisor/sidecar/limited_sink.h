// Between collector and log store: workers of apps that have a limit write no more lines than that.
// What is dropped is told to the store, which counts it and leaves a line in its place. Apps
// without a limit pass as if this were not here.
//
// Owned by the sidecar. Thread: the loop's.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <utility>

#include "base/loop.h"
#include "base/record.h"
#include "collector/line_limiter.h"

namespace tend::supervisor {

class LimitedSink final : public RecordSink {
 public:
  // So many lines of `app` were dropped, as `why` says, in front of what is published next.
  using NoteLost = std::function<void(
      const std::string& app, std::uint64_t lines, std::uint64_t bytes, const std::string& why)>;

  LimitedSink(Loop& loop, RecordSink& next, NoteLost note_lost)
      : loop_(loop), next_(next), note_lost_(std::move(note_lost)) {}

  // For every worker of `app`; per_second 0: none.
  void SetLimit(const std::string& app, collector::LineLimit limit);
  void Forget(const std::string& app) { SetLimit(app, {}); }
  // Tells what has not been told yet.
  void Finish();

  bool HasRoom(const WorkerRef& worker) const override { return next_.HasRoom(worker); }
  void Publish(RecordBatchPtr batch) override;

 private:
  struct Limited {
    collector::LineLimiter limiter;
    Loop::Watch tell;  // set while there is something to tell
  };
  struct App {
    collector::LineLimit limit;
    std::map<int, Limited> slots;
  };
  void Tell(const std::string& app, int slot);
  void TellAll(const std::string& app);

  Loop& loop_;
  RecordSink& next_;
  const NoteLost note_lost_;
  std::map<std::string, App> apps_;
};

}  // namespace tend::supervisor
