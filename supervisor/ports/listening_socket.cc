#include "supervisor/ports/listening_socket.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/pidfd.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>

namespace tend::supervisor {
namespace {

using Family = SocketAddress::Family;

Result<> SetOption(int socket, int level, int name, bool on) {
  const int value = on ? 1 : 0;
  if (::setsockopt(socket, level, name, &value, sizeof value) < 0) {
    return SysError("set an option of a socket", errno);
  }
  return {};
}

// True if `address` is the file of a socket on which nobody listens any more. A file of another
// kind refuses connections as well.
bool IsStale(const SocketAddress& address, KernelAddress& kernel) {
  struct stat info;
  if (::lstat(address.host.c_str(), &info) < 0 || !S_ISSOCK(info.st_mode)) return false;
  const Fd probe(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  return probe.valid() && ::connect(probe.get(), kernel.get(), kernel.size) < 0 &&
         errno == ECONNREFUSED;
}

// The file gets its mode as it is made: one that is changed later might be another file by then.
int BindFile(int socket, KernelAddress& kernel, const SocketOptions& options) {
  const mode_t extra = (options.readable_all ? 0444u : 0u) | (options.writable_all ? 0222u : 0u);
  const mode_t before = ::umask(0777);
  ::umask(before & ~extra);
  const int result = ::bind(socket, kernel.get(), kernel.size);
  const int number = errno;
  ::umask(before);
  return result < 0 ? number : 0;
}

int BindUnix(int socket,
             const SocketAddress& address,
             KernelAddress& kernel,
             const SocketOptions& options) {
  const int first = BindFile(socket, kernel, options);
  if (first != EADDRINUSE || address.host.front() == '\0' || !IsStale(address, kernel))
    return first;
  ::unlink(address.host.c_str());
  return BindFile(socket, kernel, options);
}

Result<> Prepare(int socket, int family, const SocketOptions& options) {
  if (family == AF_UNIX) return {};
  if (!options.datagram || options.reuse_address) {
    TRY_VOID(SetOption(socket, SOL_SOCKET, SO_REUSEADDR, true));
  }
  if (options.reuse_port) TRY_VOID(SetOption(socket, SOL_SOCKET, SO_REUSEPORT, true));
  if (family == AF_INET6) {
    TRY_VOID(SetOption(socket, IPPROTO_IPV6, IPV6_V6ONLY, options.ipv6_only));
  }
  return {};
}

Result<Fd> OpenExactly(const SocketAddress& address, const SocketOptions& options) {
  TRY(KernelAddress kernel, ToKernel(address));
  const int family = kernel.storage.ss_family;
  const int type = options.datagram ? SOCK_DGRAM : SOCK_STREAM;
  Fd socket(::socket(family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  const std::string doing = "listen on " + ToText(address);
  if (!socket.valid()) return SysError(doing, errno);
  TRY_VOID(Prepare(socket.get(), family, options));
  int number = 0;
  if (family == AF_UNIX) {
    number = BindUnix(socket.get(), address, kernel, options);
  } else if (::bind(socket.get(), kernel.get(), kernel.size) < 0) {
    number = errno;
  }
  if (number != 0) return SysError(doing, number);
  if (!options.datagram && options.backlog > 0) {
    auto listening = StartListening(socket.get(), options.backlog);
    if (!listening) return SysError(doing, listening.error().sys_errno());
  }
  return socket;
}

}  // namespace

Result<Fd> OpenSocket(const SocketAddress& address, const SocketOptions& options) {
  auto opened = OpenExactly(address, options);
  if (opened || address.family != Family::kAny) return opened;
  const int number = opened.error().sys_errno();
  if (number != EAFNOSUPPORT && number != EADDRNOTAVAIL) return opened;
  SocketAddress v4 = address;
  v4.family = Family::kIpv4;
  v4.host = "0.0.0.0";
  return OpenExactly(v4, options);
}

Result<> StartListening(int socket, int backlog) {
  if (::listen(socket, backlog) < 0) return SysError("listen on a socket", errno);
  return {};
}

Result<Fd> TakeSocketOf(int pid, int channel, int number) {
  const Fd process(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
  if (!process.valid()) return SysError("find a worker's process", errno);
  pollfd end{channel, 0, 0};
  if (::poll(&end, 1, 0) != 0) return SysError("find a worker's process", ESRCH);
  Fd socket(static_cast<int>(::syscall(SYS_pidfd_getfd, process.get(), number, 0)));
  if (!socket.valid()) return SysError("take a worker's descriptor", errno);
  int type = 0;
  socklen_t size = sizeof type;
  if (::getsockopt(socket.get(), SOL_SOCKET, SO_TYPE, &type, &size) < 0) {
    return SysError("take a worker's descriptor", errno);
  }
  TRY_VOID(SetNonBlocking(socket.get()));
  return socket;
}

bool IsSameSocket(int one, int other) {
  struct stat a, b;
  return ::fstat(one, &a) == 0 && ::fstat(other, &b) == 0 && a.st_dev == b.st_dev &&
         a.st_ino == b.st_ino;
}

std::uint64_t FileNumber(const SocketAddress& address) {
  if (address.family != Family::kUnix || address.host.starts_with('\0')) return 0;
  struct stat info;
  return ::lstat(address.host.c_str(), &info) == 0 && S_ISSOCK(info.st_mode) ? info.st_ino : 0;
}

void CloseAtOnce(Fd socket) {
  linger wait{};
  socklen_t size = sizeof wait;
  if (::getsockopt(socket.get(), SOL_SOCKET, SO_LINGER, &wait, &size) < 0) return;
  if (wait.l_onoff == 0 || wait.l_linger == 0) return;
  wait = {};
  ::setsockopt(socket.get(), SOL_SOCKET, SO_LINGER, &wait, sizeof wait);
}

void StopListening(int socket) {
  ::shutdown(socket, SHUT_RDWR);
}

void RemoveFile(const SocketAddress& address, std::uint64_t file_number) {
  if (file_number != 0 && FileNumber(address) == file_number) ::unlink(address.host.c_str());
}

}  // namespace tend::supervisor
