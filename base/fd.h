// Owning file descriptors, and the few ways we make or hand them on. Every descriptor that this
// file makes is close-on-exec; children get theirs by dup2 (supervisor/child.cc).
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"

namespace tend {

class Fd {
 public:
  Fd() = default;
  explicit Fd(int fd) : fd_(fd) {}
  Fd(Fd&& other) noexcept : fd_(other.Release()) {}
  Fd& operator=(Fd&& other) noexcept {
    if (this != &other) Reset(other.Release());
    return *this;
  }
  Fd(const Fd&) = delete;
  Fd& operator=(const Fd&) = delete;
  ~Fd() { Reset(); }

  int get() const { return fd_; }
  bool valid() const { return fd_ >= 0; }
  int Release() { return std::exchange(fd_, -1); }
  void Reset(int fd = -1);  // Closes what was owned; never changes errno.

 private:
  int fd_ = -1;
};

struct Pipe {
  Fd read, write;
};

Result<Pipe> MakePipe();
// Both ends are SOCK_SEQPACKET, non-blocking.
struct SocketPair {
  Fd first, second;
};
Result<SocketPair> MakePacketPair();

Result<> SetNonBlocking(int fd);
Result<Fd> Duplicate(int fd);
// What tells one pipe or socket from all others that are open; 0: `fd` is not open.
std::uint64_t Inode(int fd);

// One packet of a unix socket, with the descriptors that came along (at most kFdsPerPacket).
inline constexpr std::size_t kFdsPerPacket = 8;

// Sends `data` together with `fds`, which stay the caller's, and says how many bytes of it went:
// of a stream socket maybe not all. `flags` are sendmsg's. Never blocks on a non-blocking socket:
// Errc::kBusy when its buffer is full, Errc::kUnreachable when the peer left.
Result<std::size_t> SendSome(int socket,
                             std::string_view data,
                             std::span<const int> fds = {},
                             int flags = 0);
// The same for a packet, which goes whole.
Result<> SendPacket(int socket, std::string_view data, std::span<const int> fds = {});

struct Packet {
  std::size_t size = 0;  // 0: the peer has closed.
  bool truncated = false;
  std::vector<Fd> fds;
};
// Receives one packet into `buffer`. Errc::kBusy when none is there.
Result<Packet> ReceivePacket(int socket, std::span<char> buffer);

}  // namespace tend
