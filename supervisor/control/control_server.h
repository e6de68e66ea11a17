// The control socket: who may come in, and one session a client (base/control.h).
//
// Owned by core_main. Thread: the loop's.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>

#include "base/fd.h"
#include "base/loop.h"
#include "supervisor/control/control_session.h"

namespace tend::supervisor {

inline constexpr std::size_t kClientsMax = 128;

class ControlServer {
 public:
  // Listens on `path`. A socket file that nobody answers at is replaced; Errc::kExists if somebody
  // does.
  static Result<std::unique_ptr<ControlServer>> Listen(Loop& loop,
                                                       const std::string& path,
                                                       ControlServices services);
  ~ControlServer();
  ControlServer(const ControlServer&) = delete;
  ControlServer& operator=(const ControlServer&) = delete;

  // Takes no more clients and removes the socket. Only when tend ends for good: otherwise the name
  // may be another core's by now.
  void Close();

  // Messages that clients have not taken yet, in bytes.
  std::size_t queued_bytes() const;

 private:
  ControlServer(Loop& loop, std::string path, Fd socket, ControlServices services);
  void OnConnection();
  void Accept(Fd client);

  Loop& loop_;
  const std::string path_;
  Fd socket_;
  ControlServices services_;
  std::map<int, std::unique_ptr<ControlSession>> sessions_;
  int next_session_ = 0;
  Loop::Watch watch_;
  Loop::Watch pause_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace tend::supervisor
