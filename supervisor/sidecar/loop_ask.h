// Fetching something from the loop for another thread, which waits for it.
#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <future>
#include <memory>
#include <optional>

#include "base/loop.h"

namespace tend::supervisor {

// A loop that does not answer for so long is stuck; whoever asked learns that at once.
inline constexpr auto kAskMax = std::chrono::seconds(2);

// Runs `fn` on the loop and waits until it calls what it was given, once, at most kAskMax; not at
// all once `ended`.
template <typename T>
std::optional<T> AskLater(Loop& loop,
                          std::function<void(std::function<void(T)>)> fn,
                          const std::function<bool()>& ended = nullptr) {
  // How often one whose loop may end looks whether it has.
  constexpr auto kLookEvery = std::chrono::milliseconds(20);
  auto promise = std::make_shared<std::promise<T>>();
  std::future<T> answer = promise->get_future();
  loop.Post([promise, fn = std::move(fn)] {
    fn([promise](T value) { promise->set_value(std::move(value)); });
  });
  const auto give_up = std::chrono::steady_clock::now() + kAskMax;
  while (answer.wait_for(ended ? kLookEvery : kAskMax) != std::future_status::ready) {
    if (ended && ended()) return std::nullopt;
    if (std::chrono::steady_clock::now() >= give_up) return std::nullopt;
  }
  return answer.get();
}

// Runs `fn` on the loop and waits for what it returns, at most kAskMax; not at all once *ended.
template <typename T>
std::optional<T> Ask(Loop& loop, std::function<T()> fn, const std::atomic<bool>* ended = nullptr) {
  std::function<bool()> has_ended;
  if (ended != nullptr) has_ended = [ended] { return ended->load(); };
  return AskLater<T>(
      loop, [fn = std::move(fn)](const std::function<void(T)>& answer) { answer(fn()); },
      has_ended);
}

}  // namespace tend::supervisor
