// Samples of the page of metrics to one that takes Prometheus's remote write: every `interval` what
// a scrape would have had, with the time it was taken at, in order.
//
// While the receiver is away samples wait in memory, compressed, up to kWriteQueueMaxBytes and two
// hours: then the oldest are dropped, and counted. Later ones would be of no use, as Prometheus
// refuses what is much older than what it has. What a receiver refuses (400) is dropped, too; what
// somebody has to mend (a token, a path, a certificate) is tried again.
//
// Owner: the sidecar's loop, which calls everything here; none of it blocks but Stop(). Two threads
// of its own: one asks for pages, one sends.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>

#include "base/result.h"
#include "config/observe.h"
#include "exporter/ship/export_stats.h"

namespace tend::exporter {

inline constexpr std::size_t kWriteQueueMaxBytes = 32 << 20;
inline constexpr std::chrono::hours kWriteQueueMaxAge{2};

class RemoteWriter {
 public:
  // The page in classic text, as it is now. Called on a thread of the writer's; must return before
  // long. After an error that time's samples are missing.
  using Page = std::function<Result<std::string>()>;

  // Series get the labels of `config`; besides, job="tend" and instance=`host`, if it has none.
  RemoteWriter(config::ExporterConfig config, const std::string& host, Page page);
  ~RemoteWriter();  // Stops with no time to flush.
  RemoteWriter(const RemoteWriter&) = delete;
  RemoteWriter& operator=(const RemoteWriter&) = delete;

  void Start();
  // Sends what waits, if it can within `time_max`, and ends the threads. Series are not marked as
  // ended: who starts next goes on with them.
  void Stop(std::chrono::nanoseconds time_max);
  ExportStats Stats() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace tend::exporter
