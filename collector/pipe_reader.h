// The read end of one pipe on the loop: when to look at it, and its bytes. How bytes leave a pipe
// is known here and nowhere else: through a spool, where they survive us, or by read(2).
//
// Owned by the Collector, one per pipe; holds no buffer. Thread: the loop's.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string_view>
#include <utility>

#include "base/fd.h"
#include "base/loop.h"
#include "base/spool.h"

namespace tend::collector {

class PipeReader {
 public:
  struct Taken {
    std::size_t bytes = 0;
    bool is_empty = false;   // there was nothing more in the pipe
    bool at_end = false;     // and there never will be: all writers have closed
    bool no_room = false;    // see Spool::Taken
    bool too_early = false;  // the same
  };

  // `on_ready` runs when there is something to read, while we listen. It may destroy the reader.
  // REQUIRES: `fd` is non-blocking.
  PipeReader(Loop& loop, Fd fd, std::function<void()> on_ready)
      : loop_(loop), fd_(std::move(fd)), on_ready_(std::move(on_ready)) {}

  void Listen();  // Ends a rest; no effect while listening.
  void Pause();   // Until Listen().
  // Does not listen for so long; then `on_ready` runs, whether or not there is something to read.
  void RestFor(std::chrono::nanoseconds delay);
  // Lets the pipe hold so many bytes. False: it cannot.
  bool Enlarge(std::size_t bytes);

  // Takes bytes until the pipe is empty, at its end, or has given `bytes_max`. Each piece passes
  // through `buffer` and is valid only during its call of `take`.
  Taken Read(std::span<char> buffer,
             std::size_t bytes_max,
             const std::function<void(std::string_view)>& take);

  // The same through a spool, which keeps a copy. When it is full, what it did not take is still in
  // the pipe.
  Taken ReadThrough(Spool& spool,
                    Wall now,
                    std::span<char> buffer,
                    std::size_t bytes_max,
                    const std::function<void(std::string_view)>& take);

 private:
  Loop& loop_;
  Fd fd_;
  std::function<void()> on_ready_;
  Loop::Watch readable_;
  Loop::Watch rest_;
};

}  // namespace tend::collector
