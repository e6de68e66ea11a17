#include "supervisor/control/control_server.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "base/log.h"

namespace tend::supervisor {
namespace {

constexpr std::string_view kRefusal =
    R"({"done":true,"exit":8,"error":"this tend belongs to another user"})";
constexpr std::string_view kFull = R"({"done":true,"exit":1,"error":"too many clients"})";

Result<Fd> MakeSocket() {
  Fd socket(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!socket.valid()) return SysError("make the control socket", errno);
  return socket;
}

Result<sockaddr_un> Address(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) {
    return Error(Errc::kInvalid, "the socket path " + path + " is too long");
  }
  std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
  return address;
}

template <typename Call>
int WithAddress(Call call, int fd, const sockaddr_un& address) {
  return call(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address);
}

bool MayCome(int client) {
  ucred peer{};
  socklen_t size = sizeof peer;
  if (::getsockopt(client, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0) return false;
  return peer.uid == ::geteuid() || peer.uid == 0;
}

}  // namespace

Result<std::unique_ptr<ControlServer>> ControlServer::Listen(Loop& loop,
                                                             const std::string& path,
                                                             ControlServices services) {
  TRY(const sockaddr_un address, Address(path));
  TRY(const Fd probe, MakeSocket());
  if (WithAddress(::connect, probe.get(), address) == 0 || errno == EAGAIN) {
    return Error(Errc::kExists, "another tend already answers at " + path);
  }
  if (errno != ENOENT && errno != ECONNREFUSED) return SysError("look at " + path, errno);
  if (errno == ECONNREFUSED && ::unlink(path.c_str()) != 0) {
    return SysError("remove the old " + path, errno);
  }
  TRY(Fd socket, MakeSocket());
  if (WithAddress(::bind, socket.get(), address) != 0) return SysError("bind " + path, errno);
  if (::chmod(path.c_str(), 0660) != 0) return SysError("set the mode of " + path, errno);
  if (::listen(socket.get(), 64) != 0) return SysError("listen at " + path, errno);
  return std::unique_ptr<ControlServer>(
      new ControlServer(loop, path, std::move(socket), std::move(services)));
}

ControlServer::ControlServer(Loop& loop, std::string path, Fd socket, ControlServices services)
    : loop_(loop),
      path_(std::move(path)),
      socket_(std::move(socket)),
      services_(std::move(services)) {
  watch_ = loop_.OnReadable(socket_.get(), [this] { OnConnection(); });
}

ControlServer::~ControlServer() {
  *alive_ = false;
}

void ControlServer::Close() {
  pause_.reset();
  watch_.reset();
  socket_.Reset();
  ::unlink(path_.c_str());
}

std::size_t ControlServer::queued_bytes() const {
  std::size_t bytes = 0;
  for (const auto& entry : sessions_)
    bytes += entry.second->queued_bytes();
  return bytes;
}

void ControlServer::OnConnection() {
  Fd client(::accept4(socket_.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
  if (client.valid()) return Accept(std::move(client));
  if (errno != EMFILE && errno != ENFILE && errno != ENOMEM && errno != ENOBUFS) return;
  // The connection stays readable; without a pause this would spin.
  LogError(SysError("accept a client", errno).message());
  watch_.reset();
  pause_ = loop_.After(std::chrono::seconds(1), [this] {
    watch_ = loop_.OnReadable(socket_.get(), [this] { OnConnection(); });
  });
}

void ControlServer::Accept(Fd client) {
  const bool full = sessions_.size() >= kClientsMax;
  if (full || !MayCome(client.get())) {
    // Best effort: a client that is refused may not read.
    [[maybe_unused]] const auto sent = SendPacket(client.get(), full ? kFull : kRefusal);
    return;
  }
  const int number = next_session_++;
  // Not from inside the session's own callback.
  auto forget = [this, number, alive = alive_] {
    loop_.Post([this, number, alive] {
      if (*alive) sessions_.erase(number);
    });
  };
  sessions_.emplace(number, std::make_unique<ControlSession>(loop_, services_, std::move(client),
                                                             std::move(forget)));
}

}  // namespace tend::supervisor
