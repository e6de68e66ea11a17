// Requests that wait for a receiver, oldest first, and what is counted of them. Pure; not
// synchronised.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <vector>

#include "exporter/ship/export_stats.h"
#include "exporter/ship/log_sink.h"
#include "exporter/ship/retry_delay.h"
#include "exporter/ship/write_request.h"

namespace tend::exporter {

class WriteQueue {
 public:
  WriteQueue(std::size_t bytes_max, std::chrono::nanoseconds age_max, Draw draw = RandomDraw());

  // Makes room by dropping the oldest.
  void Push(std::vector<WriteRequest> requests);
  // The next one to be sent, which stays; drops what is too old by `now`. It counts as under way
  // until Done(), and is not dropped meanwhile. REQUIRES: nothing is under way.
  std::optional<WriteRequest> Next(Wall now);
  // What became of it.
  void Done(const SendOutcome& outcome, std::chrono::nanoseconds took, Wall now);
  // There are no samples of some time, and why. Counts as one that was dropped.
  void Miss(const std::string& why, Wall now);
  // It was not sent. For Abort().
  void PutBack() { is_under_way_ = false; }
  void DropAll(ExportDrop reason);

  bool empty() const { return requests_.empty(); }
  // How long to wait after the last attempt; 0: not at all.
  std::chrono::nanoseconds delay() const { return delay_; }
  // Counters, and what they say at `now`; name, type and target are left out.
  ExportStats Stats(Wall now) const;

 private:
  void DropFirst(ExportDrop reason);
  void Remove();

  const std::size_t bytes_max_;
  const std::chrono::nanoseconds age_max_;
  std::deque<WriteRequest> requests_;
  bool is_under_way_ = false;
  RetryDelay retry_;
  std::chrono::nanoseconds delay_{0};
  Wall retry_at_{};
  ExportStats stats_;
};

}  // namespace tend::exporter
