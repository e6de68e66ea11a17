#include "exporter/alert/notifier.h"

#include <pthread.h>

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>

#include "exporter/alert/exec_channel.h"
#include "exporter/alert/http_channels.h"
#include "exporter/ship/peer.h"

namespace tend::exporter {
namespace {

using Then = Delivery::Then;
using std::chrono::nanoseconds;

constexpr std::size_t kTestsMax = 4;  // that wait for their turn

Instant Now() {
  return {std::chrono::steady_clock::now(), NowWall()};
}

config::PeerConfig PeerOf(const config::ReceiverConfig& config) {
  config::PeerConfig peer = config.peer;
  const bool has_url = !peer.url.empty() || !peer.url_file.empty();
  if (config.type == config::ReceiverType::kPagerDuty && !has_url) peer.url = kPagerDutyUrl;
  return peer;
}

std::string TargetOf(const config::ReceiverConfig& config) {
  // The rest of the line may hold what is nobody's business.
  if (config.type == config::ReceiverType::kExec)
    return config.exec.substr(0, config.exec.find_first_of(" \t\n"));
  const bool has_secret_path =
      config.type == config::ReceiverType::kSlack || config.type == config::ReceiverType::kWebhook;
  if (has_secret_path && config.peer.url_file.empty()) return DisplayOrigin(config.peer.url);
  return DisplayTarget(PeerOf(config));
}

}  // namespace

std::unique_ptr<Channel> MakeChannel(const config::ReceiverConfig& config,
                                     const std::string& host) {
  using enum config::ReceiverType;
  switch (config.type) {
    case kWebhook:
      return MakeWebhookChannel(config, host, PosterTo(PeerOf(config)));
    case kSlack:
      return MakeSlackChannel(host, PosterTo(PeerOf(config)));
    case kPagerDuty:
      return MakePagerDutyChannel(config, host, PosterTo(PeerOf(config)));
    case kExec:
      return MakeExecChannel(config.exec, config.peer.timeout, host);
    case kAlertmanager:
      return MakeAlertmanagerChannel(host, PosterTo(PeerOf(config)), NowWall);
  }
  return nullptr;
}

// Everything below the lock is shared by the owner and the thread; the channel is the thread's.
class Notifier::Receiver {
 public:
  Receiver(const config::ReceiverConfig& config,
           std::unique_ptr<Channel> channel,
           std::function<void()> on_changed)
      : channel_(std::move(channel)), on_changed_(std::move(on_changed)), queue_(config) {
    stats_.name = config.name;
    stats_.type = Name(config.type);
    stats_.target = TargetOf(config);
  }
  ~Receiver() { Join(); }

  const std::string& name() const { return stats_.name; }

  // `state` null: it is new.
  void Start(ReceiverState* state, const std::vector<Incident>& open) {
    if (state != nullptr) {
      std::vector<Incident> known;
      queue_.Load(std::move(*state));
      std::copy_if(open.begin(), open.end(), std::back_inserter(known),
                   [&](const Incident& incident) { return queue_.Fits(incident); });
      channel_->Resume(std::move(known));
    } else {
      for (const Incident& incident : open)
        queue_.Add(incident, NowWall());
    }
    thread_ = std::thread([this] { Run(); });
    ::pthread_setname_np(thread_.native_handle(), "tend-notify");
  }

  ReceiverState Save() const {
    const std::lock_guard lock(mutex_);
    return queue_.Save();
  }

  void Tell(const Incident& incident) {
    const std::lock_guard lock(mutex_);
    queue_.Add(incident, NowWall());
    wake_.notify_one();
  }

  Result<std::future<Result<>>> Test() {
    const std::lock_guard lock(mutex_);
    if (stopping_ || tests_.size() >= kTestsMax)
      return Error(Errc::kBusy, "others wait for a test of " + stats_.name + " already");
    std::future<Result<>> future = tests_.emplace_back().get_future();
    wake_.notify_one();
    return future;
  }

  ReceiverStats Stats() const {
    const std::lock_guard lock(mutex_);
    ReceiverStats stats = stats_;
    stats.queued = queue_.size();
    stats.dropped = queue_.dropped();
    stats.suppressed = queue_.suppressed();
    return stats;
  }

  // Nothing new is begun once what is due has been sent, or at `deadline`.
  void BeginStop() {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    wake_.notify_one();
  }

  void Finish(Mono deadline) {
    {
      std::unique_lock lock(mutex_);
      idle_.wait_until(lock, deadline, [this] { return ended_ || !thread_.joinable(); });
    }
    Join();
  }

 private:
  void Join() {
    if (!thread_.joinable()) return;
    {
      const std::lock_guard lock(mutex_);
      stopping_ = aborted_ = true;
      wake_.notify_one();
    }
    channel_->Abort();
    thread_.join();
  }

  void Run() {
    std::unique_lock lock(mutex_);
    refresh_at_ = std::chrono::steady_clock::now();
    while (!aborted_) {
      if (!tests_.empty()) {
        RunTest(lock);
      } else if (const Incident* due = queue_.Next(Now())) {
        Deliver(lock, Incident(*due));
      } else if (stopping_) {
        break;
      } else if (std::chrono::steady_clock::now() >= refresh_at_) {
        Refresh(lock);
      } else {
        const Instant now = Now();
        wake_.wait_until(lock, std::min(now.mono + queue_.pause(now), refresh_at_));
      }
    }
    for (std::promise<Result<>>& test : tests_)
      test.set_value(Error(Errc::kBusy, "tend-sidecar is about to end"));
    tests_.clear();
    ended_ = true;
    idle_.notify_all();
  }

  void Deliver(std::unique_lock<std::mutex>& lock, const Incident& incident) {
    lock.unlock();
    const Delivery delivery = channel_->Tell(incident);
    lock.lock();
    // It stays in the queue, for the one after us.
    if (aborted_ && delivery.then != Then::kDone) return;
    Note(delivery);
    if (!queue_.Done(delivery, Now())) return;
    ++(delivery.then == Then::kDone ? stats_.sent : stats_.failed);
    Changed(lock);
  }

  void RunTest(std::unique_lock<std::mutex>& lock) {
    std::promise<Result<>> test = std::move(tests_.front());
    tests_.pop_front();
    lock.unlock();
    const Delivery delivery = channel_->Test();
    lock.lock();
    Note(delivery);
    if (delivery.then == Then::kDone) return test.set_value({});
    test.set_value(Error(Errc::kUnreachable, delivery.error));
  }

  void Refresh(std::unique_lock<std::mutex>& lock) {
    lock.unlock();
    const Delivery delivery = channel_->Refresh();
    lock.lock();
    if (delivery.then != Then::kDone) Note(delivery);
    refresh_at_ = std::chrono::steady_clock::now() + kRefreshEvery;
  }

  void Note(const Delivery& delivery) {
    const Wall now = NowWall();
    if (delivery.then == Then::kDone) {
      stats_.last_success = now;
      return;
    }
    stats_.last_error = delivery.error;
    stats_.last_error_time = now;
  }

  void Changed(std::unique_lock<std::mutex>& lock) {
    if (!on_changed_) return;
    lock.unlock();
    on_changed_();
    lock.lock();
  }

  const std::unique_ptr<Channel> channel_;
  const std::function<void()> on_changed_;
  mutable std::mutex mutex_;
  std::condition_variable wake_, idle_;
  ReceiverQueue queue_;
  ReceiverStats stats_;
  std::deque<std::promise<Result<>>> tests_;
  bool stopping_ = false, aborted_ = false, ended_ = false;
  Mono refresh_at_{};
  std::thread thread_;
};

Notifier::Notifier(std::vector<config::ReceiverConfig> receivers,
                   std::string host,
                   std::function<void()> on_changed,
                   MakeChannelFn make_channel) {
  for (const config::ReceiverConfig& receiver : receivers) {
    receivers_.push_back(
        std::make_unique<Receiver>(receiver, make_channel(receiver, host), on_changed));
  }
}

Notifier::~Notifier() {
  Stop(nanoseconds(0));
}

void Notifier::Start(States states, const std::vector<Incident>& open) {
  for (const auto& receiver : receivers_) {
    const auto state = states.find(receiver->name());
    receiver->Start(state == states.end() ? nullptr : &state->second, open);
  }
}

Notifier::States Notifier::Save() const {
  States states;
  for (const auto& receiver : receivers_)
    states[receiver->name()] = receiver->Save();
  return states;
}

void Notifier::Tell(const Incident& incident) {
  for (const auto& receiver : receivers_)
    receiver->Tell(incident);
}

Result<std::future<Result<>>> Notifier::Test(const std::string& name) {
  for (const auto& receiver : receivers_) {
    if (receiver->name() == name) return receiver->Test();
  }
  return Error(Errc::kNotFound, "there is no receiver \"" + name + "\" in notify");
}

std::vector<ReceiverStats> Notifier::Stats() const {
  std::vector<ReceiverStats> stats;
  for (const auto& receiver : receivers_)
    stats.push_back(receiver->Stats());
  return stats;
}

void Notifier::Stop(nanoseconds time_max) {
  const Mono deadline = std::chrono::steady_clock::now() + time_max;
  for (const auto& receiver : receivers_)
    receiver->BeginStop();
  for (const auto& receiver : receivers_)
    receiver->Finish(deadline);
}

}  // namespace tend::exporter
