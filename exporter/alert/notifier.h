// Tells incidents to receivers: webhook, Slack, PagerDuty, a command, Alertmanager. Each receiver
// has a thread and a bounded queue of its own (receiver_queue.h), so that a slow one holds up
// nobody else.
//
// Owner: the sidecar's loop, which calls everything here; none of it blocks but Stop().
// REQUIRES: SIGPIPE is ignored.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <future>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "config/observe.h"
#include "exporter/alert/channel.h"
#include "exporter/alert/incident.h"
#include "exporter/alert/receiver_queue.h"

namespace tend::exporter {

struct ReceiverStats {
  std::string name, type, target;
  // dropped: the queue was full; failed: refused, or not taken for kTryFor; suppressed: by the
  // cool-down, and told as a number with the next one.
  std::uint64_t sent = 0, failed = 0, dropped = 0, suppressed = 0, queued = 0;
  std::string last_error;
  Wall last_success{}, last_error_time{};
};

inline constexpr auto kTestMax = std::chrono::seconds(30);

class Notifier {
 public:
  using MakeChannelFn =
      std::function<std::unique_ptr<Channel>(const config::ReceiverConfig&, const std::string&)>;
  using States = std::map<std::string, ReceiverState>;  // by the receiver's name

  // `on_changed`: what Save() returns is another now; called on any thread.
  Notifier(std::vector<config::ReceiverConfig> receivers,
           std::string host,
           std::function<void()> on_changed = {},
           MakeChannelFn make_channel = MakeChannel);
  ~Notifier();  // Stops, and waits for nothing.
  Notifier(const Notifier&) = delete;
  Notifier& operator=(const Notifier&) = delete;

  // What the one before us kept: what is not acknowledged is sent, and what lasts (`open`) is known
  // to have been told. A receiver that is not among `states` is told what lasts. Then the threads
  // run.
  void Start(States states, const std::vector<Incident>& open);
  States Save() const;

  // To every receiver whose `events` and `apps` it fits; cool-downs are kept here.
  void Tell(const Incident& incident);
  // Sends a test message now, once. Errc::kNotFound: no such receiver. Any thread; the future is
  // ready when it is known what has become of it.
  Result<std::future<Result<>>> Test(const std::string& receiver);
  std::vector<ReceiverStats> Stats() const;  // any thread
  // Waits at most so long for what is due now.
  void Stop(std::chrono::nanoseconds time_max);

 private:
  class Receiver;
  std::vector<std::unique_ptr<Receiver>> receivers_;
};

}  // namespace tend::exporter
