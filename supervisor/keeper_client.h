// A role's side of the keeper socket (base/keeper_protocol.h): core and sidecar put descriptors
// that must outlive them, and get those that a former life of theirs, or the other role, has put.
//
// Thread: the loop's. Never blocks: what the socket does not take now is queued with a copy of its
// descriptor, at most kQueueMax messages.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <utility>

#include "base/fd.h"
#include "base/keeper_protocol.h"
#include "base/loop.h"
#include "base/result.h"

namespace tend::supervisor {

class KeeperClient {
 public:
  static constexpr std::size_t kQueueMax = 8192;

  struct Callbacks {
    std::function<void(StoreKind kind, std::uint64_t id, Fd fd)> on_put;
    std::function<void()> on_replay_end;
    // The keeper is gone: leave. Called once; nothing is called after it.
    std::function<void()> on_closed;
  };

  // Takes over `fd`, makes it close-on-exec and non-blocking. Callbacks come from the loop only,
  // and must not destroy the client.
  KeeperClient(Loop& loop, int fd, Callbacks callbacks);
  KeeperClient(Loop& loop, Callbacks callbacks)
      : KeeperClient(loop, kKeeperSocket, std::move(callbacks)) {}

  // Keeps a copy of `fd`, which stays the caller's, under (kind, id) and hands it to the role that
  // the kind belongs to, if that is not us. Errc::kLimit: the queue is full, nothing was sent.
  // Messages arrive in the order of the calls.
  Result<> Put(StoreKind kind, std::uint64_t id, int fd);
  Result<> Drop(StoreKind kind, std::uint64_t id);
  Result<> Ready();
  Result<> Shutdown();

  // Messages that the keeper has not taken yet. A role that ends waits until this is 0.
  std::size_t queued() const { return queue_.size(); }

 private:
  struct Waiting {
    KeeperMessage message;
    Fd fd;
  };

  Result<> Send(KeeperOp op, StoreKind kind, std::uint64_t id, int fd);
  Result<> SendNow(const KeeperMessage& message, int fd);
  void Flush();
  void Await();
  void OnReadable();

  Loop& loop_;
  Fd socket_;
  Callbacks callbacks_;
  std::deque<Waiting> queue_;
  bool closed_ = false;
  Loop::Watch readable_;
  Loop::Watch writable_;
  Loop::Watch retry_;
};

}  // namespace tend::supervisor
