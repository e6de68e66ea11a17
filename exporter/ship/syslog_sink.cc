#include "exporter/ship/syslog_sink.h"

#include <sys/socket.h>

#include "exporter/ship/datagram_link.h"
#include "exporter/ship/peer.h"
#include "exporter/ship/stream_link.h"

namespace tend::exporter {
namespace {

constexpr std::size_t kUdpMaxBytes = 8 * 1024;
constexpr std::size_t kLocalMaxBytes = 64 * 1024;

}  // namespace

SendOutcome SocketOutcome(const Result<>& sent, std::size_t bytes) {
  SendOutcome outcome;
  outcome.sent_bytes = bytes;
  if (sent) {
    outcome.then = SendOutcome::Then::kDone;
    outcome.result = SendResult::kSuccess;
    return outcome;
  }
  const Errc code = sent.error().code();
  outcome.result = code == Errc::kTimeout ? SendResult::kTimeout : SendResult::kConnection;
  outcome.needs_help =
      code == Errc::kPermission || code == Errc::kInvalid || code == Errc::kNotFound;
  if (code == Errc::kTimeout && bytes > 0) outcome.then = SendOutcome::Then::kSplit;
  outcome.error = sent.error().message();
  return outcome;
}

SendOutcome DatagramOutcome(const Result<>& sent, std::size_t bytes, std::size_t taken) {
  SendOutcome outcome = SocketOutcome(sent, bytes);
  if (sent) return outcome;
  outcome.taken = taken;
  if (sent.error().code() == Errc::kLimit) {
    outcome.then = SendOutcome::Then::kSplit;
    outcome.result = SendResult::kBadRequest;
  }
  return outcome;
}

SyslogSink::SyslogSink(const config::ExporterConfig& config, std::string_view host)
    : peer_(config.peer), encoder_(host, config.facility) {}

SyslogSink::~SyslogSink() = default;

SendOutcome SyslogSink::Send(std::span<const ShipBatch> batches) {
  const Mono deadline = std::chrono::steady_clock::now() + peer_.timeout;
  if (const auto opened = OpenLinks(); !opened) return SocketOutcome(opened, 0);
  if (datagrams_ != nullptr) return SendDatagrams(batches, deadline);
  std::size_t bytes = 0;
  const auto sent = SendStream(batches, deadline, bytes);
  return SocketOutcome(sent, bytes);
}

Result<> SyslogSink::OpenLinks() {
  using Transport = SyslogTarget::Transport;
  if (stream_ != nullptr || datagrams_ != nullptr) return {};
  TRY(const std::string url, PeerUrl(peer_));
  TRY(target_, ParseSyslogUrl(url));
  const SyslogTarget& to = target_;
  if (to.transport == Transport::kUnix) {
    datagrams_ = std::make_unique<DatagramLink>(
        waiter_, to.path, [path = to.path](Mono) { return ConnectUnixDatagram(path); }, false);
  } else if (to.transport == Transport::kUdp) {
    auto connector = std::make_shared<Connector>(waiter_);
    datagrams_ = std::make_unique<DatagramLink>(
        waiter_, to.Name(),
        [connector, endpoint = to.endpoint](Mono deadline) {
          return connector->Connect(endpoint, SOCK_DGRAM, deadline);
        },
        true);
  } else {
    stream_ = std::make_unique<StreamLink>(waiter_, to.endpoint, to.transport == Transport::kTls,
                                           peer_.tls);
  }
  return {};
}

Result<> SyslogSink::SendStream(std::span<const ShipBatch> batches,
                                Mono deadline,
                                std::size_t& bytes) {
  std::string frames, message;
  for (const ShipBatch& batch : batches) {
    for (const ShipEntry& entry : batch.entries) {
      message.clear();
      encoder_.Append5424(batch.app, entry, message);
      frames.append(std::to_string(message.size())).append(1, ' ').append(message);
    }
  }
  auto sent = stream_->Send(frames, deadline);
  bytes = stream_->sent_bytes();
  return sent;
}

SendOutcome SyslogSink::SendDatagrams(std::span<const ShipBatch> batches, Mono deadline) {
  const bool is_local = target_.transport == SyslogTarget::Transport::kUnix;
  std::string message;
  std::size_t bytes = 0, taken = 0;
  for (const ShipBatch& batch : batches) {
    for (const ShipEntry& entry : batch.entries) {
      message.clear();
      if (is_local) {
        encoder_.AppendLocal(batch.app, entry, message);
      } else {
        encoder_.Append5424(batch.app, entry, message);
      }
      const auto datagram = CutUtf8(message, is_local ? kLocalMaxBytes : kUdpMaxBytes);
      if (const auto sent = datagrams_->Send(datagram, deadline); !sent) {
        // That nobody is there is known of those before it.
        const bool is_lost = !is_local && sent.error().code() == Errc::kUnreachable;
        return DatagramOutcome(sent, bytes, is_lost ? 0 : taken);
      }
      bytes += datagram.size();
      ++taken;
    }
  }
  return DatagramOutcome(datagrams_->Check(), bytes, 0);
}

}  // namespace tend::exporter
