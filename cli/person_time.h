// Points in time as people type them.
#pragma once

#include <string_view>

#include "base/result.h"
#include "base/time.h"

namespace tend::cli {

// "10m", "2h" (so long before `now`), "now", "today", "yesterday", and what ParseTime takes;
// without a zone it is local time.
Result<Wall> ParsePersonTime(std::string_view text, Wall now);

}  // namespace tend::cli
