// TCP sockets of this machine as the kernel lists them (sock_diag(7)): whose they are is told by
// their inodes, which processes have among their descriptors.
//
// Thread: one that may block, for some milliseconds with thousands of sockets.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace tend::exporter {

struct TcpSocket {
  std::uint64_t inode = 0;
  std::uint8_t state = 0;   // as in <netinet/tcp.h>: TCP_ESTABLISHED, …
  std::uint16_t port = 0;   // its own
  std::uint32_t queue = 0;  // of a listening one: connections that wait to be accepted
};

// IPv4 and IPv6, without those that nobody holds any more. At most kTcpSocketsMax; others are left
// out.
inline constexpr std::size_t kTcpSocketsMax = 200'000;
Result<std::vector<TcpSocket>> ListTcp();
// One read from the kernel. False once it says that there is no more, or what nobody understands.
bool ParseDiag(std::string_view bytes, std::vector<TcpSocket>& sockets);
// The index in kTcpStates; kTcpStates.size() for what is not counted.
std::size_t TcpStateIndex(std::uint8_t state);

}  // namespace tend::exporter
