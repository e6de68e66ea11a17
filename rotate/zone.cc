#include "rotate/zone.h"

#include <stdexcept>

#include <date/tz.h>

namespace tend::rotate {

Result<ZoneOffsets> FindZone(const std::string& name) {
  try {
    const date::time_zone* zone = name.empty() ? date::current_zone() : date::locate_zone(name);
    return ZoneOffsets([zone](Wall time) -> OffsetSpan {
      const date::sys_info info = zone->get_info(time);
      OffsetSpan span;
      // The ends of time are beyond what nanoseconds reach.
      if (info.begin > std::chrono::floor<std::chrono::seconds>(Wall::min())) {
        span.begin = Wall(info.begin);
      }
      if (info.end < std::chrono::floor<std::chrono::seconds>(Wall::max())) {
        span.end = Wall(info.end);
      }
      span.offset = info.offset;
      return span;
    });
  } catch (const std::runtime_error& error) {
    if (name.empty()) return ZoneOffsets([](Wall) { return OffsetSpan{}; });
    return Error(Errc::kNotFound, "time zone \"" + name + "\": " + error.what());
  }
}

}  // namespace tend::rotate
