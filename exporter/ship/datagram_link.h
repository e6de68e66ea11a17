// One datagram each to a socket that never answers: UDP, or one of this machine.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "base/fd.h"
#include "base/result.h"
#include "base/time.h"
#include "exporter/ship/sockets.h"

namespace tend::exporter {

class DatagramLink {
 public:
  using Connect = std::function<Result<Fd>(Mono deadline)>;
  // `paced`: nothing holds back a sender that is too fast for its receiver (UDP), so we do: bursts
  // are short enough for the receiver's buffer, if it is of the usual size.
  DatagramLink(Waiter& waiter, std::string peer, Connect connect, bool paced);

  // Waits while the receiver's buffer is full. With `fd` >= 0 it is handed over with the datagram.
  // Errc::kLimit: the datagram is too large for the socket. The socket is made anew after others.
  Result<> Send(std::string_view datagram, Mono deadline, int fd = -1);
  // What the network says of datagrams that were sent: that nobody is there, if somebody says so.
  Result<> Check();

 private:
  Result<> SendOnce(std::string_view datagram, Mono deadline, int fd);
  Result<> Pace(std::size_t bytes);

  Waiter& waiter_;
  const std::string peer_;
  const Connect connect_;
  const bool is_paced_;
  Fd fd_;
  std::size_t burst_datagrams_ = 0, burst_bytes_ = 0;
};

}  // namespace tend::exporter
