// Counters of one app's log. Plain numbers: copied between threads, summed over the app's files.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "rotate/retention.h"

namespace tend::rotate {

enum class DropReason : std::uint8_t { kDiskFull, kWriteError, kQueueFull, kRateLimit };
inline constexpr std::size_t kDropReasons = 4;
// "disk_full" "write_error" "queue_full" "rate_limit"
std::string_view DropReasonName(DropReason reason);

// Lines that were lost before they came to a file.
struct LostLines {
  std::uint64_t lines = 0;
  std::uint64_t bytes = 0;
  DropReason reason = DropReason::kQueueFull;
  std::string why = {};  // in words, for the line that stands in their place
};

// kExternal: somebody else renamed or removed the file.
enum class RotateReason : std::uint8_t { kSize, kTime, kManual, kExternal };
inline constexpr std::size_t kRotateReasons = 4;
std::string_view RotateReasonName(RotateReason reason);  // "size" "time" "manual" "external"

inline constexpr std::size_t kExpireReasons = 4;

struct FileCount {
  std::uint64_t files = 0;
  std::uint64_t bytes = 0;
};

struct AppLogStats {
  std::uint64_t lines_written = 0;  // in the app's own file
  std::uint64_t bytes_written = 0;  // in all its files
  std::array<std::uint64_t, kDropReasons> lines_dropped{};
  std::array<std::uint64_t, kDropReasons> bytes_dropped{};
  std::array<std::uint64_t, kRotateReasons> rotations{};
  std::uint64_t compress_in_bytes = 0;
  std::uint64_t compress_out_bytes = 0;
  std::uint64_t compress_failures = 0;
  std::array<std::uint64_t, kExpireReasons> expired_files{};
  std::uint64_t expired_at_total = 0;  // of those for their bytes: for the limit of all apps
  FileCount active, rotated, compressed;
  std::uint64_t limit_bytes = 0;  // of all of them; 0: none
  bool failing = false;           // lines are being dropped or held back now

  std::uint64_t& Dropped(DropReason reason) {
    return lines_dropped[static_cast<std::size_t>(reason)];
  }
  std::uint64_t Dropped(DropReason reason) const {
    return lines_dropped[static_cast<std::size_t>(reason)];
  }
};

// How long files took to be compressed, with the pauses in between.
struct CompressTimes {
  static constexpr auto kBounds =
      std::to_array<double>({0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30});
  std::array<std::uint64_t, kBounds.size() + 1> counts{};  // by upper bound, and beyond the last
  double sum_seconds = 0;
  void Add(double seconds) {
    std::size_t bucket = 0;
    while (bucket < kBounds.size() && seconds > kBounds[bucket])
      ++bucket;
    ++counts[bucket];
    sum_seconds += seconds;
  }
};

struct LogStoreStats {
  std::map<std::string, AppLogStats> apps;
  std::uint64_t lines_without_app = 0;  // lost, because their app was not open
  std::uint64_t compress_queue_files = 0;
  std::uint64_t compressed_files = 0;  // since start
  CompressTimes compress_times;
  // Of the log folder's file system. Size 0: unknown, all of it.
  std::string file_system_mount_point = {};
  std::uint64_t file_system_free_bytes = 0;
  std::uint64_t file_system_size_bytes = 0;
  std::uint64_t file_system_floor_bytes = 0;  // less free, and an app's new lines are dropped
  std::uint64_t limit_bytes = 0;              // of all apps; 0: none
  std::uint64_t expired_at_limit = 0;         // files removed since start because of that
};

}  // namespace tend::rotate
