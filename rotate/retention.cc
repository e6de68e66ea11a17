#include "rotate/retention.h"

#include <algorithm>

namespace tend::rotate {
namespace {

constexpr std::uint64_t kSegmentSizeMin = 4 << 10;

bool IsOlder(const Candidate& a, const Candidate& b) {
  if (a.segment.sealed != b.segment.sealed) return a.segment.sealed < b.segment.sealed;
  return a.segment.sequence < b.segment.sequence;
}

}  // namespace

std::string_view ExpireReasonName(ExpireReason reason) {
  switch (reason) {
    case ExpireReason::kAge:
      return "age";
    case ExpireReason::kCount:
      return "count";
    case ExpireReason::kBytes:
      return "bytes";
    case ExpireReason::kDiskLow:
      return "disk_low";
  }
  return "";
}

std::vector<Expired> ExpireByLimits(const std::string& app,
                                    std::size_t file,
                                    std::span<const Segment> sealed,
                                    config::Duration max_age,
                                    std::uint32_t max_files,
                                    Wall now) {
  std::vector<Expired> expired;
  for (std::size_t i = 0; i < sealed.size(); ++i) {
    const Segment& segment = sealed[i];
    const bool too_old = max_age.count() > 0 && now - segment.sealed > max_age;
    const bool too_many = max_files > 0 && sealed.size() - i > max_files;
    if (!too_old && !too_many) continue;
    expired.push_back({.app = app,
                       .file = file,
                       .sequence = segment.sequence,
                       .bytes = segment.bytes,
                       .reason = too_old ? ExpireReason::kAge : ExpireReason::kCount});
  }
  return expired;
}

std::vector<Expired> ExpireToFree(std::vector<Consumer> consumers,
                                  std::uint64_t excess,
                                  ExpireReason reason) {
  std::vector<Expired> expired;
  // Youngest first, so that the oldest is taken from the back.
  for (Consumer& consumer : consumers) {
    std::sort(consumer.candidates.begin(), consumer.candidates.end(),
              [](const Candidate& a, const Candidate& b) { return IsOlder(b, a); });
  }
  std::uint64_t freed = 0;
  while (freed < excess) {
    Consumer* largest = nullptr;
    for (Consumer& consumer : consumers) {
      if (consumer.candidates.empty()) continue;
      if (largest == nullptr || consumer.bytes > largest->bytes) largest = &consumer;
    }
    if (largest == nullptr) break;
    const Candidate oldest = largest->candidates.back();
    largest->candidates.pop_back();
    largest->bytes -= std::min(largest->bytes, oldest.segment.bytes);
    freed += oldest.segment.bytes;
    expired.push_back({.app = oldest.app,
                       .file = oldest.file,
                       .sequence = oldest.segment.sequence,
                       .bytes = oldest.segment.bytes,
                       .reason = reason});
  }
  return expired;
}

std::uint64_t FreeFloor(std::uint64_t min_free, std::uint64_t file_system_size) {
  return std::min(min_free, file_system_size / 10);
}

std::uint64_t SegmentSizeMax(const config::LogConfig& limits, std::uint64_t file_system_size) {
  std::uint64_t size = limits.max_size;
  if (limits.max_total > 0) size = std::min(size, limits.max_total / 2);
  if (file_system_size > 0) size = std::min(size, file_system_size / 16);
  return std::max(size, std::min(limits.max_size, kSegmentSizeMin));
}

}  // namespace tend::rotate
