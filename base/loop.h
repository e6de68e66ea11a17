// The event loop, as the rest of tend sees it: one thread, timers, descriptors that became ready,
// signals. Boost.Asio is behind it (loop_asio.cc) and is not included from here.
// tests/support/fake_loop.h is the same thing with a clock that tests move by hand.
//
// Thread: everything but Post() belongs to the thread that calls Run().
#pragma once

#include <chrono>
#include <functional>
#include <memory>

#include "base/time.h"

namespace tend {

class Loop {
 public:
  // What keeps a timer or a watch alive. Destroying it cancels: the callback will not run again,
  // not even if it was about to. May be destroyed from inside its own callback.
  class Handle {
   public:
    Handle() = default;
    Handle(const Handle&) = delete;
    Handle& operator=(const Handle&) = delete;
    virtual ~Handle() = default;
  };
  using Watch = std::unique_ptr<Handle>;

  Loop() = default;
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;
  virtual ~Loop() = default;

  virtual Mono Now() const = 0;
  virtual Wall WallNow() const = 0;
  // Runs `fn` once on the loop's thread. The only member that other threads may call.
  virtual void Post(std::function<void()> fn) = 0;
  // Runs `fn` once, `delay` from now.
  [[nodiscard]] virtual Watch After(std::chrono::nanoseconds delay, std::function<void()> fn) = 0;
  // Runs `fn` every time `fd` is readable or its other end has closed (level-triggered). `fd` stays
  // the caller's and must outlive the watch. At most one watch per descriptor and direction.
  [[nodiscard]] virtual Watch OnReadable(int fd, std::function<void()> fn) = 0;
  [[nodiscard]] virtual Watch OnWritable(int fd, std::function<void()> fn) = 0;
  // Runs `fn(number)` for each delivery of the signal `number`.
  [[nodiscard]] virtual Watch OnSignal(int number, std::function<void(int)> fn) = 0;

  virtual void Run() = 0;   // Until Stop().
  virtual void Stop() = 0;  // Run() returns after the callback that is running now.
};

std::unique_ptr<Loop> MakeAsioLoop();

}  // namespace tend
