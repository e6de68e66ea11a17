// Names of segment files, and nothing else knows them. `api.log` is active;
// `api.log.20261121T103107Z-000012` is sealed; `….zst` is compressed; `….zst.tmp` is being
// compressed. The suffix comes after `.log`, so a tailer's `*.log` never matches what was renamed.
// Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/time.h"

namespace tend::rotate {

enum class SegmentKind : std::uint8_t { kActive, kSealed, kCompressed, kTemporary };

struct SegmentName {
  SegmentKind kind = SegmentKind::kActive;
  Wall sealed{};               // whole seconds; when the segment was sealed
  std::uint64_t sequence = 0;  // of the file; rises with every segment
  friend bool operator==(const SegmentName&, const SegmentName&) = default;
};

// The app's name as a file name: what is not in [a-zA-Z0-9._-] becomes '-', and so does a leading
// dot. Never empty, at most 200 bytes.
std::string SafeAppName(std::string_view app);
// "api.log"
std::string ActiveName(std::string_view app);

// `base` is the active file's name, "api.log".
std::string FormatSegmentName(std::string_view base, const SegmentName& name);
// Nothing if `file` is no segment of `base`.
std::optional<SegmentName> ParseSegmentName(std::string_view base, std::string_view file);

// A sealed or compressed segment on disk.
struct Segment {
  std::uint64_t sequence = 0;
  Wall sealed{};
  std::uint64_t bytes = 0;
  bool compressed = false;

  SegmentName Name() const {
    return {compressed ? SegmentKind::kCompressed : SegmentKind::kSealed, sealed, sequence};
  }
  friend bool operator==(const Segment&, const Segment&) = default;
};

}  // namespace tend::rotate
