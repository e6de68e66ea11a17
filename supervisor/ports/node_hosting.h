// Behind NodeHost: its workers, and what each of them said and was told.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "supervisor/ports/node_channel.h"
#include "supervisor/ports/node_host.h"
#include "supervisor/ports/node_message.h"
#include "supervisor/ports/round_robin.h"

namespace tend::supervisor {

class NodeHost::Impl final : public NodeChannelOwner {
 public:
  Impl(Loop& loop, Listeners& listeners, NodeHostListener& listener);
  ~Impl() override;

  void Attach(const NodeWorker& info, Fd channel);
  void Release(std::uint64_t incarnation);
  void Drain(std::uint64_t incarnation);
  void Disconnect(std::uint64_t incarnation);
  void Leaving(std::uint64_t incarnation);
  Result<> Send(std::uint64_t incarnation, std::string_view json);
  Result<> Inject(std::uint64_t incarnation, Fd connection, InjectAt at);
  void Detach(std::uint64_t incarnation);

 private:
  // A server of a worker.
  struct Route {
    std::uint64_t listener = 0;
    std::string key;
    std::string quoted_key;
    bool round_robin = false;
    bool datagram = false;
  };
  // A connection that a worker was given and has not answered for.
  struct InFlight {
    std::uint64_t listener = 0;  // 0: of nobody, it is closed if the worker does not want it
    Connection connection;
  };
  // A handle that the worker has not told us of, oldest first: a connection, or a reply's.
  struct SentHandle {
    std::int64_t connection = 0;  // our message's number; 0: a reply
    std::int64_t query = 0;       // the worker's message's number
    std::string key, data;        // of a reply
  };
  struct Worker {
    NodeWorker info;
    std::unique_ptr<NodeChannel> channel;
    bool draining = false;  // gets nothing more
    bool leaving = false;   // its servers close because it is to end
    std::vector<Route> routes;
    std::map<std::int64_t, InFlight> in_flight;
    std::deque<SentHandle> sent_handles;
    Mono next_fact{};
  };

  void OnMessage(std::uint64_t incarnation, std::string_view text) override;
  void OnTooLarge(std::uint64_t incarnation) override;
  void OnClosed(std::uint64_t incarnation) override;

  void OnQuery(Worker& worker, const NodeMessage& message);
  // What the worker is told if it cannot have what it asked for.
  void Refuse(Worker& worker, QueryReply reply, int number);
  void OnAnswer(Worker& worker, const NodeMessage& message);
  void OnNack(Worker& worker);
  void OnClose(Worker& worker, const std::string& key);
  // By a worker that is attached.
  bool IsUsed(std::uint64_t listener) const;
  void EndConnection(Worker& worker, std::int64_t seq, bool accepted);

  Worker* Find(std::uint64_t incarnation);
  void NoteHandle(Worker& worker, SentHandle handle);
  void AddRoute(Worker& worker, Route route);
  void RemoveRoute(Worker& worker, const std::string& key);
  // Takes part where we accept for it, if it may.
  void Join(Worker& worker, const Route& route);
  void LeaveAll(Worker& worker);
  bool HandOut(Worker& worker, const Route& route, std::uint64_t listener, Connection& connection);
  // Nothing goes to the worker or comes from it any more.
  void Abandon(Worker& worker);
  std::int64_t NextSeq() { return ++seq_; }

  Loop& loop_;
  Listeners& listeners_;
  NodeHostListener& listener_;
  std::map<std::uint64_t, Worker> workers_;
  std::map<std::uint64_t, RoundRobin> round_robins_;  // by the listener's number
  std::map<std::uint64_t, Loop::Watch> closing_;      // sockets that a program has closed
  std::int64_t seq_;                                  // never one that a core before us has used
};

}  // namespace tend::supervisor
