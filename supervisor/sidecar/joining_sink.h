// Between collector and log store: for apps that ask for it, lines that belong together become one
// record. What is not complete waits in memory, for the flush time at most.
//
// Owned by the sidecar. Thread: the loop's.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "base/loop.h"
#include "base/record.h"
#include "collector/line_joiner.h"

namespace tend::supervisor {

class JoiningSink final : public RecordSink {
 public:
  JoiningSink(Loop& loop, RecordSink& next) : loop_(loop), next_(next) {}

  // What begins a record of `app`; no patterns: every line is one. What waits is published first.
  void SetRule(const std::string& app,
               const std::vector<std::string>& starts,
               std::chrono::nanoseconds flush);
  void Forget(const std::string& app) { SetRule(app, {}, {}); }
  // Nothing more comes from this stream.
  void Ended(std::uint64_t incarnation, Stream stream);
  // Publishes all that waits.
  void Finish();

  bool HasRoom(const WorkerRef& worker) const override { return next_.HasRoom(worker); }
  void Publish(RecordBatchPtr batch) override;

 private:
  using Key = std::pair<std::uint64_t, Stream>;  // incarnation
  struct Joined {
    collector::LineJoiner joiner;
    Loop::Watch flush;  // set while something waits
  };
  struct App {
    std::vector<std::string> texts;
    collector::LineJoiner::Starts starts;
    std::chrono::nanoseconds flush{};
    std::map<Key, Joined> streams;
  };
  void Flush(Joined& joined);

  Loop& loop_;
  RecordSink& next_;
  std::map<std::string, App> apps_;
};

}  // namespace tend::supervisor
