#include "supervisor/ports/node_host.h"

#include <sys/socket.h>

#include <cerrno>
#include <map>
#include <utility>

namespace tend::supervisor {

class NodeHost::Impl {
 public:
  std::map<std::uint64_t, Fd> channels;
};

NodeHost::NodeHost(Loop&, Listeners&, NodeHostListener&) : impl_(std::make_unique<Impl>()) {}
NodeHost::~NodeHost() = default;

void NodeHost::Attach(const NodeWorker& worker, Fd channel) {
  impl_->channels[worker.ref.incarnation] = std::move(channel);
}
void NodeHost::Release(std::uint64_t) {}
void NodeHost::Drain(std::uint64_t) {}
void NodeHost::Disconnect(std::uint64_t) {}
void NodeHost::Leaving(std::uint64_t) {}
Result<> NodeHost::Send(std::uint64_t, std::string_view) {
  return Error(Errc::kNotFound, "the worker has no channel");
}
Result<> NodeHost::Inject(std::uint64_t, Fd) {
  return Error(Errc::kNotFound, "the worker listens nowhere");
}
void NodeHost::Detach(std::uint64_t incarnation) {
  impl_->channels.erase(incarnation);
}

Result<SocketPair> NodeHost::MakeChannel() {
  int ends[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0) {
    return SysError("make a channel", errno);
  }
  SocketPair pair{Fd(ends[0]), Fd(ends[1])};
  TRY_VOID(SetNonBlocking(pair.first.get()));
  return pair;
}

}  // namespace tend::supervisor
