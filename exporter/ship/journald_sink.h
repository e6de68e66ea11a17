// Lines to systemd's journal by its native protocol: one entry each, with MESSAGE, PRIORITY,
// SYSLOG_IDENTIFIER (the app), TEND_APP, TEND_WORKER, TEND_STREAM, TEND_LEVEL and TEND_TIMESTAMP
// (the line's own time; the journal has its own of when it took the line, and takes it for the
// order). What does not fit into a datagram goes as a sealed file in memory.
//
// The journal's socket holds the sender back while it is full; its rate limit does not, and drops.
#pragma once

#include <string>
#include <string_view>

#include "config/observe.h"
#include "exporter/ship/datagram_link.h"
#include "exporter/ship/log_sink.h"
#include "exporter/ship/sockets.h"

namespace tend::exporter {

// Appends the entry of a line. Pure.
void AppendJournalEntry(std::string_view app, const ShipEntry& entry, std::string& out);

class JournaldSink : public LogSink {
 public:
  // The URL may be "unix:/path"; "" is the journal of this machine.
  explicit JournaldSink(const config::ExporterConfig& config);
  SendOutcome Send(std::span<const ShipBatch> batches) override;
  void Abort() override { waiter_.Abort(); }

 private:
  Result<> SendEntry(std::string_view entry, Mono deadline);

  const config::Duration timeout_;
  Waiter waiter_;
  DatagramLink link_;
};

}  // namespace tend::exporter
