// Where programs of systemd's kind tell how they are (sd_notify(3)): READY=1, STATUS=…, WATCHDOG=1.
// One datagram socket for all workers, with an abstract name, so that workers of any user reach it;
// the kernel says who sent a message, and only what a worker or a process of its session says
// counts. Messages that come while no core runs wait: the socket is in the keeper's store.
//
// Owned by core_main. Thread: the loop's.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "base/fd.h"
#include "base/loop.h"
#include "base/result.h"

namespace tend::supervisor {

class NotifySocket {
 public:
  // `session` is the leader of the sender's session, 0 if it is gone already.
  using OnMessage = std::function<void(int pid, int session, std::string_view message)>;

  // `address` as NOTIFY_SOCKET has it: '@' and a name.
  static Result<Fd> Bind(const std::string& address);
  NotifySocket(Loop& loop, Fd socket, OnMessage on_message);

  int fd() const { return socket_.get(); }

 private:
  void Read();

  Fd socket_;
  OnMessage on_message_;
  Loop::Watch watch_;
};

}  // namespace tend::supervisor
