// Lines to a syslog receiver, one message each:
//  - tcp:// and tls://, RFC 5424 with counted octets (RFC 6587, 5425). Syslog acknowledges nothing:
//    a batch is done when the receiver's machine has taken it (stream_link.h). What a receiver
//    still had to read when it died is lost; what was under way when the connection was lost is
//    sent again.
//  - udp://, RFC 5424. Nobody says what arrived. Text beyond 8 KiB of a message is cut off.
//  - unix:/dev/log, the local form; text beyond 64 KiB of a message is cut off.
#pragma once

#include <memory>
#include <string>

#include "config/observe.h"
#include "exporter/ship/log_sink.h"
#include "exporter/ship/sockets.h"
#include "exporter/ship/syslog_message.h"

namespace tend::exporter {

class DatagramLink;
class StreamLink;

class SyslogSink : public LogSink {
 public:
  SyslogSink(const config::ExporterConfig& config, std::string_view host);
  ~SyslogSink() override;
  SendOutcome Send(std::span<const ShipBatch> batches) override;
  void Abort() override { waiter_.Abort(); }

 private:
  Result<> OpenLinks();
  Result<> SendStream(std::span<const ShipBatch> batches, Mono deadline, std::size_t& bytes);
  SendOutcome SendDatagrams(std::span<const ShipBatch> batches, Mono deadline);

  const config::PeerConfig peer_;
  const SyslogEncoder encoder_;
  Waiter waiter_;
  SyslogTarget target_;
  std::unique_ptr<StreamLink> stream_;  // one of these, once the URL was read
  std::unique_ptr<DatagramLink> datagrams_;
};

// What became of sending over a socket, `bytes` of it at least, as an outcome. kSplit if the time
// was too short for all of it, for else it would never end. Pure.
SendOutcome SocketOutcome(const Result<>& sent, std::size_t bytes);
// The same of one datagram for each entry, of which the first `taken` were sent. kSplit, too, for
// one that is too large for the socket.
SendOutcome DatagramOutcome(const Result<>& sent, std::size_t bytes, std::size_t taken);

}  // namespace tend::exporter
