// Sockets to receivers that do not speak HTTP: non-blocking, with deadlines, and with somebody who
// may end all waiting.
#pragma once

#include <memory>
#include <string>

#include "base/fd.h"
#include "base/result.h"
#include "base/time.h"

namespace tend::exporter {

// What one thread waits with. Errors of all that waits: Errc::kTimeout, Errc::kBusy once it was
// aborted.
class Waiter {
 public:
  Waiter();
  Result<> Wait(int fd, short events, Mono deadline);
  // Nothing is to happen but that time passes.
  Result<> Pause(Mono until);
  void Abort();  // for good. Any thread.

 private:
  Fd aborted_;  // eventfd
};

struct Endpoint {
  std::string host;
  int port = 0;
  std::string Name() const;  // "host:514", "[::1]:514"
};

// Connects to a name or an address. A look-up that does not end in time goes on behind, and the
// next call waits for that one.
class Connector {
 public:
  explicit Connector(Waiter& waiter) : waiter_(waiter) {}
  // `type`: SOCK_STREAM or SOCK_DGRAM. Tries the addresses of a name one after the other.
  Result<Fd> Connect(const Endpoint& to, int type, Mono deadline);

 private:
  struct LookUp;
  Result<std::shared_ptr<LookUp>> Resolve(const Endpoint& to, int type, Mono deadline);

  Waiter& waiter_;
  std::shared_ptr<LookUp> pending_;
};

// A datagram socket to one that listens at `path`.
Result<Fd> ConnectUnixDatagram(const std::string& path);

}  // namespace tend::exporter
