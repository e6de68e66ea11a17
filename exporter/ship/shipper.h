// One exporter of logs: a thread that reads what is new behind its positions, hands it to its sink
// in batches, and moves the positions once the receiver has acknowledged. The files are the queue:
// a receiver may be away for as long as they stay. Nobody tells it of new lines: with nothing to
// send it looks once a second. At least once: when nobody knows whether a request arrived it is
// sent again, and after a crash also what was acknowledged in the last quarter of a second. What is
// sent again is the same, to the nanosecond of its times, so that a receiver can tell.
//
// The times of an app's stream rise with every entry, over restarts too: one that would not is
// moved up to a nanosecond after the one before, unless the clock was set back by minutes. A state
// file that is damaged is put aside, and all that is stored is sent again: what nobody knows to
// have arrived must not be missing.
//
// Owner: the sidecar's loop, which calls everything here; none of it blocks but Stop().
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <string>

#include "base/files.h"
#include "base/time.h"
#include "config/observe.h"
#include "exporter/ship/export_stats.h"
#include "exporter/ship/log_sink.h"
#include "exporter/ship/log_source.h"

namespace tend::exporter {

class Shipper {
 public:
  struct Options {
    config::ExporterConfig config;
    std::string state_file;  // positions and counters, written after acknowledgements
  };
  Shipper(Files& files,
          Options options,
          std::unique_ptr<LogSource> source,
          std::unique_ptr<LogSink> sink);
  ~Shipper();  // Stops with no time to flush.
  Shipper(const Shipper&) = delete;
  Shipper& operator=(const Shipper&) = delete;

  void Start();
  // Sends what it can within `time_max`, keeps the positions, and ends the thread.
  void Stop(std::chrono::nanoseconds time_max);
  ExportStats Stats() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace tend::exporter
