// One line that a worker's preload wrote on its telemetry pipe → TelemetryReport.
//
//   {"v":1,"rt":"node 20.20.2","lag":[[13,98],[14,2]],"sum":0.11,"max":0.002,"stalls":[1,0.4],
//    "active":0.004,"idle":0.996,"gc":{"minor":[2,0.001]},"heap":[4200000,6100000,2197815296],
//    "ext":[1600000,10475],"spaces":{"new_space":900000},"res":3,"exc":0,"rej":0}
//
// "lag" has pairs of bucket (index into kLagBounds; kLagBounds.size() for what is above them) and
// count; times are seconds, "stalls" and "gc" pairs of count and seconds. "heap" is used, total,
// limit; "ext" what is outside of the heap, and of that the array buffers; "spaces" the heap by
// space: all in bytes. "res" are active resources, "exc" uncaught exceptions, "rej" unhandled
// rejections. All but "v" may be missing.
//
// Pure and total: a worker can write anything, and gets an error for what is no frame.
#pragma once

#include <cstddef>
#include <string_view>

#include "base/result.h"
#include "base/telemetry.h"

namespace tend::collector {

inline constexpr std::size_t kFrameMaxBytes = 8 * 1024;

// Errc::kInvalid if it is no JSON object, is too large, or a number in it is negative, not finite,
// or out of range. Members that this version does not know are passed over.
Result<TelemetryReport> ParseFrame(std::string_view line);

}  // namespace tend::collector
