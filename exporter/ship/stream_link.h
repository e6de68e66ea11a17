// A TCP connection to one that never answers, plain or with TLS (OpenSSL, in this one file).
//
// Nothing acknowledges what is sent but the peer's TCP. So Send() waits until that has taken all of
// it, and looks whether the peer closed the connection: what it says to be sent has arrived at the
// machine of the peer, which may still lose it. When it fails, nobody knows how much arrived.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "base/fd.h"
#include "base/result.h"
#include "base/time.h"
#include "config/observe.h"
#include "exporter/ship/sockets.h"

namespace tend::exporter {

// REQUIRES: SIGPIPE is ignored.
class StreamLink {
 public:
  StreamLink(Waiter& waiter, Endpoint to, bool uses_tls, config::TlsConfig tls);
  ~StreamLink();
  StreamLink(const StreamLink&) = delete;
  StreamLink& operator=(const StreamLink&) = delete;

  // Connects if need be. Errors name the peer; Errc::kPermission: a certificate, ours or theirs, is
  // not accepted; Errc::kInvalid: a file of ours cannot be used.
  Result<> Send(std::string_view bytes, Mono deadline);
  // How much of what was last to be sent went out, whether it arrived or not.
  std::size_t sent_bytes() const { return sent_bytes_; }

 private:
  class Tls;
  Result<> Open(Mono deadline);
  void Close();
  Result<> Write(std::string_view bytes, Mono deadline);
  // Until the peer's TCP has taken everything.
  Result<> Settle(Mono deadline);
  // Throws away what the peer says; fails if it has closed.
  Result<> CheckOpen();

  Waiter& waiter_;
  Connector connector_;
  const Endpoint to_;
  const bool uses_tls_;
  const config::TlsConfig tls_config_;
  Fd fd_;
  std::unique_ptr<Tls> tls_;
  std::size_t sent_bytes_ = 0;
};

}  // namespace tend::exporter
