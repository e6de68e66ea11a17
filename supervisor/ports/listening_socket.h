// Listening sockets as the kernel makes them, with the rules of Node where the two differ.
//
// Every socket is close-on-exec and non-blocking: Node does not make those so that it is given.
// Every error has its errno, which is what a worker is told.
//
// Thread: any, but Open changes the umask of the process for a moment.
#pragma once

#include <cstdint>

#include "base/fd.h"
#include "base/result.h"
#include "supervisor/ports/socket_address.h"

namespace tend::supervisor {

inline constexpr int kBacklog = 511;  // as Node's

struct SocketOptions {
  bool datagram = false;
  bool ipv6_only = false;
  bool reuse_address = false;  // of a datagram socket; others always do
  bool reuse_port = false;
  int backlog = kBacklog;                           // 0: bound only
  bool readable_all = false, writable_all = false;  // a unix socket's file
};

// SocketAddress::kAny is IPv6 and IPv4, or IPv4 alone where there is no IPv6. The file of a unix
// socket on which nobody listens any more is replaced.
Result<Fd> OpenSocket(const SocketAddress& address, const SocketOptions& options);
Result<> StartListening(int socket, int backlog);

// What a worker calls `number` (listen({fd})). `channel` is our end of its channel: as long as the
// other end is open, `pid` is still its.
Result<Fd> TakeSocketOf(int pid, int channel, int number);
bool IsSameSocket(int one, int other);

// Which file a path is, so that only a file that is still ours is removed. 0: none.
std::uint64_t FileNumber(const SocketAddress& address);
// Does not wait for what the socket has to send, even if a worker has asked for that (SO_LINGER).
void CloseAtOnce(Fd socket);
// Nobody is to be let in any more, by whomever else still has the socket open: the keeper closes
// its copy a moment after us, and the address may be asked for at once.
void StopListening(int socket);
void RemoveFile(const SocketAddress& address, std::uint64_t file_number);

}  // namespace tend::supervisor
