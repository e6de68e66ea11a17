// Tells incidents to receivers: webhook, Slack, PagerDuty, a command, Alertmanager. A thread of its
// own; a bounded queue per receiver, what does not fit is counted; tries again with back-off for up
// to an hour, in order.
//
// Owner: the sidecar's loop, which calls everything here; none of it blocks but Stop() and Test().
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "config/observe.h"
#include "exporter/alert/incident.h"

namespace tend::exporter {

struct ReceiverStats {
  std::string name, type, target;
  std::uint64_t sent = 0, failed = 0, dropped = 0, queued = 0;
  std::string last_error;
  Wall last_success{}, last_error_time{};
};

class Notifier {
 public:
  explicit Notifier(std::vector<config::ReceiverConfig> receivers, std::string host);
  ~Notifier();
  Notifier(const Notifier&) = delete;
  Notifier& operator=(const Notifier&) = delete;

  // To every receiver whose `events` and `apps` it fits; cool-downs are kept here.
  void Tell(const Incident& incident);
  // Sends a test message now and waits for what becomes of it. Errc::kNotFound: no such receiver.
  // Any thread.
  Result<> Test(const std::string& receiver);
  std::vector<ReceiverStats> Stats() const;
  // Waits at most so long for what is queued.
  void Stop(std::chrono::nanoseconds time_max);

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace tend::exporter
