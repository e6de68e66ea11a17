// Where a shipper gets lines from: the stored logs, read from a position that it keeps. A seam, so
// that exporter/ knows nothing of segments; the sidecar puts rotate/'s files behind it
// (supervisor/sidecar/segment_source.h).
//
// Thread: that of the shipper which owns it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "base/record.h"
#include "base/result.h"
#include "base/time.h"

namespace tend::exporter {

struct ShipEntry {
  Wall time{};
  Stream stream = Stream::kStdout;
  std::uint8_t flags = kLineWhole;
  int slot = -1;  // -1: of tend itself
  std::string text;
};

// A place between two lines of an app's log: what is before it was dealt with. Holds over
// rotation, compression and restarts.
struct LogPosition {
  std::uint64_t sequence = 0;  // of the segment
  std::uint64_t offset = 0;    // bytes of text in it
  friend auto operator<=>(const LogPosition&, const LogPosition&) = default;
};

struct LogChunk {
  std::vector<ShipEntry> entries;
  LogPosition end;  // behind the last of them
  // Lines between where it was asked to go on and the first entry that were removed from disk, or
  // cannot be read, before they were shipped; how many is not always known.
  std::uint64_t lost_bytes = 0;
  bool at_end = false;  // nothing more is there now
};

// What lies between two positions.
struct LogBacklog {
  std::uint64_t entries = 0, bytes = 0;
  Wall oldest{};  // stamp of the first; epoch: there is none
};

class LogSource {
 public:
  LogSource() = default;
  LogSource(const LogSource&) = delete;
  LogSource& operator=(const LogSource&) = delete;
  virtual ~LogSource() = default;

  // Names of the apps that have a log now.
  virtual std::vector<std::string> Apps() = 0;
  // Where a shipper begins that has never seen this app: its oldest line.
  virtual Result<LogPosition> Begin(const std::string& app) = 0;
  // Goes on at `from`, at most about `bytes_max` of text and at least one line if there is one.
  virtual Result<LogChunk> Read(const std::string& app,
                                LogPosition from,
                                std::size_t bytes_max) = 0;
  // What waits behind `from`, counted, not estimated. Cheap when asked again from a later position.
  virtual Result<LogBacklog> Backlog(const std::string& app, LogPosition from) = 0;
};

}  // namespace tend::exporter
