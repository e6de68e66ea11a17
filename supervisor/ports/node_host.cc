#include "supervisor/ports/node_host.h"

#include <sys/socket.h>

#include <algorithm>
#include <cerrno>

#include "base/json_text.h"
#include "supervisor/ports/node_hosting.h"

namespace tend::supervisor {
namespace {

constexpr int kInjectedMax = 16;              // of which the worker says nothing
constexpr std::size_t kSentHandlesMax = 512;  // of which it does not say that they came

Error NoChannel() {
  return Error(Errc::kNotFound, "the worker has no channel");
}

}  // namespace

NodeHost::Impl::Impl(Loop& loop, Listeners& listeners, NodeHostListener& listener)
    : loop_(loop),
      listeners_(listeners),
      listener_(listener),
      seq_(std::chrono::duration_cast<std::chrono::microseconds>(loop.Now().time_since_epoch())
               .count()) {
  listeners_.SetOnDrop([this](std::uint64_t id) {
    round_robins_.erase(id);
    closing_.erase(id);
  });
}

NodeHost::Impl::~Impl() {
  listeners_.SetOnDrop(nullptr);
}

NodeHost::Impl::Worker* NodeHost::Impl::Find(std::uint64_t incarnation) {
  const auto found = workers_.find(incarnation);
  return found == workers_.end() ? nullptr : &found->second;
}

void NodeHost::Impl::Attach(const NodeWorker& info, Fd channel) {
  const std::uint64_t incarnation = info.ref.incarnation;
  if (const auto before = workers_.extract(incarnation)) Abandon(before.mapped());
  Worker& worker = workers_[incarnation];
  worker.info = info;
  worker.channel = std::make_unique<NodeChannel>(loop_, *this, incarnation, std::move(channel));
  for (auto& [id, use] : listeners_.UsesOf(incarnation)) {
    const Listener* listener = listeners_.Find(id);
    AddRoute(worker, {id, use.key, {}, use.round_robin, listener->datagram});
  }
}

void NodeHost::Impl::Release(std::uint64_t incarnation) {
  Worker* worker = Find(incarnation);
  if (worker == nullptr) return;
  // Also one that we do not know to be held: a core before us may not have come to say it. Whoever
  // reads nothing is told by its end.
  (void)worker->channel->Send(kReleaseMessage);
  if (!std::exchange(worker->info.held, false)) return;
  for (const Route& route : worker->routes)
    Join(*worker, route);
}

void NodeHost::Impl::Drain(std::uint64_t incarnation) {
  Worker* worker = Find(incarnation);
  if (worker == nullptr) return;
  worker->draining = worker->leaving = true;
  LeaveAll(*worker);
  (void)worker->channel->Send(kDrainMessage);
}

void NodeHost::Impl::Disconnect(std::uint64_t incarnation) {
  Worker* worker = Find(incarnation);
  if (worker == nullptr) return;
  worker->draining = worker->leaving = true;
  LeaveAll(*worker);
  (void)worker->channel->Send(DisconnectMessage(NextSeq()));
}

void NodeHost::Impl::Leaving(std::uint64_t incarnation) {
  Worker* worker = Find(incarnation);
  if (worker != nullptr) worker->leaving = true;
}

Result<> NodeHost::Impl::Send(std::uint64_t incarnation, std::string_view json) {
  Worker* worker = Find(incarnation);
  if (worker == nullptr || !worker->channel->is_open()) return NoChannel();
  if (json.size() > kMessageToWorkerMax) {
    return Error(Errc::kLimit, "a message to a worker has at most " +
                                   std::to_string(kMessageToWorkerMax) + " bytes");
  }
  if (worker->channel->queued() >= NodeChannel::kQueuePause) {
    return Error(Errc::kLimit, "the worker takes no messages");
  }
  std::string line(json);
  // Between the parts of a JSON value, and nowhere else, there may be newlines.
  std::replace(line.begin(), line.end(), '\n', ' ');
  line += '\n';
  auto sent = worker->channel->Send(line);
  if (!sent && sent.error().code() == Errc::kUnreachable) return NoChannel();
  return sent;
}

Result<> NodeHost::Impl::Inject(std::uint64_t incarnation, Fd connection, InjectAt at) {
  Worker* worker = Find(incarnation);
  const auto listens = [](const Route& route) { return !route.datagram; };
  const auto is_there = [&](const Route& route) {
    const Listener* listener = listeners_.Find(route.listener);
    return listens(route) && listener != nullptr && listener->port == at.port;
  };
  if (worker == nullptr || !worker->channel->is_open()) return NoChannel();
  auto route = std::find_if(worker->routes.begin(), worker->routes.end(), is_there);
  if (route == worker->routes.end() && at.exact) {
    return Error(Errc::kNotFound, "the worker does not listen on " + std::to_string(at.port));
  }
  if (route == worker->routes.end()) {
    route = std::find_if(worker->routes.begin(), worker->routes.end(), listens);
  }
  if (route == worker->routes.end()) {
    return Error(Errc::kNotFound, "the worker listens nowhere");
  }
  const auto injected = std::count_if(worker->in_flight.begin(), worker->in_flight.end(),
                                      [](const auto& each) { return each.second.listener == 0; });
  if (injected >= kInjectedMax) {
    return Error(Errc::kLimit, "the worker accepts no connections");
  }
  Connection given(std::move(connection));
  if (!HandOut(*worker, *route, 0, given)) {
    return Error(Errc::kLimit, "the worker takes no messages");
  }
  return {};
}

void NodeHost::Impl::Detach(std::uint64_t incarnation) {
  listeners_.RemoveUses(incarnation);
  const auto worker = workers_.extract(incarnation);
  if (worker) Abandon(worker.mapped());
}

void NodeHost::Impl::Abandon(Worker& worker) {
  LeaveAll(worker);
  worker.routes.clear();
  worker.sent_handles.clear();
  auto in_flight = std::exchange(worker.in_flight, {});
  for (auto& [seq, given] : in_flight) {
    const auto round_robin = round_robins_.find(given.listener);
    if (round_robin != round_robins_.end()) {
      round_robin->second.Return(std::move(given.connection));
    }
  }
}

void NodeHost::Impl::NoteHandle(Worker& worker, SentHandle handle) {
  if (worker.sent_handles.size() >= kSentHandlesMax) worker.sent_handles.pop_front();
  worker.sent_handles.push_back(std::move(handle));
}

void NodeHost::Impl::AddRoute(Worker& worker, Route route) {
  closing_.erase(route.listener);
  std::erase_if(worker.routes, [&](const Route& other) { return other.key == route.key; });
  route.quoted_key = Quoted(route.key);
  worker.routes.push_back(std::move(route));
  Join(worker, worker.routes.back());
}

void NodeHost::Impl::RemoveRoute(Worker& worker, const std::string& key) {
  for (const Route& route : worker.routes) {
    if (route.key != key || !route.round_robin) continue;
    const auto round_robin = round_robins_.find(route.listener);
    if (round_robin != round_robins_.end()) {
      round_robin->second.Leave(worker.info.ref.incarnation);
    }
  }
  std::erase_if(worker.routes, [&](const Route& route) { return route.key == key; });
}

void NodeHost::Impl::Join(Worker& worker, const Route& route) {
  if (!route.round_robin || worker.info.held || worker.draining) return;
  const std::uint64_t listener = route.listener;
  const auto hand_out = [this, listener](std::uint64_t incarnation, Connection& connection) {
    Worker* to = Find(incarnation);
    if (to == nullptr) return false;
    for (const Route& each : to->routes) {
      if (each.listener == listener) return HandOut(*to, each, listener, connection);
    }
    return false;
  };
  const auto entry =
      round_robins_.try_emplace(listener, loop_, listeners_.Socket(listener), hand_out);
  entry.first->second.Join(worker.info.ref.incarnation);
}

void NodeHost::Impl::LeaveAll(Worker& worker) {
  for (auto& [listener, round_robin] : round_robins_)
    round_robin.Leave(worker.info.ref.incarnation);
}

bool NodeHost::Impl::HandOut(Worker& worker,
                             const Route& route,
                             std::uint64_t listener,
                             Connection& connection) {
  const std::int64_t seq = NextSeq();
  if (!worker.channel->Send(NewConnection(seq, route.quoted_key), connection.fd.get()))
    return false;
  NoteHandle(worker, {seq, 0, {}, {}});
  worker.in_flight.emplace(seq, InFlight{listener, std::move(connection)});
  return true;
}

NodeHost::NodeHost(Loop& loop, Listeners& listeners, NodeHostListener& listener)
    : impl_(std::make_unique<Impl>(loop, listeners, listener)) {}
NodeHost::~NodeHost() = default;

Result<SocketPair> NodeHost::MakeChannel() {
  int ends[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0) {
    return SysError("make a channel", errno);
  }
  SocketPair pair{Fd(ends[0]), Fd(ends[1])};
  TRY_VOID(SetNonBlocking(pair.first.get()));
  return pair;
}

void NodeHost::Attach(const NodeWorker& worker, Fd channel) {
  impl_->Attach(worker, std::move(channel));
}

void NodeHost::Release(std::uint64_t incarnation) {
  impl_->Release(incarnation);
}

void NodeHost::Drain(std::uint64_t incarnation) {
  impl_->Drain(incarnation);
}

void NodeHost::Disconnect(std::uint64_t incarnation) {
  impl_->Disconnect(incarnation);
}

void NodeHost::Leaving(std::uint64_t incarnation) {
  impl_->Leaving(incarnation);
}

Result<> NodeHost::Send(std::uint64_t incarnation, std::string_view json) {
  return impl_->Send(incarnation, json);
}

Result<> NodeHost::Inject(std::uint64_t incarnation, Fd connection, InjectAt at) {
  return impl_->Inject(incarnation, std::move(connection), at);
}

void NodeHost::Detach(std::uint64_t incarnation) {
  impl_->Detach(incarnation);
}

}  // namespace tend::supervisor
