#include "exporter/sock_diag.h"

#include <arpa/inet.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "base/fd.h"
#include "exporter/process_numbers.h"

namespace tend::exporter {
namespace {

constexpr timeval kReadMax = {1, 0};

struct Request {
  nlmsghdr header;
  inet_diag_req_v2 body;
};

Result<> ListFamily(int fd, std::uint8_t family, std::vector<TcpSocket>& sockets) {
  Request request{};
  request.header.nlmsg_len = sizeof request;
  request.header.nlmsg_type = SOCK_DIAG_BY_FAMILY;
  request.header.nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
  request.body.sdiag_family = family;
  request.body.sdiag_protocol = IPPROTO_TCP;
  request.body.idiag_states = ~(1u << TCP_TIME_WAIT);
  if (::send(fd, &request, sizeof request, 0) < 0) return SysError("list sockets", errno);
  alignas(nlmsghdr) std::array<char, 32 * 1024> buffer;
  for (;;) {
    const ssize_t size = ::recv(fd, buffer.data(), buffer.size(), 0);
    if (size < 0 && errno == EINTR) continue;
    if (size < 0) return SysError("list sockets", errno);
    if (!ParseDiag({buffer.data(), static_cast<std::size_t>(size)}, sockets)) return {};
  }
}

}  // namespace

bool ParseDiag(std::string_view bytes, std::vector<TcpSocket>& sockets) {
  while (bytes.size() >= sizeof(nlmsghdr)) {
    nlmsghdr header;
    std::memcpy(&header, bytes.data(), sizeof header);
    if (header.nlmsg_type != SOCK_DIAG_BY_FAMILY) return false;
    if (header.nlmsg_len < NLMSG_HDRLEN + sizeof(inet_diag_msg)) return false;
    if (header.nlmsg_len > bytes.size()) return false;
    inet_diag_msg message;
    std::memcpy(&message, bytes.data() + NLMSG_HDRLEN, sizeof message);
    if (message.idiag_inode != 0 && sockets.size() < kTcpSocketsMax) {
      sockets.push_back({message.idiag_inode, message.idiag_state, ntohs(message.id.idiag_sport),
                         message.idiag_rqueue});
    }
    bytes.remove_prefix(std::min<std::size_t>(NLMSG_ALIGN(header.nlmsg_len), bytes.size()));
  }
  return true;
}

Result<std::vector<TcpSocket>> ListTcp() {
  const Fd fd(::socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC, NETLINK_SOCK_DIAG));
  if (!fd.valid()) return SysError("list sockets", errno);
  ::setsockopt(fd.get(), SOL_SOCKET, SO_RCVTIMEO, &kReadMax, sizeof kReadMax);
  std::vector<TcpSocket> sockets;
  for (const std::uint8_t family : {std::uint8_t{AF_INET}, std::uint8_t{AF_INET6}})
    TRY_VOID(ListFamily(fd.get(), family, sockets));
  return sockets;
}

std::size_t TcpStateIndex(std::uint8_t state) {
  switch (state) {
    case TCP_SYN_SENT:
    case TCP_SYN_RECV:
      return 0;
    case TCP_ESTABLISHED:
      return 1;
    case TCP_CLOSE_WAIT:
      return 2;
    case TCP_FIN_WAIT1:
    case TCP_FIN_WAIT2:
    case TCP_LAST_ACK:
    case TCP_CLOSING:
      return 3;
    default:
      return kTcpStates.size();
  }
}

}  // namespace tend::exporter
