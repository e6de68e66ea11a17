// Entries that were read and are not dealt with yet, oldest first, with what becomes of their apps'
// positions once they are. Pure.
//
// Owned by a ShipRun.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "exporter/ship/export_stats.h"
#include "exporter/ship/log_sink.h"
#include "exporter/ship/log_source.h"

namespace tend::exporter {

// Lines that are no entries.
struct Unsent {
  std::uint64_t lost = 0;  // before they could be read
  std::uint64_t filtered = 0, too_old = 0;

  std::uint64_t lines() const { return lost + filtered + too_old; }
};

// Lines of one segment of an app, without those that are not to be sent.
struct OutboxPart {
  std::string app;
  std::string name;  // what the receiver is told that the app is called
  LogPosition begin, end;
  std::vector<ShipEntry> entries;
  // Of each of them: its number among all lines behind `begin`, from 1, and how many before it were
  // filtered.
  std::vector<std::uint32_t> numbers, filtered_before;
  Unsent unsent;

  // Of those that are before the position behind the first `n` entries.
  Unsent UnsentBefore(std::size_t n) const;
};

class Outbox {
 public:
  void Add(OutboxPart part);

  // The first entries, of about `bytes_max`, one at least. Valid until the next change.
  // REQUIRES: entries() > 0
  std::span<const ShipBatch> Front(std::uint64_t bytes_max);
  std::size_t front_entries() const { return front_entries_; }
  std::uint64_t front_bytes() const { return front_bytes_; }

  // What was dealt with of an app: so many of its first entries, and the lines among them that are
  // none.
  struct Progress {
    const std::string& app;
    std::span<const ShipEntry> entries;
    LogPosition position;  // behind them
    Unsent unsent;         // that were not told before
  };
  using Tell = std::function<void(const Progress&)>;
  // The first `entries` are, and parts that have none behind them.
  void Finish(std::size_t entries, const Tell& tell);
  // All parts of an app are.
  void FinishApp(const std::string& app, const Tell& tell);

  std::size_t entries() const { return entries_; }
  std::uint64_t lines() const { return lines_; }  // with those that are no entries
  std::uint64_t bytes() const { return bytes_; }
  // Time of the oldest entry; epoch: there is none.
  Wall oldest() const;
  bool Has(const std::string& app) const;

 private:
  struct Held {
    OutboxPart part;
    std::size_t done = 0;  // of its entries
    Unsent told = {};
  };
  void Take(Held& held, std::size_t entries, const Tell& tell);

  std::deque<Held> parts_;
  std::vector<ShipBatch> front_;
  std::size_t front_entries_ = 0;
  std::uint64_t front_bytes_ = 0;
  std::size_t entries_ = 0;
  std::uint64_t lines_ = 0, bytes_ = 0;
};

}  // namespace tend::exporter
