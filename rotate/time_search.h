// Where a time is in a plain segment, of whatever size, in a few reads: in a file stamps never go
// back.
//
// Thread: any one.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/files.h"
#include "base/result.h"
#include "base/time.h"

namespace tend::rotate {

// Both are where a line begins, or the end.
struct TimePlace {
  std::uint64_t begin = 0;  // every stamp before is earlier
  std::uint64_t end = 0;    // no stamp from here on is earlier
};

// Looks in the first `size` bytes. The two are near one another unless lines have no stamps or are
// very long; without any stamp they are the whole.
Result<TimePlace> FindTime(
    Files& files, int fd, std::uint64_t size, std::string_view app, Wall time);

}  // namespace tend::rotate
