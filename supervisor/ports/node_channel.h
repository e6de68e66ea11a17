// Our end of one Node channel: bytes in, messages in order out, and the reverse.
//
// A message is looked at where it lies in the kernel, and taken from there after its owner has
// dealt with it; only one that the kernel does not hold in one piece is kept here. Work per turn of
// the loop and memory are bounded. A worker that takes nothing is not listened to until it does:
// what it asks for is answered, so that its questions must not outnumber the answers that it takes.
//
// Descriptors that a worker sends are seen to have come, and closed.
//
// Owned by NodeHost. Thread: the loop's. May be destroyed from inside its owner's calls.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>
#include <string_view>

#include "base/fd.h"
#include "base/loop.h"
#include "base/result.h"
#include "supervisor/ports/node_frames.h"

namespace tend::supervisor {

class NodeChannelOwner {
 public:
  NodeChannelOwner() = default;
  NodeChannelOwner(const NodeChannelOwner&) = delete;
  NodeChannelOwner& operator=(const NodeChannelOwner&) = delete;
  virtual ~NodeChannelOwner() = default;
  virtual void OnMessage(std::uint64_t incarnation, std::string_view message) = 0;
  virtual void OnTooLarge(std::uint64_t incarnation) = 0;
  // Nothing comes any more. The channel is closed.
  virtual void OnClosed(std::uint64_t incarnation) = 0;
};

class NodeChannel {
 public:
  static constexpr std::size_t kReadBytes = 64u << 10;  // at most, a turn of the loop
  static constexpr int kMessagesPerTurn = 256;
  static constexpr std::size_t kQueuePause = 64;  // messages that it does not take: not read from
  static constexpr std::size_t kQueueMax = 512;

  NodeChannel(Loop& loop, NodeChannelOwner& owner, std::uint64_t incarnation, Fd fd);
  NodeChannel(const NodeChannel&) = delete;
  NodeChannel& operator=(const NodeChannel&) = delete;
  ~NodeChannel();

  // Sends a line, with a descriptor that stays the caller's. Errc::kLimit: the queue is full;
  // Errc::kUnreachable: nobody is there; any other: the descriptor cannot be sent.
  Result<> Send(std::string_view line, int handle = -1);
  // True if the message that is being dealt with has a descriptor, which then is told of once.
  bool TakeHandle();
  // What else has come waits for the next turn of the loop.
  void EndTurn() { end_turn_ = true; }

  bool is_open() const { return fd_.valid(); }
  int fd() const { return fd_.get(); }
  std::size_t queued() const { return queue_.size(); }

 private:
  struct Outgoing {
    std::string line;
    Fd handle;
  };

  void Listen();
  void OnReadable();
  // `used`: how much of the bytes has been dealt with. False: the channel is gone.
  bool HandleMessages(std::string_view bytes, std::size_t& used);
  // Takes bytes from the kernel. True if a descriptor was with them.
  bool Consume(char* buffer, std::size_t size);
  void Close();
  // Bytes of `line` that the kernel took.
  Result<std::size_t> Write(std::string_view line, int handle);
  void Flush();

  Loop& loop_;
  NodeChannelOwner& owner_;
  const std::uint64_t incarnation_;
  Fd fd_;
  NodeFrames frames_;
  int handles_ = 0;  // came with what is being read, and are not told of
  bool end_turn_ = false;
  std::deque<Outgoing> queue_;
  bool* gone_ = nullptr;  // set by the destructor, for the call that is running
  Loop::Watch reader_, writer_;
};

}  // namespace tend::supervisor
