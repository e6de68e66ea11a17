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

// Runs `fn` on the loop and waits for what it returns, at most kAskMax; not at all once *ended.
template <typename T>
std::optional<T> Ask(Loop& loop, std::function<T()> fn, const std::atomic<bool>* ended = nullptr) {
  // How often one whose loop may end looks whether it has.
  constexpr auto kLookEvery = std::chrono::milliseconds(20);
  auto promise = std::make_shared<std::promise<T>>();
  std::future<T> answer = promise->get_future();
  loop.Post([promise, fn = std::move(fn)] { promise->set_value(fn()); });
  const auto give_up = std::chrono::steady_clock::now() + kAskMax;
  while (answer.wait_for(ended != nullptr ? kLookEvery : kAskMax) != std::future_status::ready) {
    if (ended != nullptr && *ended) return std::nullopt;
    if (std::chrono::steady_clock::now() >= give_up) return std::nullopt;
  }
  return answer.get();
}

}  // namespace tend::supervisor
