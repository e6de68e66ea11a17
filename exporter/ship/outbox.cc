#include "exporter/ship/outbox.h"

#include <algorithm>
#include <utility>

#include "base/check.h"

namespace tend::exporter {

namespace {

// What an entry costs besides its text, so that empty lines do not make a request without end.
constexpr std::uint64_t kEntryBytes = 24;

std::uint64_t BytesOf(const ShipEntry& entry) {
  return entry.text.size() + kEntryBytes;
}

}  // namespace

Unsent OutboxPart::UnsentBefore(std::size_t n) const {
  if (n == entries.size()) return unsent;
  if (n == 0) return {};
  const std::uint64_t filtered = filtered_before[n - 1];
  return {.lost = unsent.lost, .filtered = filtered, .too_old = numbers[n - 1] - n - filtered};
}

void Outbox::Add(OutboxPart part) {
  TEND_CHECK(part.entries.size() == part.numbers.size());
  TEND_CHECK(part.entries.size() == part.filtered_before.size());
  entries_ += part.entries.size();
  lines_ += part.entries.size() + part.unsent.lines();
  for (const ShipEntry& entry : part.entries)
    bytes_ += BytesOf(entry);
  parts_.push_back({.part = std::move(part)});
}

std::span<const ShipBatch> Outbox::Front(std::uint64_t bytes_max) {
  TEND_CHECK(entries_ > 0);
  front_.clear();
  front_entries_ = 0;
  front_bytes_ = 0;
  for (const Held& held : parts_) {
    const std::span<const ShipEntry> rest = std::span(held.part.entries).subspan(held.done);
    std::size_t taken = 0;
    while (taken < rest.size()) {
      const std::uint64_t size = BytesOf(rest[taken]);
      if (front_entries_ > 0 && front_bytes_ + size > bytes_max) break;
      front_bytes_ += size;
      ++front_entries_;
      ++taken;
    }
    if (taken > 0) front_.push_back({held.part.name, rest.first(taken)});
    if (taken < rest.size()) break;
  }
  return front_;
}

void Outbox::Take(Held& held, std::size_t entries, const Tell& tell) {
  OutboxPart& part = held.part;
  const auto taken = std::span(std::as_const(part.entries)).subspan(held.done, entries);
  held.done += entries;
  const bool is_whole = held.done == part.entries.size();
  const Unsent before = part.UnsentBefore(held.done);
  const Unsent unsent{.lost = before.lost - held.told.lost,
                      .filtered = before.filtered - held.told.filtered,
                      .too_old = before.too_old - held.told.too_old};
  held.told = before;
  entries_ -= entries;
  lines_ -= entries + unsent.lines();
  for (const ShipEntry& entry : taken)
    bytes_ -= BytesOf(entry);
  const LogPosition position =
      is_whole ? part.end
               : LogPosition{part.end.sequence, taken.back().end,
                             part.begin.lines + part.numbers[held.done - 1], part.end.mark};
  tell({part.app, taken, position, unsent});
}

void Outbox::Finish(std::size_t entries, const Tell& tell) {
  front_.clear();
  while (!parts_.empty()) {
    Held& held = parts_.front();
    const std::size_t left = held.part.entries.size() - held.done;
    const std::size_t taken = std::min(entries, left);
    if (taken == 0 && left > 0) return;
    Take(held, taken, tell);
    entries -= taken;
    if (taken == left) parts_.pop_front();
  }
}

void Outbox::FinishApp(const std::string& app, const Tell& tell) {
  front_.clear();
  std::erase_if(parts_, [&](Held& held) {
    if (held.part.app != app) return false;
    Take(held, held.part.entries.size() - held.done, tell);
    return true;
  });
}

Wall Outbox::oldest() const {
  Wall oldest{};
  for (const Held& held : parts_) {
    if (held.done == held.part.entries.size()) continue;
    const Wall time = held.part.entries[held.done].time;
    if (oldest == Wall{} || time < oldest) oldest = time;
  }
  return oldest;
}

bool Outbox::Has(const std::string& app) const {
  return std::any_of(parts_.begin(), parts_.end(),
                     [&](const Held& held) { return held.part.app == app; });
}

}  // namespace tend::exporter
