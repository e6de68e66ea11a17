#include "exporter/ship/datagram_link.h"

#include <poll.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

namespace tend::exporter {
namespace {

// What a receiver's buffer of 208 KiB holds for sure: small datagrams count for more than a
// kilobyte each there.
constexpr std::size_t kBurstDatagrams = 50;
constexpr std::size_t kBurstBytes = 32 * 1024;
constexpr std::chrono::milliseconds kBurstTime{1};

}  // namespace

DatagramLink::DatagramLink(Waiter& waiter, std::string peer, Connect connect, bool paced)
    : waiter_(waiter), peer_(std::move(peer)), connect_(std::move(connect)), is_paced_(paced) {}

Result<> DatagramLink::Send(std::string_view datagram, Mono deadline, int fd) {
  const bool was_open = fd_.valid();
  auto sent = SendOnce(datagram, deadline, fd);
  if (sent || sent.error().code() == Errc::kLimit) return sent;
  fd_.Reset();
  // A receiver that was started anew has another socket. Those that vanished with the old one were
  // never ours to keep; this one was not sent.
  if (was_open && sent.error().code() == Errc::kUnreachable && !is_paced_) {
    sent = SendOnce(datagram, deadline, fd);
    if (!sent) fd_.Reset();
  }
  return sent;
}

Result<> DatagramLink::SendOnce(std::string_view datagram, Mono deadline, int fd) {
  if (!fd_.valid()) {
    TRY(fd_, connect_(deadline));
  }
  iovec part{const_cast<char*>(datagram.data()), datagram.size()};
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int))> control{};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  if (fd >= 0) {
    message.msg_control = control.data();
    message.msg_controllen = control.size();
    cmsghdr* header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof fd);
    std::memcpy(CMSG_DATA(header), &fd, sizeof fd);
  }
  while (::sendmsg(fd_.get(), &message, MSG_NOSIGNAL) < 0) {
    if (errno == EAGAIN) {
      auto waited = waiter_.Wait(fd_.get(), POLLOUT, deadline);
      if (!waited && waited.error().code() == Errc::kTimeout)
        return Error(Errc::kTimeout, peer_ + ": takes nothing");
      TRY_VOID(std::move(waited));
    } else if (errno == EMSGSIZE || (errno == ENOBUFS && datagram.size() > 4096)) {
      return Error(Errc::kLimit, peer_ + ": the datagram is too large");
    } else if (errno == ECONNREFUSED || errno == ENOTCONN || errno == ECONNRESET ||
               errno == EPIPE) {
      return Error(Errc::kUnreachable, SysError(peer_, errno).message());
    } else if (errno != EINTR) {
      return SysError(peer_, errno);
    }
  }
  return Pace(datagram.size());
}

Result<> DatagramLink::Pace(std::size_t bytes) {
  if (!is_paced_) return {};
  burst_bytes_ += bytes;
  if (++burst_datagrams_ < kBurstDatagrams && burst_bytes_ < kBurstBytes) return {};
  burst_bytes_ = burst_datagrams_ = 0;
  return waiter_.Pause(std::chrono::steady_clock::now() + kBurstTime);
}

Result<> DatagramLink::Check() {
  int error = 0;
  socklen_t size = sizeof error;
  if (!fd_.valid() || ::getsockopt(fd_.get(), SOL_SOCKET, SO_ERROR, &error, &size) != 0 ||
      error == 0)
    return {};
  fd_.Reset();
  return SysError(peer_, error);
}

}  // namespace tend::exporter
