// The lines of one request, read on a thread of their own: a search over all that is there takes
// seconds, and nothing else may wait for it. What was read waits in a queue of a bounded size.
//
// Owner: the HTTP server. Next() and done() on the HTTP thread, which they do not hold up; the
// destructor waits until the reader has noticed, which is a frame of an archive away.
#pragma once

#include <chrono>
#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "exporter/http_server.h"
#include "rotate/log_reader.h"
#include "supervisor/sidecar/run_book.h"
#include "supervisor/sidecar/run_events.h"

namespace tend::supervisor {

// What came since it was asked last.
using RunEventSource = std::function<std::vector<RunEvent>()>;

class LogBody final : public exporter::BodyStream {
 public:
  using Apps = std::vector<rotate::LogQuery::App>;
  struct Options {
    // Called on the thread, once, before anything is read: waits until what was captured can be
    // read, not for ever, and not once `stopping`.
    std::function<void(const std::function<bool()>& stopping)> settle = {};
    std::function<Apps()> newer = {};  // asked on the thread, now and then, for apps to be added
    RunEventSource restarts = {};      // shown between the lines
    bool follow = false;
    bool as_events = false;  // server-sent events instead of lines
    bool bytes = false;      // of lines that are not UTF-8, in base64
  };
  LogBody(rotate::LogQuery query, Options options);
  ~LogBody() override;

  std::string Next() override;
  bool done() const override;
  std::chrono::milliseconds pause() const override;

 private:
  void Run();
  void ReadAll();
  // The next piece of text; sets `is_last`.
  std::string ReadSome(rotate::LogReader& reader, bool& is_last, bool& is_at_end);
  std::string Wrap(const std::string& text) const;
  bool IsStopping() const;

  rotate::LogQuery query_;
  const Options options_;
  RunEvents restarts_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::string> queue_;  // under mutex_, as are the next four
  std::size_t queued_ = 0;         // bytes
  bool stopping_ = false;
  bool finished_ = false;
  bool waiting_ = false;  // for lines that are not written yet
  std::thread thread_;
};

// How many there are now, of at most kLogBodiesMax; more are refused by StreamLogs.
inline constexpr int kLogBodiesMax = 64;
int CountLogBodies();
// Those of them that follow.
int CountFollowers();

}  // namespace tend::supervisor
