// Takes lines of statsd from workers over a unix datagram socket. Who sends is what the kernel
// says, not the lines: numbers count for the worker of the sending process.
//
// A worker is never held up: what comes is read at once, and above kStatsdLinesMax a second of one
// worker it is only counted. What comes from others is dropped.
//
// Owned by the sidecar. Thread: the loop's.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>

#include "base/fd.h"
#include "base/loop.h"
#include "base/telemetry.h"
#include "supervisor/sidecar/sender_book.h"

namespace tend::supervisor {

inline constexpr std::size_t kStatsdLinesMax = 20'000;

class StatsdSocket {
 public:
  // `sink` outlives it. `on_stranger`: a datagram of nobody's worker was dropped.
  StatsdSocket(Loop& loop,
               TelemetrySink& sink,
               std::function<void()> on_stranger,
               SenderBook senders = SenderBook());

  // Makes `path` anew, writable by all, as workers may be of other users, and listens. Where the
  // path is "" there is no socket.
  Result<> Open(const std::string& path);

  // `pid` runs this incarnation of the worker. 0 says nothing.
  void Put(const WorkerRef& worker, int pid) { senders_.Put(worker, pid); }
  void Ended(std::uint64_t incarnation);

  // As if process `pid` had sent it. `is_cut`: its end is missing.
  void Take(int pid, std::string_view text, bool is_cut);
  int fd() const { return socket_.get(); }

 private:
  struct Budget {
    Mono until{};
    std::size_t left = 0;
  };
  void Read();

  Loop& loop_;
  TelemetrySink& sink_;
  const std::function<void()> on_stranger_;
  SenderBook senders_;
  Fd socket_;
  std::map<std::uint64_t, Budget> budgets_;  // by incarnation
  std::string buffer_;
  Loop::Watch watch_;
};

}  // namespace tend::supervisor
