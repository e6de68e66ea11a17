// What one receiver is to be told, in order: which incidents concern it, what the cool-down holds
// back, and when to try again what was not taken.
//
// Of one thing (kind, app, worker, subject) there is one message per `cooldown`. A later one waits
// until that is over, and is told then if it lasts or was the last of its kind; it says how many
// others there were. The end of what was told is told at once.
//
// A message is tried for kTryFor from its first attempt, with a growing pause; then it is given up,
// as is one that the receiver refuses. At most kQueueMax wait; what comes on top is dropped.
//
// Pure: time is an argument.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "config/observe.h"
#include "exporter/alert/channel.h"
#include "exporter/alert/incident.h"
#include "exporter/ship/retry_delay.h"

namespace tend::exporter {

inline constexpr std::size_t kQueueMax = 1000;
inline constexpr auto kTryFor = std::chrono::hours(1);
inline constexpr auto kPauseFirst = std::chrono::seconds(1);
inline constexpr auto kPauseMax = std::chrono::minutes(1);
inline constexpr auto kRetryAfterMax = std::chrono::minutes(10);
// How long it is remembered that a thing was told, where the cool-down is shorter.
inline constexpr auto kRememberFor = std::chrono::hours(1);

// Of one thing.
struct CoolDown {
  Wall told{};
  std::uint64_t suppressed = 0;      // since then
  std::optional<Incident> deferred;  // to be told when the time is over
};

// As it is kept over restarts.
struct ReceiverState {
  std::vector<Incident> pending;  // oldest first; not acknowledged
  std::map<std::string, CoolDown> cool_downs;
};

class ReceiverQueue {
 public:
  explicit ReceiverQueue(const config::ReceiverConfig& config, Draw draw = RandomDraw())
      : config_(config),
        retry_(
            {.first = kPauseFirst, .longest = kPauseMax, .drawn = 0.5, .asked_max = kRetryAfterMax},
            std::move(draw)) {}

  void Load(ReceiverState state);
  ReceiverState Save() const;

  // False: it is none of this receiver's business.
  bool Fits(const Incident& incident) const;
  void Add(const Incident& incident, Wall now);

  // The message to send now; nullptr: none is due. Valid until Done().
  const Incident* Next(Instant now);
  // What became of it. True: it is out of the queue.
  bool Done(const Delivery& delivery, Instant now);
  // How long until Next() may have something, if nothing is added.
  std::chrono::nanoseconds pause(Instant now) const;

  std::size_t size() const { return pending_.size(); }
  std::uint64_t dropped() const { return dropped_; }
  std::uint64_t suppressed() const { return suppressed_; }

 private:
  void Push(Incident incident);
  void TellDeferred(Wall now);
  bool IsCool(const CoolDown& cool_down, Wall now) const;

  const config::ReceiverConfig config_;
  std::deque<Incident> pending_;
  std::map<std::string, CoolDown> cool_downs_;
  std::optional<Mono> first_try_, retry_at_;  // of the front
  RetryDelay retry_;
  std::uint64_t dropped_ = 0, suppressed_ = 0;
};

}  // namespace tend::exporter
