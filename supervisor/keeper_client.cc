#include "supervisor/keeper_client.h"

#include <fcntl.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>
#include <span>
#include <utility>

namespace tend::supervisor {
namespace {

// One wake-up takes at most so many messages, so that a replay does not hold up the loop.
constexpr int kMessagesPerWake = 256;
constexpr int kSendBuffer = 1 << 20;
constexpr std::chrono::milliseconds kRetry{10};

}  // namespace

KeeperClient::KeeperClient(Loop& loop, int fd, Callbacks callbacks)
    : loop_(loop), socket_(fd), callbacks_(std::move(callbacks)) {
  TEND_CHECK(::fcntl(fd, F_SETFD, FD_CLOEXEC) == 0);
  TEND_CHECK(SetNonBlocking(fd).has_value());
  if (::setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &kSendBuffer, sizeof kSendBuffer) != 0) {
    ::setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &kSendBuffer, sizeof kSendBuffer);
  }
  readable_ = loop_.OnReadable(fd, [this] { OnReadable(); });
}

Result<> KeeperClient::Put(StoreKind kind, std::uint64_t id, int fd) {
  TEND_CHECK(fd >= 0);
  return Send(KeeperOp::kPut, kind, id, fd);
}

Result<> KeeperClient::Drop(StoreKind kind, std::uint64_t id) {
  return Send(KeeperOp::kDrop, kind, id, -1);
}

Result<> KeeperClient::Ready() {
  return Send(KeeperOp::kReady, StoreKind::kNone, 0, -1);
}

Result<> KeeperClient::Shutdown() {
  return Send(KeeperOp::kShutdown, StoreKind::kNone, 0, -1);
}

Result<> KeeperClient::Send(KeeperOp op, StoreKind kind, std::uint64_t id, int fd) {
  if (closed_) return Error(Errc::kUnreachable, "the keeper is gone");
  KeeperMessage message;
  message.op = op;
  message.kind = kind;
  message.id = id;
  if (queue_.empty()) {
    auto sent = SendNow(message, fd);
    if (sent || sent.error().code() != Errc::kBusy) return sent;
  }
  if (queue_.size() >= kQueueMax) {
    return Error(Errc::kLimit, "the keeper does not take messages");
  }
  Waiting waiting{message, Fd()};
  if (fd >= 0) {
    TRY(waiting.fd, Duplicate(fd));
  }
  queue_.push_back(std::move(waiting));
  Await();
  return {};
}

// Errc::kBusy: later.
Result<> KeeperClient::SendNow(const KeeperMessage& message, int fd) {
  char bytes[sizeof message];
  std::memcpy(bytes, &message, sizeof message);
  const std::span<const int> fds(&fd, fd >= 0 ? 1u : 0u);
  auto sent = SendPacket(socket_.get(), {bytes, sizeof bytes}, fds);
  // The user's descriptors in flight are too many (unix(7)): they become fewer as others receive.
  if (!sent && sent.error().sys_errno() == ETOOMANYREFS) {
    return Error(Errc::kBusy, "descriptors in flight", ETOOMANYREFS);
  }
  return sent;
}

// A socket that refuses because of descriptors in flight is writable all the same; so wait for the
// socket and, as well, a little.
void KeeperClient::Await() {
  if (writable_ || retry_) return;
  retry_ = loop_.After(kRetry, [this] {
    retry_.reset();
    writable_ = loop_.OnWritable(socket_.get(), [this] { Flush(); });
  });
}

void KeeperClient::Flush() {
  writable_.reset();
  while (!queue_.empty()) {
    const Waiting& first = queue_.front();
    const auto sent = SendNow(first.message, first.fd.get());
    if (!sent && sent.error().code() == Errc::kBusy) return Await();
    // Any other failure means that the keeper is gone, which reading tells.
    queue_.pop_front();
  }
}

void KeeperClient::OnReadable() {
  for (int i = 0; i < kMessagesPerWake && !closed_; ++i) {
    KeeperMessage message;
    char bytes[sizeof message];
    auto packet = ReceivePacket(socket_.get(), bytes);
    if (!packet && packet.error().code() == Errc::kBusy) return;
    if (!packet || packet->size == 0) {
      closed_ = true;
      readable_.reset();
      writable_.reset();
      retry_.reset();
      if (callbacks_.on_closed) callbacks_.on_closed();
      return;
    }
    if (packet->size != sizeof message) continue;
    std::memcpy(&message, bytes, sizeof message);
    if (message.version != kKeeperProtocolVersion) continue;
    if (message.op == KeeperOp::kReplayEnd && callbacks_.on_replay_end) callbacks_.on_replay_end();
    if (message.op == KeeperOp::kPut && packet->fds.size() == 1 && callbacks_.on_put) {
      callbacks_.on_put(message.kind, message.id, std::move(packet->fds.front()));
    }
  }
}

}  // namespace tend::supervisor
