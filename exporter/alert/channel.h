// The far end of a receiver: one kind of service, one way to say an incident. Says what became of
// a message; when to try again is the affair of ReceiverQueue.
//
// Thread: that of its receiver, but for Abort().
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "config/observe.h"
#include "exporter/alert/incident.h"

namespace tend::exporter {

struct Delivery {
  enum class Then : std::uint8_t { kDone, kRetry, kGiveUp };
  Then then = Then::kRetry;
  std::optional<std::chrono::nanoseconds> retry_after;
  std::string error;  // for people; "" after kDone. Never a secret
};

class Channel {
 public:
  Channel() = default;
  Channel(const Channel&) = delete;
  Channel& operator=(const Channel&) = delete;
  virtual ~Channel() = default;

  // May block for the receiver's timeout.
  virtual Delivery Tell(const Incident& incident) = 0;
  // A message that says that it is a test, and leaves nothing open.
  virtual Delivery Test() = 0;
  // What was told before us and lasts.
  virtual void Resume(std::vector<Incident> open) { (void)open; }
  // Says again what lasts, for services that would otherwise take it for over. Called every
  // kRefreshEvery.
  virtual Delivery Refresh() { return {Delivery::Then::kDone, {}, {}}; }
  // Ends what is under way, and all that comes later. Any thread.
  virtual void Abort() = 0;
};

inline constexpr auto kRefreshEvery = std::chrono::minutes(1);

std::unique_ptr<Channel> MakeChannel(const config::ReceiverConfig& config, const std::string& host);

}  // namespace tend::exporter
