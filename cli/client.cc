#include "cli/client.h"

#include <poll.h>
#include <sys/socket.h>

#include <string>
#include <utility>

#include "base/link.h"
#include "cli/unix_socket.h"

namespace tend::cli {
namespace {

Mono In(std::chrono::milliseconds delay) {
  return std::chrono::steady_clock::now() + delay;
}

}  // namespace

Result<ControlClient> ControlClient::Connect(const std::string& path) {
  TRY(Fd fd, ConnectUnix(path, SOCK_SEQPACKET, In(std::chrono::seconds(2))));
  return ControlClient(std::move(fd));
}

Result<Answer> ControlClient::Call(const Request& request,
                                   std::chrono::milliseconds quiet_limit,
                                   AnswerReader::OnProgress on_progress) {
  TRY(const std::vector<std::string> packets, ToPackets(request));
  for (const std::string& packet : packets) {
    for (;;) {
      const auto sent = SendPacket(socket_.get(), packet);
      if (sent) break;
      if (sent.error().code() != Errc::kBusy) return sent.error();
      TRY_VOID(WaitFor(socket_.get(), POLLOUT, In(quiet_limit)));
    }
  }
  AnswerReader reader(std::move(on_progress));
  std::string buffer(kLinkPacketMax, '\0');
  for (;;) {
    const auto packet = ReceivePacket(socket_.get(), buffer);
    if (!packet && packet.error().code() == Errc::kBusy) {
      if (auto ready = WaitFor(socket_.get(), POLLIN, In(quiet_limit)); !ready) {
        return std::move(ready).error().With("wait for the daemon");
      }
      continue;
    }
    if (!packet) return packet.error();
    if (packet->size == 0) {
      return Error(Errc::kUnreachable, "the daemon closed the connection before it answered");
    }
    TRY(const bool last, reader.Feed({buffer.data(), packet->size}));
    if (last) return std::move(reader.answer());
  }
}

}  // namespace tend::cli
