// The far end of a log exporter: one protocol, one receiver. Encodes a batch, sends it, and says
// what the receiver made of it; when to try again, and with how much, is the shipper's affair
// (shipper.h).
//
// Thread: that of its shipper, but for Abort().
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "exporter/ship/log_source.h"

namespace tend::exporter {

// Values of the label `result` of tend_export_requests.
enum class SendResult : std::uint8_t {
  kSuccess,
  kBadRequest,
  kRateLimited,
  kServerError,
  kTimeout,
  kConnection
};

struct SendOutcome {
  enum class Then : std::uint8_t {
    kDone,    // acknowledged
    kRetry,   // the same again, later
    kSplit,   // it is too much for the receiver: half of it; one entry alone is given up as too
              // large if the result is kBadRequest, and tried again otherwise
    kGiveUp,  // never the same again: `rejected` of its entries are lost
  };
  Then then = Then::kRetry;
  SendResult result = SendResult::kConnection;
  // Waiting will not mend it, somebody must: a wrong URL, password or certificate. Only with
  // kRetry: no line is lost for it.
  bool needs_help = false;
  std::size_t rejected = 0;  // of kDone or kGiveUp; at most as many as were given
  // Of kRetry or kSplit: so many of the first are done, and only what is behind them is to be tried
  // again; after kSplit at once.
  std::size_t taken = 0;
  std::size_t sent_bytes = 0;
  std::optional<std::chrono::nanoseconds> retry_after = {};
  // For people; after kDone only if some were rejected. Never a secret, nor a line of a worker.
  std::string error = {};
};

// Entries of one app, in the order of its log.
struct ShipBatch {
  std::string app;  // its real name
  std::span<const ShipEntry> entries;
};

class LogSink {
 public:
  LogSink() = default;
  LogSink(const LogSink&) = delete;
  LogSink& operator=(const LogSink&) = delete;
  virtual ~LogSink() = default;

  // May block for the peer's timeout. Batches of several apps may be one request.
  virtual SendOutcome Send(std::span<const ShipBatch> batches) = 0;
  // Ends a Send() under way. Any thread.
  virtual void Abort() = 0;
};

}  // namespace tend::exporter
