// A connection to core's control socket: one request, one answer, each wait with a deadline.
#pragma once

#include <chrono>
#include <string>

#include "base/fd.h"
#include "base/result.h"
#include "cli/protocol.h"

namespace tend::cli {

class ControlClient {
 public:
  // Takes over `socket`: SOCK_SEQPACKET, connected, non-blocking.
  explicit ControlClient(Fd socket) : socket_(std::move(socket)) {}
  // Errc::kUnreachable: no daemon; Errc::kPermission: not ours.
  static Result<ControlClient> Connect(const std::string& path);

  // Sends the request and reads until the last packet of the answer. `quiet_limit` is how long core
  // may say nothing: a long operation tells its progress. Errc::kUnreachable if core goes away in
  // the middle, Errc::kTimeout if it falls silent.
  Result<Answer> Call(const Request& request,
                      std::chrono::milliseconds quiet_limit,
                      AnswerReader::OnProgress on_progress = {});

 private:
  Fd socket_;
};

}  // namespace tend::cli
