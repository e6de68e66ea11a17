#include "exporter/ship/sockets.h"

#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <optional>
#include <thread>

#include "base/check.h"

namespace tend::exporter {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

// Rounded up: a wait must not end before its time.
int MillisecondsUntil(Mono deadline) {
  const auto left = std::chrono::ceil<milliseconds>(deadline - steady_clock::now()).count();
  return static_cast<int>(std::clamp<std::int64_t>(left, 0, 60'000));
}

void SetPatience(int fd, Mono deadline) {
  // A peer that vanished is noticed: by keep-alives when nothing is sent, else by this.
  const int on = 1;
  const int patience = std::max(MillisecondsUntil(deadline), 1000);
  ::setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
  ::setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &patience, sizeof patience);
}

}  // namespace

Waiter::Waiter() : aborted_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  TEND_CHECK(aborted_.valid());
}

Result<> Waiter::Wait(int fd, short events, Mono deadline) {
  while (true) {
    std::array<pollfd, 2> waits{pollfd{aborted_.get(), POLLIN, 0}, pollfd{fd, events, 0}};
    const int left = MillisecondsUntil(deadline);
    const int ready = ::poll(waits.data(), waits.size(), left);
    if (ready < 0 && errno != EINTR) return SysError("poll", errno);
    if (waits[0].revents != 0) return Error(Errc::kBusy, "aborted");
    if (ready > 0) return {};
    if (ready == 0 && steady_clock::now() >= deadline) return Error(Errc::kTimeout, "timed out");
  }
}

Result<> Waiter::Pause(Mono until) {
  auto waited = Wait(-1, 0, until);
  if (!waited && waited.error().code() == Errc::kTimeout) return {};
  return waited;
}

void Waiter::Abort() {
  ::eventfd_write(aborted_.get(), 1);
}

std::string Endpoint::Name() const {
  const bool is_v6 = host.find(':') != std::string::npos;
  return (is_v6 ? '[' + host + ']' : host) + ':' + std::to_string(port);
}

struct Connector::LookUp {
  std::string host;
  Fd done{::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)};
  int code = 0;  // of getaddrinfo; what follows is there once `done` is readable
  addrinfo* addresses = nullptr;

  LookUp() = default;
  LookUp(const LookUp&) = delete;
  LookUp& operator=(const LookUp&) = delete;
  ~LookUp() {
    if (addresses != nullptr) ::freeaddrinfo(addresses);
  }
  void Run(const std::string& port, int type, int flags) {
    addrinfo hints{};
    hints.ai_socktype = type;
    hints.ai_flags = flags | AI_NUMERICSERV;
    code = ::getaddrinfo(host.c_str(), port.c_str(), &hints, &addresses);
  }
};

Result<std::shared_ptr<Connector::LookUp>> Connector::Resolve(const Endpoint& to,
                                                              int type,
                                                              Mono deadline) {
  const std::string port = std::to_string(to.port);
  auto numeric = std::make_shared<LookUp>();
  numeric->host = to.host;
  numeric->Run(port, type, AI_NUMERICHOST);
  if (numeric->code == 0) return numeric;

  if (pending_ == nullptr || pending_->host != to.host) {
    pending_ = std::make_shared<LookUp>();
    pending_->host = to.host;
    std::thread([look_up = pending_, port, type] {
      look_up->Run(port, type, AI_ADDRCONFIG);
      ::eventfd_write(look_up->done.get(), 1);
    }).detach();
  }
  TRY_VOID(waiter_.Wait(pending_->done.get(), POLLIN, deadline));
  eventfd_t ignored = 0;
  ::eventfd_read(pending_->done.get(), &ignored);
  auto found = std::exchange(pending_, nullptr);
  if (found->code != 0) return Error(Errc::kUnreachable, ::gai_strerror(found->code));
  return found;
}

Result<Fd> Connector::Connect(const Endpoint& to, int type, Mono deadline) {
  const std::string doing = "connect to " + to.Name();
  auto found = Resolve(to, type, deadline);
  if (!found) return std::move(found).error().With(doing);
  std::optional<Error> last;
  for (const addrinfo* at = (*found)->addresses; at != nullptr; at = at->ai_next) {
    // What is left of the time is shared by the addresses that are left.
    int addresses = 1;
    for (const addrinfo* next = at->ai_next; next != nullptr; next = next->ai_next)
      ++addresses;
    const Mono now = steady_clock::now();
    const Mono until =
        now + std::max<Mono::duration>(deadline - now, Mono::duration(0)) / addresses;
    Fd fd(::socket(at->ai_family, type | SOCK_CLOEXEC | SOCK_NONBLOCK, at->ai_protocol));
    int error = 0;
    if (!fd.valid() || ::connect(fd.get(), at->ai_addr, at->ai_addrlen) != 0) error = errno;
    if (error == EINPROGRESS) {
      if (auto waited = waiter_.Wait(fd.get(), POLLOUT, until); !waited) {
        last = std::move(waited).error().With(doing);
        if (last->code() == Errc::kBusy) return *last;
        continue;
      }
      socklen_t size = sizeof error;
      ::getsockopt(fd.get(), SOL_SOCKET, SO_ERROR, &error, &size);
    }
    if (error == 0) {
      if (type == SOCK_STREAM) SetPatience(fd.get(), deadline);
      return fd;
    }
    last = SysError(doing, error);
  }
  return last ? *last : Error(Errc::kUnreachable, doing + ": no address");
}

Result<Fd> ConnectUnixDatagram(const std::string& path) {
  sockaddr_un to{};
  to.sun_family = AF_UNIX;
  if (path.empty() || path.size() >= sizeof to.sun_path)
    return Error(Errc::kInvalid, "connect to " + path + ": not the path of a socket");
  path.copy(to.sun_path, path.size());
  Fd fd(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd.valid() || ::connect(fd.get(), reinterpret_cast<const sockaddr*>(&to), sizeof to) != 0)
    return SysError("connect to " + path, errno);
  return fd;
}

}  // namespace tend::exporter
