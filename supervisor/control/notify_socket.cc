#include "supervisor/control/notify_socket.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include "supervisor/process_tree.h"

namespace tend::supervisor {
namespace {

constexpr std::size_t kMessageBytes = 4096;  // longer ones are cut
constexpr int kMessagesPerWake = 64;
constexpr std::size_t kFdsMax = 253;  // SCM_MAX_FD: what a message can bring

struct Message {
  int pid = 0;  // 0: the kernel did not say
  std::size_t size = 0;
};

// False: none is there. Descriptors are closed, which is what BARRIER=1 waits for.
bool Receive(int socket, std::array<char, kMessageBytes>& text, Message& message) {
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(ucred)) + CMSG_SPACE(kFdsMax * sizeof(int))];
  iovec part{text.data(), text.size()};
  msghdr header{};
  header.msg_iov = &part;
  header.msg_iovlen = 1;
  header.msg_control = control;
  header.msg_controllen = sizeof control;
  const ssize_t n = ::recvmsg(socket, &header, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
  if (n < 0) return false;
  message = {0, static_cast<std::size_t>(n)};
  for (cmsghdr* part_of = CMSG_FIRSTHDR(&header); part_of != nullptr;
       part_of = CMSG_NXTHDR(&header, part_of)) {
    if (part_of->cmsg_level != SOL_SOCKET) continue;
    if (part_of->cmsg_type == SCM_CREDENTIALS) {
      ucred sender{};
      std::memcpy(&sender, CMSG_DATA(part_of), sizeof sender);
      message.pid = sender.pid;
    }
    if (part_of->cmsg_type != SCM_RIGHTS) continue;
    const std::size_t count = (part_of->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (std::size_t i = 0; i < count; ++i) {
      int fd = -1;
      std::memcpy(&fd, CMSG_DATA(part_of) + i * sizeof fd, sizeof fd);
      ::close(fd);
    }
  }
  return true;
}

}  // namespace

Result<Fd> NotifySocket::Bind(const std::string& address) {
  sockaddr_un name{};
  name.sun_family = AF_UNIX;
  if (address.size() < 2 || address.size() > sizeof name.sun_path) {
    return Error(Errc::kInvalid, "the name of the notify socket is too long: " + address);
  }
  // The '@' stands for the zero byte that abstract names begin with.
  std::memcpy(name.sun_path + 1, address.data() + 1, address.size() - 1);
  Fd socket(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!socket.valid()) return SysError("make the notify socket", errno);
  const int on = 1;
  ::setsockopt(socket.get(), SOL_SOCKET, SO_PASSCRED, &on, sizeof on);
  const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + address.size());
  if (::bind(socket.get(), reinterpret_cast<const sockaddr*>(&name), size) != 0) {
    return SysError("bind the notify socket " + address, errno);
  }
  return socket;
}

NotifySocket::NotifySocket(Loop& loop, Fd socket, OnMessage on_message)
    : socket_(std::move(socket)), on_message_(std::move(on_message)) {
  watch_ = loop.OnReadable(socket_.get(), [this] { Read(); });
}

void NotifySocket::Read() {
  std::array<char, kMessageBytes> text;
  Message message;
  for (int i = 0; i < kMessagesPerWake && Receive(socket_.get(), text, message); ++i) {
    if (message.pid == 0) continue;
    const auto stat = ReadProcessStat(message.pid);
    on_message_(message.pid, stat ? stat->session : 0, std::string_view(text.data(), message.size));
  }
}

}  // namespace tend::supervisor
