// The other end of Node's IPC channels: hosts unmodified Node programs as Node's own parent or
// cluster primary would, without being one.
//
// A worker that is attached can say 'ready', ask for listening sockets (exec_mode cluster), be told
// to let go of them, and take and send messages. Whatever comes in is bounded and may be hostile: a
// message larger than kMessageMax is skipped without being kept, a worker that reads nothing has a
// bounded queue, and nothing that it says can do harm beyond its own app.
//
// A channel survives core: its end is in the keeper's store (kChannel), and bytes are taken from
// the kernel only after what they say has been done, so that a core after this one sees a message
// again rather than never. What we send is below the size that the kernel takes whole or not at
// all, so no message is ever cut.
//
// Owned by core_main. Thread: the loop's. Callbacks run from the loop, never from inside a call.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/fact.h"
#include "base/fd.h"
#include "base/loop.h"
#include "base/record.h"
#include "config/config.h"
#include "supervisor/ports/listeners.h"

namespace tend::supervisor {

inline constexpr std::size_t kMessageMax = 1u << 20;  // bytes that a worker may say at once
inline constexpr std::size_t kMessageToWorkerMax = 24u << 10;  // bytes that it can be told at once

// What a worker said of itself.
enum class NodeWord : std::uint8_t {
  kReady,         // process.send('ready')
  kListening,     // a server of a cluster's worker listens
  kDisconnected,  // its end of the channel is closed: of a cluster's worker, all its servers and
                  // their connections are gone
};

struct NodeWorker {
  WorkerRef ref;
  int pid = 0;  // for listen({fd}), whose socket is taken from it
  bool cluster = false;
  config::Balance balance = config::Balance::kShared;
  // A reload's new worker: it gets no connection before Release.
  bool held = false;
};

class NodeHostListener {
 public:
  NodeHostListener() = default;
  NodeHostListener(const NodeHostListener&) = delete;
  NodeHostListener& operator=(const NodeHostListener&) = delete;
  virtual ~NodeHostListener() = default;
  virtual void OnWord(std::uint64_t incarnation, NodeWord word) = 0;
  // A message with a type and data, as @pm2/io sends: "axm:action", "axm:reply", "axm:monitor",
  // "process:msg", "human:event", … `data` is JSON.
  virtual void OnNodeMessage(const WorkerRef& worker,
                             std::string_view type,
                             std::string_view data) = 0;
  virtual void OnFact(Fact fact) = 0;
};

class NodeHost {
 public:
  NodeHost(Loop& loop, Listeners& listeners, NodeHostListener& listener);
  ~NodeHost();
  NodeHost(const NodeHost&) = delete;
  NodeHost& operator=(const NodeHost&) = delete;

  // A channel for a worker that is about to be made: `first` is ours, non-blocking; `second` is the
  // worker's, blocking as Node expects it. Both are close-on-exec.
  static Result<SocketPair> MakeChannel();

  // `channel` is our end. A worker of a core before us is attached in the same way: which sockets
  // it listens on is in the listeners' file; that it drains, disconnects or leaves is to be said
  // again.
  void Attach(const NodeWorker& worker, Fd channel);
  // All below do nothing for an incarnation that is not attached.
  // From now on it may take connections.
  void Release(std::uint64_t incarnation);
  // Its next responses end their connections (the preload does that), and round robin passes it by.
  void Drain(std::uint64_t incarnation);
  // As Node's worker.disconnect(): its servers close; kDisconnected follows when their connections
  // are gone.
  void Disconnect(std::uint64_t incarnation);
  // Passes `json`, one JSON value, to the program as a message. Errc::kNotFound without a channel,
  // Errc::kLimit if it is larger than kMessageToWorkerMax or the worker reads nothing.
  Result<> Send(std::uint64_t incarnation, std::string_view json);
  // Hands it `connection` as if it had accepted it from its server on `port`. For checks of its
  // health. If it has none there it is the first one, unless `exact`. Errc::kNotFound if it does
  // not listen, Errc::kLimit if it accepts nothing.
  struct InjectAt {
    int port = 0;  // 0: any
    bool exact = false;
  };
  Result<> Inject(std::uint64_t incarnation, Fd connection, InjectAt at);
  // It was told to end by a signal: what it closes from now on is not given up for that.
  void Leaving(std::uint64_t incarnation);
  // Its process is gone: what it had not accepted yet goes to others. Its sockets stay. To be said
  // also of one that ended before it could be attached again.
  void Detach(std::uint64_t incarnation);

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace tend::supervisor
