#include "supervisor/keeper_store.h"

#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace tend::supervisor {

bool IsStoreKind(StoreKind kind) {
  return kind > StoreKind::kNone && kind <= kLastStoreKind;
}

RoleId OwnerOf(StoreKind kind) {
  switch (kind) {
    case StoreKind::kStdout:
    case StoreKind::kStderr:
    case StoreKind::kTelemetry:
    case StoreKind::kLinkSidecar:
    case StoreKind::kSpoolOut:
    case StoreKind::kSpoolErr:
    case StoreKind::kProbe:
      return RoleId::kSidecar;
    default:
      return RoleId::kCore;
  }
}

KeeperStore::Entry* KeeperStore::Find(StoreKind kind, std::uint64_t id) {
  for (std::size_t i = 0; i < used_; ++i) {
    Entry& entry = entries_[i];
    if (entry.fd >= 0 && entry.kind == kind && entry.id == id) return &entry;
  }
  return nullptr;
}

bool KeeperStore::Put(StoreKind kind, std::uint64_t id, int fd, bool tell_owner) {
  Entry* entry = Find(kind, id);
  for (std::size_t i = 0; entry == nullptr && i < used_; ++i) {
    if (entries_[i].fd < 0) entry = &entries_[i];
  }
  if (entry == nullptr) {
    if (used_ == kStoreEntries) return false;
    entry = &entries_[used_++];
  }
  if (entry->fd >= 0) ::close(entry->fd);
  *entry = {id, fd, kind, tell_owner};
  const auto index = static_cast<std::size_t>(entry - entries_);
  std::size_t& first = first_[static_cast<std::size_t>(OwnerOf(kind))];
  if (tell_owner && index < first) first = index;
  return true;
}

void KeeperStore::Drop(StoreKind kind, std::uint64_t id) {
  Entry* const entry = Find(kind, id);
  if (entry == nullptr) return;
  ::close(entry->fd);
  *entry = Entry{};
}

void KeeperStore::Replay(RoleId role) {
  for (std::size_t i = 0; i < used_; ++i) {
    Entry& entry = entries_[i];
    if (entry.fd >= 0 && OwnerOf(entry.kind) == role) entry.pending = true;
  }
  first_[static_cast<std::size_t>(role)] = 0;
}

KeeperStore::Entry* KeeperStore::NextPending(RoleId role) {
  std::size_t& first = first_[static_cast<std::size_t>(role)];
  for (; first < used_; ++first) {
    Entry& entry = entries_[first];
    if (entry.fd >= 0 && entry.pending && OwnerOf(entry.kind) == role) return &entry;
  }
  return nullptr;
}

Sent SendKeeperMessage(int socket, KeeperOp op, StoreKind kind, std::uint64_t id, int fd) {
  KeeperMessage message;
  message.op = op;
  message.kind = kind;
  message.id = id;
  iovec part{&message, sizeof message};
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof fd)] = {};
  msghdr packet{};
  packet.msg_iov = &part;
  packet.msg_iovlen = 1;
  if (fd >= 0) {
    packet.msg_control = control;
    packet.msg_controllen = sizeof control;
    cmsghdr* const header = CMSG_FIRSTHDR(&packet);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof fd);
    std::memcpy(CMSG_DATA(header), &fd, sizeof fd);
  }
  for (;;) {
    if (::sendmsg(socket, &packet, MSG_NOSIGNAL | MSG_DONTWAIT) >= 0) return Sent::kYes;
    if (errno == EINTR) continue;
    if (errno == EAGAIN) return Sent::kWhenWritable;
    return errno == ETOOMANYREFS || errno == ENOBUFS || errno == ENOMEM ? Sent::kSoon
                                                                        : Sent::kNever;
  }
}

Received ReceiveKeeperMessage(int socket, KeeperMessage& message, int& fd) {
  fd = -1;
  iovec part{&message, sizeof message};
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof fd)];
  msghdr packet{};
  packet.msg_iov = &part;
  packet.msg_iovlen = 1;
  packet.msg_control = control;
  packet.msg_controllen = sizeof control;
  ssize_t n = 0;
  do {
    n = ::recvmsg(socket, &packet, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
  } while (n < 0 && errno == EINTR);
  if (n == 0 || (n < 0 && errno == ECONNRESET)) return Received::kClosed;
  if (n < 0) return Received::kNothing;
  for (cmsghdr* h = CMSG_FIRSTHDR(&packet); h != nullptr; h = CMSG_NXTHDR(&packet, h)) {
    // There is room for one descriptor and its alignment's worth of another.
    if (h->cmsg_level != SOL_SOCKET || h->cmsg_type != SCM_RIGHTS) continue;
    const std::size_t count = (h->cmsg_len - CMSG_LEN(0)) / sizeof fd;
    for (std::size_t i = 0; i < count; ++i) {
      if (fd >= 0) ::close(fd);
      std::memcpy(&fd, CMSG_DATA(h) + i * sizeof fd, sizeof fd);
    }
  }
  if (n != static_cast<ssize_t>(sizeof message) || (packet.msg_flags & MSG_TRUNC) != 0 ||
      message.version != kKeeperProtocolVersion) {
    message.op = KeeperOp{};
  }
  return Received::kMessage;
}

}  // namespace tend::supervisor
