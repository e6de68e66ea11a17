#include "base/link.h"

#include <utility>

namespace tend {

PacketChannel::PacketChannel(Loop& loop, Fd socket, Callbacks callbacks)
    : loop_(loop), socket_(std::move(socket)), callbacks_(std::move(callbacks)) {
  readable_ = loop_.OnReadable(socket_.get(), [this] { OnReadable(); });
}

PacketChannel::~PacketChannel() {
  *alive_ = false;
}

void PacketChannel::Send(std::string packet) {
  TEND_CHECK(packet.size() <= kLinkPacketMax);
  if (closed_) return;
  if (queue_.empty() && SendPacket(socket_.get(), packet)) return;
  if (queued_bytes_ + packet.size() > kLinkQueueMaxBytes) {
    queue_.clear();
    queued_bytes_ = 0;
    if (callbacks_.on_overflow)
      loop_.Post([this, alive = alive_] {
        if (*alive) callbacks_.on_overflow();
      });
    return;
  }
  queued_bytes_ += packet.size();
  queue_.push_back(std::move(packet));
  if (!writable_) writable_ = loop_.OnWritable(socket_.get(), [this] { Flush(); });
}

void PacketChannel::Flush() {
  while (!queue_.empty()) {
    const auto sent = SendPacket(socket_.get(), queue_.front());
    if (!sent && sent.error().code() == Errc::kBusy) return;
    // A peer that is gone is reported by the read side; what it was to get is moot.
    queued_bytes_ -= queue_.front().size();
    queue_.pop_front();
  }
  writable_.reset();
}

void PacketChannel::OnReadable() {
  const auto alive = alive_;
  // A bounded number a turn, so that a busy peer does not keep others waiting.
  for (int turn = 0; turn < 64 && *alive && !closed_; ++turn) {
    static thread_local std::string buffer(kLinkPacketMax, '\0');
    auto packet = ReceivePacket(socket_.get(), buffer);
    if (!packet && packet.error().code() == Errc::kBusy) return;
    if (!packet || packet->size == 0) {
      closed_ = true;
      readable_.reset();
      writable_.reset();
      if (callbacks_.on_closed) callbacks_.on_closed();
      return;
    }
    if (packet->truncated) {
      if (callbacks_.on_oversize) callbacks_.on_oversize();
      continue;
    }
    const std::string copy(buffer.data(), packet->size);
    if (callbacks_.on_packet) callbacks_.on_packet(copy);
  }
}

}  // namespace tend
