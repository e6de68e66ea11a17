#include "cli/unix_socket.h"

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>

namespace tend::cli {

Result<Fd> ConnectUnix(const std::string& path, int type, Mono deadline) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) {
    return Error(Errc::kInvalid, "the socket path " + path + " is too long");
  }
  std::memcpy(address.sun_path, path.data(), path.size());
  Fd fd(::socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd.valid()) return SysError("make a socket", errno);
  for (;;) {
    if (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0) {
      return fd;
    }
    const int why = errno;
    if (why == EACCES || why == EPERM) {
      return Error(Errc::kPermission, "no right to use " + path, why);
    }
    if (why == EAGAIN && std::chrono::steady_clock::now() < deadline) {
      ::poll(nullptr, 0, 5);  // the backlog is full; there is nothing to wait on
      continue;
    }
    if (why == EAGAIN) return Error(Errc::kTimeout, "nobody takes the connection at " + path);
    if (why != EINTR) return Error(Errc::kUnreachable, "no one answers at " + path, why);
  }
}

Result<> WaitFor(int fd, short events, Mono deadline) {
  for (;;) {
    const auto left =
        std::chrono::ceil<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
    if (left.count() <= 0) return Error(Errc::kTimeout, "no answer in time");
    pollfd entry{fd, events, 0};
    const int n = ::poll(&entry, 1, static_cast<int>(std::min<std::int64_t>(left.count(), 60'000)));
    if (n > 0) return {};
    if (n < 0 && errno != EINTR) return SysError("wait for a socket", errno);
  }
}

}  // namespace tend::cli
