#include "exporter/process_totals.h"

#include <algorithm>
#include <chrono>
#include <limits>

namespace tend::exporter {
namespace {

constexpr std::size_t Index(Used used) {
  return static_cast<std::size_t>(used);
}

}  // namespace

std::string_view Name(Used used) {
  constexpr auto kNames = std::to_array<std::string_view>(
      {"user_seconds", "system_seconds", "wait_seconds", "voluntary_switches",
       "involuntary_switches", "minor_faults", "major_faults", "read_bytes", "written_bytes"});
  static_assert(kNames.size() == kUsedCount);
  return kNames[Index(used)];
}

ProcessTotals::Life* ProcessTotals::Find(std::uint64_t incarnation) {
  const auto life = std::find_if(lives_.begin(), lives_.end(), [&](const Life& known) {
    return known.incarnation == incarnation;
  });
  return life == lives_.end() ? nullptr : &*life;
}

void ProcessTotals::Fold(std::size_t index) {
  for (std::size_t i = 0; i < kUsedCount; ++i)
    ended_[i] += lives_[index].used[i];
  lives_.erase(lives_.begin() + static_cast<std::ptrdiff_t>(index));
}

void ProcessTotals::Begin(std::uint64_t incarnation, int pid) {
  if (Find(incarnation) != nullptr) return;
  if (incarnation <= newest_ && !resumed_) return;  // It has ended.
  Life life;
  life.incarnation = incarnation;
  life.pid = pid;
  if (resumed_ && incarnation >= resumed_->newest) {
    // The same process as before, or the one that was has ended since.
    if (incarnation == resumed_->newest) {
      life.used = resumed_->living;
    } else {
      for (std::size_t i = 0; i < kUsedCount; ++i)
        ended_[i] += resumed_->living[i];
    }
    resumed_.reset();
  }
  life.is_counted = incarnation < newest_;
  const auto place = std::find_if(lives_.begin(), lives_.end(), [&](const Life& known) {
    return known.incarnation > incarnation;
  });
  lives_.insert(place, life);
  newest_ = std::max(newest_, incarnation);
  if (lives_.size() > kLivesMax) Fold(0);
}

void ProcessTotals::Raise(Life& life, Used used, double value) {
  double& known = life.used[Index(used)];
  std::optional<double>& base = life.bases[Index(used)];
  if (!base) base = life.is_counted ? value : 0;
  known = std::max(known, value - *base);
  seen_ |= std::uint64_t{1} << Index(used);
}

void ProcessTotals::Add(std::uint64_t incarnation, const ProcSample& sample, Mono now) {
  Life* life = Find(incarnation);
  if (life == nullptr) return;
  if (life->start_ticks == 0) life->start_ticks = sample.start_ticks;
  if (sample.start_ticks != life->start_ticks) return;
  Raise(*life, Used::kUserSeconds, sample.user_seconds);
  Raise(*life, Used::kSystemSeconds, sample.system_seconds);
  Raise(*life, Used::kMinorFaults, static_cast<double>(sample.minor_faults));
  Raise(*life, Used::kMajorFaults, static_cast<double>(sample.major_faults));
  const double cpu = sample.user_seconds + sample.system_seconds;
  if (life->sampled && now > *life->sampled) {
    const double seconds = std::chrono::duration<double>(now - *life->sampled).count();
    life->ratio = std::max(0.0, (cpu - life->cpu_sampled) / seconds);
  }
  life->sampled = now;
  life->cpu_sampled = cpu;
}

void ProcessTotals::Add(std::uint64_t incarnation, const ProcDetail& detail) {
  Life* life = Find(incarnation);
  if (life == nullptr || detail.start_ticks != life->start_ticks) return;
  const auto raise = [&](Used used, const auto& value) {
    if (value) Raise(*life, used, static_cast<double>(*value));
  };
  raise(Used::kWaitSeconds, detail.cpu_wait_seconds);
  raise(Used::kVoluntarySwitches, detail.voluntary_switches);
  raise(Used::kInvoluntarySwitches, detail.involuntary_switches);
  raise(Used::kReadBytes, detail.read_bytes);
  raise(Used::kWrittenBytes, detail.written_bytes);
}

void ProcessTotals::RaiseAtMost(Life& life, Used used, double value, double room) {
  const double known = life.bases[Index(used)].value_or(0) + life.used[Index(used)];
  Raise(life, used, std::min(value, known + room));
}

void ProcessTotals::End(
    int pid, double user_seconds, double system_seconds, Mono now, double cpus) {
  for (std::size_t i = 0; i < lives_.size(); ++i) {
    Life& life = lives_[i];
    if (life.pid != pid) continue;
    // A life too short for a sample can have used all of that; one that was taken up from a former
    // process of ours, and ended at once, had its last sample there.
    const bool is_new =
        life.used[Index(Used::kUserSeconds)] == 0 && life.used[Index(Used::kSystemSeconds)] == 0;
    double room = is_new ? std::numeric_limits<double>::infinity() : 0;
    if (life.sampled) room = std::chrono::duration<double>(now - *life.sampled).count() * cpus;
    RaiseAtMost(life, Used::kUserSeconds, user_seconds, room);
    RaiseAtMost(life, Used::kSystemSeconds, system_seconds, room);
    return Fold(i);
  }
}

std::optional<double> ProcessTotals::Total(Used used) const {
  if ((seen_ >> Index(used) & 1) == 0) return std::nullopt;
  double total = ended_[Index(used)];
  if (resumed_) total += resumed_->living[Index(used)];
  for (const Life& life : lives_)
    total += life.used[Index(used)];
  return total;
}

std::optional<double> ProcessTotals::CpuRatio(std::uint64_t incarnation) const {
  const auto life = std::find_if(lives_.begin(), lives_.end(), [&](const Life& known) {
    return known.incarnation == incarnation;
  });
  return life == lives_.end() ? std::nullopt : life->ratio;
}

void ProcessTotals::Resume(const Kept& kept) {
  ended_ = kept.ended;
  seen_ = kept.seen;
  newest_ = kept.newest;
  resumed_ = kept;
}

ProcessTotals::Kept ProcessTotals::Keep() const {
  Kept kept = resumed_.value_or(Kept{newest_, {}, {}, 0});
  kept.ended = ended_;
  kept.seen = seen_;
  for (const Life& life : lives_) {
    // Only one that is known from its beginning can be taken up by its number.
    const bool is_newest = !resumed_ && !life.is_counted && &life == &lives_.back();
    if (is_newest) kept.newest = life.incarnation;
    for (std::size_t i = 0; i < kUsedCount; ++i)
      (is_newest ? kept.living : kept.ended)[i] += life.used[i];
  }
  return kept;
}

}  // namespace tend::exporter
