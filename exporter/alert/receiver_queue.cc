#include "exporter/alert/receiver_queue.h"

#include <algorithm>
#include <string_view>
#include <utility>

#include "exporter/ship/app_globs.h"

namespace tend::exporter {
namespace {

using std::chrono::nanoseconds;

// With what no name of an app has in between.
std::string ThingOf(const Incident& incident) {
  std::string thing(Name(incident.kind));
  thing += '\n' + incident.app + '\n' + std::to_string(incident.slot) + '\n' + incident.subject;
  return thing;
}

}  // namespace

void ReceiverQueue::Load(ReceiverState state) {
  for (Incident& incident : state.pending)
    Push(std::move(incident));
  cool_downs_ = std::move(state.cool_downs);
}

ReceiverState ReceiverQueue::Save() const {
  return {{pending_.begin(), pending_.end()}, cool_downs_};
}

bool ReceiverQueue::Fits(const Incident& incident) const {
  const auto wants = [&](IncidentKind kind) {
    return std::find(config_.events.begin(), config_.events.end(), Name(kind)) !=
           config_.events.end();
  };
  const bool is_end_of_told =
      incident.phase() == Phase::kResolved && incident.before && wants(*incident.before);
  if (!config_.events.empty() && !wants(incident.kind) && !is_end_of_told) return false;
  if (config_.apps.empty()) return true;
  return !incident.app.empty() && IsMeant(config_.apps, incident.app);
}

bool ReceiverQueue::IsCool(const CoolDown& cool_down, Wall now) const {
  // A clock that was set back must not hold messages back until it is as late again.
  return now >= cool_down.told + config_.cooldown || now < cool_down.told;
}

void ReceiverQueue::Add(const Incident& incident, Wall now) {
  if (!Fits(incident)) return;
  if (incident.phase() == Phase::kResolved) {
    for (auto& [thing, cool_down] : cool_downs_) {
      if (!cool_down.deferred || cool_down.deferred->id != incident.id) continue;
      const bool was_told = cool_down.deferred->before.has_value();
      cool_down.deferred.reset();
      ++cool_down.suppressed;
      ++suppressed_;
      if (!was_told) return;
    }
    if (config_.resolved) Push(incident);
    return;
  }
  const std::string thing = ThingOf(incident);
  for (auto& [other, held] : cool_downs_) {
    // What it was before it grew worse is not news any more.
    if (other != thing && held.deferred && held.deferred->id == incident.id) held.deferred.reset();
  }
  CoolDown& cool_down = cool_downs_[thing];
  if (cool_down.told != Wall{} && !IsCool(cool_down, now)) {
    if (cool_down.deferred) {
      ++cool_down.suppressed;
      ++suppressed_;
    }
    cool_down.deferred = incident;
    return;
  }
  Incident message = incident;
  message.suppressed = std::exchange(cool_down.suppressed, 0);
  cool_down.told = now;
  cool_down.deferred.reset();
  Push(std::move(message));
}

void ReceiverQueue::Push(Incident incident) {
  if (pending_.size() >= kQueueMax) {
    ++dropped_;
    return;
  }
  pending_.push_back(std::move(incident));
}

void ReceiverQueue::TellDeferred(Wall now) {
  for (auto& [thing, cool_down] : cool_downs_) {
    if (!cool_down.deferred || !IsCool(cool_down, now)) continue;
    Incident message = *std::exchange(cool_down.deferred, std::nullopt);
    message.suppressed = std::exchange(cool_down.suppressed, 0);
    cool_down.told = now;
    Push(std::move(message));
  }
  const auto remembered = std::max<nanoseconds>(config_.cooldown, kRememberFor);
  std::erase_if(cool_downs_, [&](const auto& entry) {
    return !entry.second.deferred && now >= entry.second.told + remembered;
  });
}

const Incident* ReceiverQueue::Next(Instant now) {
  TellDeferred(now.wall);
  if (pending_.empty() || (retry_at_ && now.mono < *retry_at_)) return nullptr;
  if (!first_try_) first_try_ = now.mono;
  return &pending_.front();
}

bool ReceiverQueue::Done(const Delivery& delivery, Instant now) {
  const bool is_late = first_try_ && now.mono - *first_try_ >= kTryFor;
  if (delivery.then != Delivery::Then::kRetry || is_late) {
    pending_.pop_front();
    first_try_.reset();
    retry_at_.reset();
    retry_.Succeed();
    return true;
  }
  retry_at_ = now.mono + retry_.Fail(delivery.retry_after);
  return false;
}

nanoseconds ReceiverQueue::pause(Instant now) const {
  nanoseconds least = kRememberFor;
  if (!pending_.empty()) least = retry_at_ ? *retry_at_ - now.mono : nanoseconds(0);
  for (const auto& entry : cool_downs_) {
    if (!entry.second.deferred) continue;
    least = std::min<nanoseconds>(least, entry.second.told + config_.cooldown - now.wall);
  }
  return std::max(least, nanoseconds(0));
}

}  // namespace tend::exporter
