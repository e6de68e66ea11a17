// Connections of one listening socket, handed to workers strictly in turn: each gets the next one
// when it has accepted the last. While none is free, connections stay in the kernel's queue, where
// they also survive us.
//
// Owned by NodeHost. Thread: the loop's.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <optional>
#include <utility>

#include "base/fd.h"
#include "base/loop.h"
#include "supervisor/ports/listening_socket.h"

namespace tend::supervisor {

struct Connection {
  explicit Connection(Fd accepted) : fd(std::move(accepted)) {}
  Connection(Connection&&) = default;
  Connection& operator=(Connection&&) = delete;
  ~Connection() {
    if (fd.valid()) CloseAtOnce(std::move(fd));
  }
  Fd fd;
  int refusals = 0;  // how often a worker did not want it
};

class RoundRobin {
 public:
  // Gives `connection` to a worker, which keeps it until it has answered. False, and `connection`
  // as it was: it cannot be told.
  using HandOut = std::function<bool(std::uint64_t incarnation, Connection& connection)>;

  RoundRobin(Loop& loop, int socket, HandOut hand_out);

  // The worker takes part, free. Nothing changes if it does already.
  void Join(std::uint64_t incarnation);
  void Leave(std::uint64_t incarnation);
  // It has accepted what it was given.
  void Done(std::uint64_t incarnation);
  // It has not: another one's turn, and then its again.
  void Refused(std::uint64_t incarnation, Connection connection);
  // It died with that.
  void Return(Connection connection);

 private:
  void HandOn();
  std::optional<Connection> Take();
  void OnAcceptFailed(int number);

  Loop& loop_;
  const int socket_;
  HandOut hand_out_;
  std::deque<std::uint64_t> members_;  // all
  std::deque<std::uint64_t> free_;     // in the order of their turns
  std::deque<Connection> returned_;    // not more than there were members
  Loop::Watch readable_, retry_;
};

}  // namespace tend::supervisor
