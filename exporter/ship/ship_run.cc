#include "exporter/ship/ship_run.h"

#include <algorithm>
#include <utility>

#include "base/log.h"
#include "exporter/ship/app_globs.h"
#include "exporter/ship/peer.h"

namespace tend::exporter {
namespace {

using namespace std::chrono_literals;

constexpr std::uint64_t kReadBytes = 128 << 10;  // of an app, before it is the next one's turn
constexpr std::uint64_t kReadBytesMin = 4 << 10;
constexpr int kReadsMax = 64;                    // with more behind them, until a step ends
constexpr std::uint64_t kIdleLinesMax = 20'000;  // that are held, but not to be sent
constexpr auto kOften = 1s;                      // between two looks at what nobody tells us
constexpr auto kSaveEvery = 250ms;
constexpr auto kForgetAfter = 60s;  // an app that has no log any more
constexpr auto kTellEvery = 60s;    // of the same trouble
constexpr RetryDelay::Limits kRetry = {
    .first = 500ms, .longest = 5min, .least = 100ms, .asked_max = 1h};
// Where somebody's help is waited for, who will look whether it helped.
constexpr auto kHelpAfter = 30s;
constexpr int kGoodToGrow = 8;      // requests, until the next may be larger again
constexpr int kLimitedToHalve = 3;  // answers of "too much", until the next is smaller
constexpr int kDropsMax = 64;       // reads in a row only to drop what they give
// A clock that was set back so far was wrong before: no reason to send wrong times for ever.
constexpr auto kClockSetBack = 5min;
constexpr auto kCountTime = 200ms;  // at a time; what is left is counted the next time
// A receiver that takes no line of this size gets it in pieces, a nanosecond apart.
constexpr std::uint64_t kPieceBytes = 250'000;

std::size_t Index(Stream stream) {
  return stream == Stream::kStdout ? 0 : 1;
}

Wall LastOf(const ShipEntry& entry) {
  return entry.time + std::chrono::nanoseconds(entry.text.size() / kPieceBytes);
}

void Subtract(std::uint64_t& from, std::uint64_t what) {
  from -= std::min(from, what);
}

}  // namespace

ShipRun::ShipRun(Files& files, Options options, LogSource& source, LogSink& sink)
    : files_(files),
      options_(std::move(options)),
      source_(source),
      sink_(sink),
      target_(DisplayTarget(options_.config.peer)),
      bytes_limit_(options_.config.batch_bytes),
      retry_(kRetry, options_.draw) {
  now_ = options_.mono();
  Load();  // a counter that began at 0 would look like one that went back
  UpdateStats();
}

bool ShipRun::Load() {
  if (loaded_ || options_.state_file.empty()) return loaded_ = true;
  auto state = LoadShipState(files_, options_.state_file);
  if (!state) {
    Tell("state of exporter cannot be read: " + state.error().message());
    return false;
  }
  kept_ = *std::move(state);
  for (const auto& [name, progress] : kept_.apps) {
    if (!Wants(name)) continue;
    App& app = apps_[name] = ResumedAt(progress);
    app.seen = now_ - 1ns;  // not in a list yet
  }
  loaded_ = true;
  return true;
}

ShipRun::App ShipRun::ResumedAt(const AppProgress& progress) {
  App app;
  app.done = progress;
  app.read = progress.position;
  app.last = progress.last;
  return app;
}

bool ShipRun::Wants(const std::string& app) const {
  const std::vector<std::string>& globs = options_.config.apps;
  return globs.empty() || IsMeant(globs, source_.NameOf(app));
}

void ShipRun::FindApps() {
  if (now_ < found_at_ + kOften) return;
  found_at_ = now_;
  const auto names = source_.Apps();
  if (!names) {
    for (auto& [name, app] : apps_)
      app.seen = now_;
    return;
  }
  for (const std::string& name : *names) {
    if (!Wants(name)) {
      LeaveOut(name);
      continue;
    }
    const auto [at, is_new] = apps_.try_emplace(name);
    // Its log may have been out of reach when the state was loaded, and with it its name.
    const auto kept = kept_.apps.find(name);
    if (is_new && kept != kept_.apps.end()) at->second = ResumedAt(kept->second);
    at->second.seen = now_;
    if (!is_new || kept != kept_.apps.end()) continue;
    const auto begin = source_.Begin(name);
    if (!begin) {
      Tell("log of " + name + ": " + begin.error().message());
      apps_.erase(at);
      continue;
    }
    at->second.done.position = at->second.read = *begin;
  }
  Forget();
}

// It is called otherwise now: its real name was not known before. Nothing of it is lost, and it
// goes on where it was should it be meant again.
void ShipRun::LeaveOut(const std::string& name) {
  const auto at = apps_.find(name);
  if (at == apps_.end()) return;
  at->second.seen = now_ - 1ns;
  if (outbox_.Has(name)) return;
  kept_.apps[name] = at->second.done;
  is_dirty_ = true;
  apps_.erase(at);
}

// What is in no list any more.
void ShipRun::Forget() {
  for (auto at = apps_.begin(); at != apps_.end();) {
    if (now_ < at->second.seen + kForgetAfter || outbox_.Has(at->first)) {
      ++at;
      continue;
    }
    kept_.counters.dropped[static_cast<std::size_t>(ExportDrop::kQueueFull)] +=
        at->second.behind.entries;
    kept_.apps.erase(at->first);
    is_dirty_ = true;
    at = apps_.erase(at);
  }
}

// What is not to be sent is counted when the part is dealt with, so that after a crash it is not
// counted twice.
OutboxPart ShipRun::Sort(const std::string& name, App& app, LogChunk chunk) const {
  const config::ExporterConfig& config = options_.config;
  const Wall too_old = config.max_age.count() > 0 ? options_.wall() - config.max_age : Wall::min();
  OutboxPart part;
  part.app = name;
  part.name = source_.NameOf(name);
  part.begin = chunk.begin;
  part.end = chunk.end;
  part.unsent.lost = chunk.lost_entries;
  part.entries = std::move(chunk.entries);
  part.numbers.reserve(part.entries.size());
  part.filtered_before.reserve(part.entries.size());
  std::size_t kept = 0;
  for (std::size_t i = 0; i < part.entries.size(); ++i) {
    ShipEntry& entry = part.entries[i];
    if (!(entry.stream == Stream::kStdout ? config.out : config.err)) {
      ++part.unsent.filtered;
      continue;
    }
    if (entry.time < too_old) {
      ++part.unsent.too_old;
      continue;
    }
    Wall& last = app.last[Index(entry.stream)];
    if (last > entry.time + kClockSetBack) last = {};
    entry.time = std::max(entry.time, last + 1ns);
    last = LastOf(entry);
    part.numbers.push_back(static_cast<std::uint32_t>(i + 1));
    part.filtered_before.push_back(static_cast<std::uint32_t>(part.unsent.filtered));
    if (kept != i) part.entries[kept] = std::move(entry);
    ++kept;
  }
  const bool is_sparse = kept < part.entries.size() / 2;
  part.entries.resize(kept);
  if (is_sparse) {
    part.entries.shrink_to_fit();
    part.numbers.shrink_to_fit();
    part.filtered_before.shrink_to_fit();
  }
  return part;
}

// False: nothing more is there now.
bool ShipRun::ReadSome(const std::string& name, App& app) {
  const std::uint64_t bytes_max = options_.config.batch_bytes;
  const std::uint64_t room = bytes_max - std::min(outbox_.bytes(), bytes_max - 1);
  auto chunk = source_.Read(name, app.read, std::clamp(room, kReadBytesMin, kReadBytes));
  if (!chunk) {
    Tell("log of " + name + ": " + chunk.error().message());
    app.at_end = app.is_stuck = true;
    return false;
  }
  const std::uint64_t lines = chunk->entries.size() + chunk->lost_entries;
  app.is_stuck = lines == 0 && !chunk->at_end && chunk->end == app.read;
  if (app.is_stuck) Tell("log of " + name + ": a file cannot be opened");
  const std::uint64_t bytes =
      chunk->lost_bytes + (chunk->end.offset - std::min(chunk->begin.offset, chunk->end.offset));
  app.at_end = chunk->at_end || app.is_stuck;
  app.read = chunk->end;
  if (lines == 0) {
    if (chunk->at_end) app.behind = {};
    if (!outbox_.Has(name) && app.done.position != app.read) {
      app.done.position = app.read;
      is_dirty_ = true;
    }
    return !app.at_end;
  }
  Subtract(app.behind.entries, lines);
  Subtract(app.behind.bytes, bytes);
  if (app.at_end) app.behind = {};
  outbox_.Add(Sort(name, app, *std::move(chunk)));
  return !app.at_end;
}

// Of entries, or of lines that are none: their positions wait for the entries before them.
bool ShipRun::IsFull(std::uint64_t bytes_max) const {
  return outbox_.bytes() >= bytes_max || outbox_.lines() - outbox_.entries() >= kIdleLinesMax;
}

void ShipRun::Collect() {
  const bool was_empty = outbox_.entries() == 0;
  std::vector<std::map<std::string, App>::iterator> turns;
  for (auto at = apps_.begin(); at != apps_.end(); ++at) {
    if (at->second.seen == found_at_) turns.push_back(at);
  }
  const auto first =
      std::find_if(turns.begin(), turns.end(), [&](const auto& at) { return at->first > turn_; });
  std::rotate(turns.begin(), first, turns.end());
  int reads = 0;
  while (!turns.empty() && reads < kReadsMax && !IsFull(options_.config.batch_bytes)) {
    const auto at = turns.front();
    turns.erase(turns.begin());
    turn_ = at->first;
    if (!ReadSome(at->first, at->second)) continue;
    turns.push_back(at);
    ++reads;
  }
  if (outbox_.entries() == 0) {
    outbox_.Finish(0, [&](const Outbox::Progress& progress) { Advance(progress); });
  } else if (was_empty) {
    filling_since_ = now_;
  }
}

bool ShipRun::HasMore() const {
  return std::any_of(apps_.begin(), apps_.end(), [&](const auto& app) {
    return app.second.seen == found_at_ && !app.second.at_end;
  });
}

void ShipRun::Count() {
  if (now_ < counted_at_ + kOften) return;
  counted_at_ = now_;
  for (std::size_t i = 0; i < apps_.size(); ++i) {
    auto at = apps_.upper_bound(count_turn_);
    if (at == apps_.end()) at = apps_.begin();
    count_turn_ = at->first;
    App& app = at->second;
    // What has come since the end was read is read soon, unless we wait.
    if ((app.at_end && !app.is_stuck && now_ >= retry_at_) || app.seen != found_at_) continue;
    const auto behind = source_.Backlog(at->first, app.read);
    if (behind) app.behind = *behind;
    DropBehind(at->first, app);
    if (options_.mono() > now_ + kCountTime) return;
  }
}

// The oldest go first: those that are on their way.
void ShipRun::DropBehind(const std::string& name, App& app) {
  const std::uint64_t behind_max = options_.config.max_behind;
  constexpr auto kReason = static_cast<std::size_t>(ExportDrop::kQueueFull);
  for (int i = 0; behind_max > 0 && app.behind.bytes > behind_max && i < kDropsMax; ++i) {
    outbox_.FinishApp(name, [&](const Outbox::Progress& progress) {
      kept_.counters.dropped[kReason] += progress.entries.size();
      Advance(progress);
    });
    const std::uint64_t excess = app.behind.bytes - behind_max;
    const auto chunk =
        source_.Read(name, app.read, std::min<std::uint64_t>(excess, options_.config.batch_bytes));
    if (!chunk) return;
    const std::uint64_t lines = chunk->entries.size() + chunk->lost_entries;
    kept_.counters.dropped[kReason] += lines;
    app.read = app.done.position = chunk->end;
    app.last = app.done.last;
    is_dirty_ = true;
    Subtract(app.behind.entries, lines);
    Subtract(app.behind.bytes, chunk->lost_bytes + chunk->end.offset -
                                   std::min(chunk->begin.offset, chunk->end.offset));
    app.behind.oldest = {};
    if (chunk->at_end) {
      app.behind = {};
      return;
    }
  }
}

void ShipRun::Advance(const Outbox::Progress& progress) {
  const auto at = apps_.find(progress.app);
  if (at != apps_.end()) {
    AppProgress& done = at->second.done;
    done.position = progress.position;
    for (const ShipEntry& entry : progress.entries)
      done.last[Index(entry.stream)] = LastOf(entry);
  }
  auto& dropped = kept_.counters.dropped;
  kept_.counters.filtered_entries += progress.unsent.filtered;
  dropped[static_cast<std::size_t>(ExportDrop::kQueueFull)] += progress.unsent.lost;
  dropped[static_cast<std::size_t>(ExportDrop::kTooOld)] += progress.unsent.too_old;
  is_dirty_ = true;
}

void ShipRun::Deliver(std::size_t entries, std::size_t lost, ExportDrop reason) {
  kept_.counters.sent_entries += entries - lost;
  kept_.counters.dropped[static_cast<std::size_t>(reason)] += lost;
  outbox_.Finish(entries, [&](const Outbox::Progress& progress) { Advance(progress); });
  filling_since_ = now_;
  is_repeat_ = false;
}

void ShipRun::Halve() {
  bytes_limit_ = std::max<std::uint64_t>(1, outbox_.front_bytes() / 2);
  good_in_row_ = limited_in_row_ = 0;
}

void ShipRun::Wait(const SendOutcome& outcome) {
  needs_help_ = outcome.needs_help;
  retry_at_ = now_ + (needs_help_ ? retry_.Fail(outcome.retry_after, kHelpAfter)
                                  : retry_.Fail(outcome.retry_after));
}

void ShipRun::Settle(const SendOutcome& outcome, std::size_t entries) {
  const std::size_t lost = std::min(outcome.rejected, entries);
  const bool is_over =
      outcome.then == SendOutcome::Then::kDone || outcome.then == SendOutcome::Then::kGiveUp;
  const std::size_t taken = is_over ? 0 : std::min(outcome.taken, entries);
  if (taken > 0) Deliver(taken, 0, ExportDrop::kRejected);
  entries -= taken;
  is_repeat_ = entries > 0;
  if (taken > 0 && outcome.then == SendOutcome::Then::kSplit) return;
  switch (outcome.then) {
    case SendOutcome::Then::kDone:
    case SendOutcome::Then::kGiveUp:
      if (retry_.is_failing() && std::exchange(has_told_, false)) {
        LogInfo("exporter " + options_.config.name + ": goes on");
      }
      retry_.Succeed();
      limited_in_row_ = 0;
      needs_help_ = false;
      if (outcome.then == SendOutcome::Then::kDone) {
        kept_.counters.last_success = options_.wall();
        if (lost == 0) stats_.last_error.clear();
        if (++good_in_row_ % kGoodToGrow == 0) {
          bytes_limit_ = std::min(2 * bytes_limit_, options_.config.batch_bytes);
        }
      }
      Deliver(entries, lost, ExportDrop::kRejected);
      return;
    case SendOutcome::Then::kSplit:
      if (entries > 1) {
        Halve();
      } else if (outcome.result == SendResult::kBadRequest) {
        Deliver(1, 1, ExportDrop::kTooLarge);
      } else {
        Wait(outcome);
      }
      return;
    case SendOutcome::Then::kRetry:
      if (outcome.result == SendResult::kRateLimited && ++limited_in_row_ >= kLimitedToHalve) {
        Halve();
      }
      Wait(outcome);
      return;
  }
}

void ShipRun::Send() {
  const auto front = outbox_.Front(bytes_limit_);
  const std::size_t entries = outbox_.front_entries();
  if (is_repeat_) ++kept_.counters.retries;
  UpdateStats();
  options_.on_request(stats_);
  const SendOutcome outcome = sink_.Send(front);
  const Mono end = options_.mono();
  const double seconds = std::chrono::duration<double>(end - now_).count();
  now_ = end;
  ExportStats& counters = kept_.counters;
  ++counters.requests[static_cast<std::size_t>(outcome.result)];
  counters.sent_bytes += outcome.sent_bytes;
  counters.request_seconds_sum += seconds;
  for (std::size_t i = 0; i < counters.request_seconds.size(); ++i) {
    if (i == kRequestBounds.size() || seconds <= kRequestBounds[i]) ++counters.request_seconds[i];
  }
  Settle(outcome, entries);
  if (!outcome.error.empty()) Tell(outcome.error);
}

// For people. Not each time that the same goes wrong again.
void ShipRun::Tell(std::string what) {
  const Wall wall = options_.wall();
  stats_.last_error = std::move(what);
  stats_.last_error_time = wall;
  if (wall < told_at_ + kTellEvery && wall >= told_at_) return;
  told_at_ = wall;
  has_told_ = true;
  LogWarning("exporter " + options_.config.name + ": " + stats_.last_error);
}

void ShipRun::UpdateStats() {
  ExportStats next = kept_.counters;
  next.name = options_.config.name;
  next.type = std::string(config::Name(options_.config.type));
  next.target = target_;
  next.last_error = std::move(stats_.last_error);
  next.last_error_time = stats_.last_error_time;
  next.queue_entries = outbox_.lines();
  next.queue_bytes = outbox_.bytes();
  Wall oldest = outbox_.oldest();
  for (const auto& [name, app] : apps_) {
    next.queue_entries += app.behind.entries;
    next.queue_bytes += app.behind.bytes;
    if (app.behind.entries == 0 || app.behind.oldest == Wall{}) continue;
    if (oldest == Wall{} || app.behind.oldest < oldest) oldest = app.behind.oldest;
  }
  next.queue_capacity_bytes = options_.config.max_behind * apps_.size();
  if (oldest != Wall{}) {
    const std::chrono::duration<double> age = options_.wall() - oldest;
    next.lag_seconds = std::max(0.0, age.count());
  }
  next.state = needs_help_ ? "failing" : retry_.is_failing() ? "waiting" : "ok";
  if (retry_at_ > now_) {
    next.retry_in_seconds = std::chrono::duration<double>(retry_at_ - now_).count();
  }
  stats_ = std::move(next);
}

void ShipRun::Save() {
  if (!is_dirty_ || options_.state_file.empty()) return;
  saved_at_ = now_;
  for (const auto& [name, app] : apps_)
    kept_.apps[name] = app.done;
  const auto saved = SaveShipState(files_, options_.state_file, kept_);
  is_dirty_ = !saved;
  if (!saved) Tell("state of exporter cannot be kept: " + saved.error().message());
}

Mono ShipRun::WhenNext() const {
  if (retry_at_ > now_) return std::min<Mono>(retry_at_, now_ + kOften);
  const config::Duration wait = options_.config.batch_wait;
  if (outbox_.entries() > 0) {
    if (IsFull(bytes_limit_) || HasMore() || is_repeat_) return now_;
    const config::Duration look = std::clamp<config::Duration>(wait / 8, 20ms, 250ms);
    return std::min<Mono>(filling_since_ + wait, now_ + look);
  }
  if (HasMore()) return now_ + 20ms;
  return is_dirty_ ? std::min<Mono>(now_ + kOften, saved_at_ + kSaveEvery) : now_ + kOften;
}

Mono ShipRun::Step() {
  now_ = options_.mono();
  if (!Load()) return now_ + 10s;
  FindApps();
  if (now_ >= retry_at_) {
    Collect();
    const bool is_due =
        IsFull(bytes_limit_) || is_repeat_ || now_ >= filling_since_ + options_.config.batch_wait;
    if (outbox_.entries() > 0 && is_due) Send();
  }
  Count();
  if (now_ >= saved_at_ + kSaveEvery) Save();
  UpdateStats();
  return WhenNext();
}

bool ShipRun::Flush() {
  now_ = options_.mono();
  if (!loaded_ || now_ < retry_at_) return false;
  Collect();
  const bool has_some = outbox_.entries() > 0;
  if (has_some) Send();
  UpdateStats();
  return (has_some || HasMore()) && !retry_.is_failing();
}

}  // namespace tend::exporter
