// Where a shipper gets lines from: the stored logs, read from a position that it keeps. A seam, so
// that exporter/ knows nothing of segments; the sidecar puts rotate/'s files behind it
// (supervisor/sidecar/segment_source.h).
//
// Thread: that of the shipper which owns it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/record.h"
#include "base/result.h"
#include "base/time.h"

namespace tend::exporter {

struct ShipEntry {
  Wall time{};  // as stored; a shipper makes it rise with every entry of a stream
  Stream stream = Stream::kStdout;
  std::uint8_t flags = kLineWhole;
  int slot = -1;  // -1: of tend itself
  std::string text;
  std::string_view level;  // "trace" … "fatal", of static storage; "": the line states none
  std::uint64_t end = 0;   // offset of what is behind it, in its segment
};

// A place between two lines of an app's log: what is before it was dealt with. Holds over
// rotation, compression and restarts.
struct LogPosition {
  std::uint64_t sequence = 0;  // of the segment, or that the active file will have
  std::uint64_t offset = 0;    // bytes of text in it
  std::uint64_t lines = 0;     // that are before the offset
  std::uint64_t mark = 0;      // what tells the segment from another of the same number; 0: nothing
  friend bool operator==(const LogPosition&, const LogPosition&) = default;
};

// Lines of one segment.
struct LogChunk {
  LogPosition begin;  // where they begin; not where it was asked to go on, if some were lost
  std::vector<ShipEntry> entries;
  LogPosition end;  // behind the last of them
  // Between where it was asked to go on and `begin`: removed from disk before they were read, or
  // unreadable. Entries are those that Backlog() has counted, or at least 1 if any bytes are lost.
  std::uint64_t lost_bytes = 0, lost_entries = 0;
  bool at_end = false;  // nothing more is there now

  // Behind the first `n` entries.
  LogPosition After(std::size_t n) const {
    if (n == entries.size()) return end;
    if (n == 0) return begin;
    return {end.sequence, entries[n - 1].end, begin.lines + n, end.mark};
  }
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

  // The apps that have a log now, by names that tell their logs apart; they hold over restarts.
  virtual Result<std::vector<std::string>> Apps() = 0;
  // What one of them is really called, as far as anybody knows: for receivers, and for people.
  virtual std::string NameOf(const std::string& app) = 0;
  // Where a shipper begins that has never seen this app: its oldest line.
  virtual Result<LogPosition> Begin(const std::string& app) = 0;
  // Goes on at `from`, at most about `bytes_max` of text and at least one line if there is one.
  // Where `from` is nowhere any more (the files were emptied, or others), goes on at the oldest
  // line that is not known to be before it.
  virtual Result<LogChunk> Read(const std::string& app,
                                LogPosition from,
                                std::size_t bytes_max) = 0;
  // What waits behind `from`, counted, not estimated: whole lines that are there now, and those
  // that the next Read() tells as lost. Counts so much at a time: while there is more that is new
  // to it, the number grows from call to call. Cheap when asked again.
  virtual Result<LogBacklog> Backlog(const std::string& app, LogPosition from) = 0;
};

}  // namespace tend::exporter
