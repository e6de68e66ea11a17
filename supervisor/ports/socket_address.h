// Where a socket listens: as people write it, as a worker asks for it, and as the kernel has it.
//
// Pure, but for ParseSocketAddress, which looks names up in the hosts file and nowhere else.
#pragma once

#include <sys/socket.h>

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace tend::supervisor {

// An entry of `listen`: "3000", "127.0.0.1:3000", "[::1]:3000", "localhost:3000" (a name that is in
// the hosts file), "unix:/run/x.sock". A port alone means all addresses, IPv6 and IPv4.
struct SocketAddress {
  enum class Family : std::uint8_t { kAny, kIpv4, kIpv6, kUnix };
  Family family = Family::kAny;
  std::string host;        // numeric; of kUnix the path, which begins with NUL if it is abstract
  std::uint16_t port = 0;  // 0: any
  friend bool operator==(const SocketAddress&, const SocketAddress&) = default;
};
// Errc::kInvalid, for people, if `text` is none.
Result<SocketAddress> ParseSocketAddress(std::string_view text);
std::string ToText(const SocketAddress& address);

// True if one socket that listens on all addresses would be in the other's way.
bool Overlap(const SocketAddress& a, const SocketAddress& b);

// As bind() takes it. kAny is [::].
struct KernelAddress {
  sockaddr_storage storage{};
  socklen_t size = 0;

  sockaddr* get() { return reinterpret_cast<sockaddr*>(&storage); }
};
Result<KernelAddress> ToKernel(const SocketAddress& address);
// Of a socket that is bound. kAny is never said: it is "::".
Result<SocketAddress> BoundAddress(int socket);

}  // namespace tend::supervisor
