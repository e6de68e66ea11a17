#include "supervisor/probes/connector.h"

#include <arpa/inet.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <cerrno>
#include <cstring>
#include <utility>

namespace tend::probes {
namespace {

struct Endpoint {
  sockaddr_storage storage{};
  socklen_t size = 0;
};

Endpoint EndpointOf(const config::Address& peer) {
  Endpoint endpoint;
  if (!peer.path.empty()) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    peer.path.copy(address.sun_path, sizeof address.sun_path - 1);
    std::memcpy(&endpoint.storage, &address, sizeof address);
    endpoint.size = sizeof address;
    return endpoint;
  }
  sockaddr_in v4{};
  if (::inet_pton(AF_INET, peer.host.c_str(), &v4.sin_addr) == 1) {
    v4.sin_family = AF_INET;
    v4.sin_port = htons(peer.port);
    std::memcpy(&endpoint.storage, &v4, sizeof v4);
    endpoint.size = sizeof v4;
    return endpoint;
  }
  sockaddr_in6 v6{};
  if (::inet_pton(AF_INET6, peer.host.c_str(), &v6.sin6_addr) == 1) {
    v6.sin6_family = AF_INET6;
    v6.sin6_port = htons(peer.port);
    std::memcpy(&endpoint.storage, &v6, sizeof v6);
    endpoint.size = sizeof v6;
  }
  return endpoint;
}

}  // namespace

Connector::Connector(Loop& loop, const config::Address& peer, Done done)
    : loop_(loop), left_({peer}), done_(std::move(done)) {
  if (peer.host == "localhost") {
    left_ = {peer, peer};
    left_[0].host = "::1";
    left_[1].host = "127.0.0.1";
  }
  // Not from here: the caller does not have us yet.
  watch_ = loop_.After(std::chrono::nanoseconds(0), [this] { TryNext(); });
}

void Connector::TryNext() {
  const config::Address peer = std::move(left_.back());
  left_.pop_back();
  const Endpoint endpoint = EndpointOf(peer);
  if (endpoint.size == 0) return Finish(Error(Errc::kInvalid, peer.host + " is no address"));
  const int family = endpoint.storage.ss_family;
  watch_.reset();
  socket_.Reset(::socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!socket_.valid()) return Finish(SysError("connect", errno));
  const auto* address = reinterpret_cast<const sockaddr*>(&endpoint.storage);
  const int error = ::connect(socket_.get(), address, endpoint.size) == 0 ? 0 : errno;
  if (error == 0) return Finish(std::move(socket_));
  if (error == EINPROGRESS) {
    watch_ = loop_.OnWritable(socket_.get(), [this] { OnWritable(); });
    return;
  }
  Failed(error);
}

void Connector::OnWritable() {
  int error = 0;
  socklen_t size = sizeof error;
  if (::getsockopt(socket_.get(), SOL_SOCKET, SO_ERROR, &error, &size) < 0) error = errno;
  watch_.reset();
  if (error == 0) return Finish(std::move(socket_));
  Failed(error);
}

void Connector::Failed(int error) {
  if (error_ == 0) error_ = error;
  if (!left_.empty()) return TryNext();
  Finish(SysError("connect", error_));
}

void Connector::Finish(Result<Fd> result) {
  watch_.reset();
  const Done done = std::move(done_);
  done(std::move(result));
}

}  // namespace tend::probes
