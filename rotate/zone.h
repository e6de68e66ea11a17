// Time zones by name, from the system's database (/usr/share/zoneinfo).
//
// Thread: any; the database is read once and kept.
#pragma once

#include <string>

#include "base/result.h"
#include "base/schedule.h"

namespace tend::rotate {

// "" is the machine's own zone, UTC where it has none. Errc::kNotFound if there is none of that
// name, or no database.
Result<ZoneOffsets> FindZone(const std::string& name);

}  // namespace tend::rotate
