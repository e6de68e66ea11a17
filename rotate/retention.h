// Which sealed segments have to go, and why. Pure: segments and limits in, names out. The active
// file is never among them.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.h"
#include "config/config.h"
#include "rotate/segment_name.h"

namespace tend::rotate {

enum class ExpireReason : std::uint8_t { kAge, kCount, kBytes, kDiskLow };
std::string_view ExpireReasonName(ExpireReason reason);  // "age" "count" "bytes" "disk_low"

struct Expired {
  std::string app;
  std::size_t file = 0;  // which of the app's files
  std::uint64_t sequence = 0;
  std::uint64_t bytes = 0;
  ExpireReason reason{};
  friend bool operator==(const Expired&, const Expired&) = default;
};

// The segments of one file (number `file` of `app`) that are older than max_age or more than
// max_files; 0 is no limit.
// REQUIRES: `sealed` is ordered by sequence.
std::vector<Expired> ExpireByLimits(const std::string& app,
                                    std::size_t file,
                                    std::span<const Segment> sealed,
                                    config::Duration max_age,
                                    std::uint32_t max_files,
                                    Wall now);

// Somebody who uses disk space: an app with all its files.
struct Candidate {
  Segment segment;
  std::string app;
  std::size_t file = 0;
};
struct Consumer {
  std::uint64_t bytes = 0;  // in all, active files included
  std::vector<Candidate> candidates;
};

// Frees at least `excess` bytes, as far as there are sealed segments: always the oldest of who uses
// most at that point.
std::vector<Expired> ExpireToFree(std::vector<Consumer> consumers,
                                  std::uint64_t excess,
                                  ExpireReason reason);

// How much has to be freed: what is above `bytes_max`.
constexpr std::uint64_t Above(std::uint64_t bytes, std::uint64_t bytes_max) {
  return bytes > bytes_max ? bytes - bytes_max : 0;
}

// Bytes that stay free on a file system: `min_free`, but at most a tenth of it, so that a small
// disk can be used at all.
std::uint64_t FreeFloor(std::uint64_t min_free, std::uint64_t file_system_size);

// At which size a segment is sealed: max_size, less where a few such segments would already be more
// than the budget or the file system can hold. 0 for file_system_size: unknown.
std::uint64_t SegmentSizeMax(const config::LogConfig& limits, std::uint64_t file_system_size);

}  // namespace tend::rotate
