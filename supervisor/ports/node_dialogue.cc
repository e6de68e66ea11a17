// What workers say, and the answers.
#include <algorithm>
#include <cerrno>

#include "supervisor/ports/node_hosting.h"

namespace tend::supervisor {
namespace {

constexpr auto kFactInterval = std::chrono::minutes(1);
constexpr auto kCloseDelay = std::chrono::milliseconds(200);

}  // namespace

void NodeHost::Impl::OnMessage(std::uint64_t incarnation, std::string_view text) {
  using Kind = NodeMessage::Kind;
  Worker* worker = Find(incarnation);
  if (worker == nullptr) return;
  const NodeMessage message = ParseNodeMessage(text);
  NodeChannel& channel = *worker->channel;
  const bool cluster = worker->info.cluster;
  switch (message.kind) {
    case Kind::kOther:
      return;
    case Kind::kHandle:
      // The program cannot say anything more before it is answered.
      (void)channel.Send(channel.TakeHandle() ? kHandleAck : kHandleNack);
      return;
    case Kind::kHandleAck:
      if (!worker->sent_handles.empty()) worker->sent_handles.pop_front();
      return;
    case Kind::kHandleNack:
      return OnNack(*worker);
    case Kind::kAnswer:
      return OnAnswer(*worker, message);
    case Kind::kQuery:
      // These write a file: others have their turn before the next.
      channel.EndTurn();
      if (cluster) OnQuery(*worker, message);
      return;
    case Kind::kClose:
      channel.EndTurn();
      return OnClose(*worker, message.key);
    case Kind::kLeaving:
      worker->leaving = true;
      (void)channel.Send(AckMessage(NextSeq(), message.seq));
      return;
    // The listener may do anything to us: nothing comes after it.
    case Kind::kReady:
      return listener_.OnWord(incarnation, NodeWord::kReady);
    case Kind::kListening:
      if (cluster) listener_.OnWord(incarnation, NodeWord::kListening);
      return;
    case Kind::kTyped: {
      const WorkerRef ref = worker->info.ref;
      return listener_.OnNodeMessage(ref, message.type, message.data);
    }
  }
}

void NodeHost::Impl::OnTooLarge(std::uint64_t incarnation) {
  Worker* worker = Find(incarnation);
  if (worker == nullptr || loop_.Now() < worker->next_fact) return;
  worker->next_fact = loop_.Now() + kFactInterval;
  Fact fact;
  fact.id = FactId::kWorkerMessageDropped;
  fact.time = loop_.WallNow();
  fact.app = worker->info.ref.app;
  fact.slot = worker->info.ref.slot;
  fact.fields.emplace_back("max_bytes", std::to_string(kMessageMax));
  listener_.OnFact(std::move(fact));
}

void NodeHost::Impl::OnClosed(std::uint64_t incarnation) {
  Worker* worker = Find(incarnation);
  if (worker == nullptr) return;
  listeners_.RemoveUses(incarnation);
  Abandon(*worker);
  listener_.OnWord(incarnation, NodeWord::kDisconnected);
}

void NodeHost::Impl::OnQuery(Worker& worker, const NodeMessage& message) {
  const NodeWorker& info = worker.info;
  const ListenQuery& query = message.query;
  auto grant = listeners_.Ask({info.ref, info.balance, info.pid, worker.channel->fd()}, query);
  if (!grant) {
    const int number = grant.error().sys_errno();
    return Refuse(worker, {0, message.seq, query.key, query.data}, number == 0 ? EIO : number);
  }
  const QueryReply reply{NextSeq(), message.seq, query.key, grant->data};
  const bool datagram = query.options.datagram;
  Result<> sent;
  if (grant->round_robin) {
    const auto bound = BoundAddress(grant->socket);
    sent = worker.channel->Send(RoundRobinReply(reply, bound ? *bound : query.address));
  } else {
    sent = worker.channel->Send(SharedReply(reply, datagram), grant->socket);
  }
  if (!sent) {
    listeners_.RemoveUse(info.ref.incarnation, query.key);
    return Refuse(worker, reply, EMFILE);
  }
  if (!grant->round_robin) NoteHandle(worker, {0, message.seq, query.key, grant->data});
  AddRoute(worker, {grant->id, query.key, {}, grant->round_robin, datagram});
}

// The data is named here, too: a TLS server of Node takes keys from it before it looks further.
void NodeHost::Impl::Refuse(Worker& worker, QueryReply reply, int number) {
  reply.seq = NextSeq();
  (void)worker.channel->Send(ErrorReply(reply, number));
}

void NodeHost::Impl::OnAnswer(Worker& worker, const NodeMessage& message) {
  EndConnection(worker, message.ack, message.accepted);
}

void NodeHost::Impl::OnNack(Worker& worker) {
  if (worker.sent_handles.empty()) return;
  const SentHandle handle = std::move(worker.sent_handles.front());
  worker.sent_handles.pop_front();
  if (handle.connection != 0) return EndConnection(worker, handle.connection, false);
  // Node has thrown the reply away, and its program would wait for ever.
  RemoveRoute(worker, handle.key);
  listeners_.RemoveUse(worker.info.ref.incarnation, handle.key);
  Refuse(worker, {0, handle.query, handle.key, handle.data}, EMFILE);
}

void NodeHost::Impl::EndConnection(Worker& worker, std::int64_t seq, bool accepted) {
  const auto found = worker.in_flight.find(seq);
  if (found == worker.in_flight.end()) return;
  const std::uint64_t incarnation = worker.info.ref.incarnation;
  const auto round_robin = round_robins_.find(found->second.listener);
  Connection connection = std::move(found->second.connection);
  worker.in_flight.erase(found);
  if (round_robin == round_robins_.end()) return;
  if (accepted) {
    round_robin->second.Done(incarnation);
  } else {
    round_robin->second.Refused(incarnation, std::move(connection));
  }
}

void NodeHost::Impl::OnClose(Worker& worker, const std::string& key) {
  RemoveRoute(worker, key);
  const std::uint64_t id = listeners_.RemoveUse(worker.info.ref.incarnation, key);
  const Listener* listener = listeners_.Find(id);
  if (listener == nullptr || worker.leaving) return;
  if (listener->origin == Listener::Origin::kConfigured || IsUsed(id)) return;
  // It may be about to say that it leaves, or to listen again.
  closing_[id] = loop_.After(kCloseDelay, [this, id, incarnation = worker.info.ref.incarnation] {
    const Worker* closer = Find(incarnation);
    const bool goes_on = closer != nullptr && closer->channel->is_open() && !closer->leaving;
    if (goes_on && !IsUsed(id)) return listeners_.Drop(id);
    closing_.erase(id);
  });
}

bool NodeHost::Impl::IsUsed(std::uint64_t listener) const {
  const Listener* found = listeners_.Find(listener);
  return found != nullptr &&
         std::any_of(found->uses.begin(), found->uses.end(),
                     [this](const ListenerUse& use) { return workers_.contains(use.incarnation); });
}

}  // namespace tend::supervisor
