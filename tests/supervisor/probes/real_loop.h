// A real loop that runs until something is so, or a deadline has passed.
#pragma once

#include <functional>
#include <memory>

#include "base/loop.h"

namespace tend::probes {

class RealLoop {
 public:
  Loop& operator*() { return *loop_; }

  // Asks after every turn that something happened in, and every 5 ms.
  bool RunUntil(const std::function<bool()>& is_so,
                std::chrono::nanoseconds time_max = std::chrono::seconds(10)) {
    const Mono end = loop_->Now() + time_max;
    std::function<void()> look;
    Loop::Watch timer;
    look = [&] {
      if (is_so() || loop_->Now() >= end) return loop_->Stop();
      timer = loop_->After(std::chrono::milliseconds(5), look);
    };
    timer = loop_->After({}, look);
    loop_->Run();
    return is_so();
  }

 private:
  std::unique_ptr<Loop> loop_ = MakeAsioLoop();
};

}  // namespace tend::probes
