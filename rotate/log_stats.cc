#include "rotate/log_stats.h"

namespace tend::rotate {

std::string_view DropReasonName(DropReason reason) {
  switch (reason) {
    case DropReason::kDiskFull:
      return "disk_full";
    case DropReason::kWriteError:
      return "write_error";
    case DropReason::kQueueFull:
      return "queue_full";
    case DropReason::kRateLimit:
      return "rate_limit";
  }
  return "";
}

std::string_view RotateReasonName(RotateReason reason) {
  switch (reason) {
    case RotateReason::kSize:
      return "size";
    case RotateReason::kTime:
      return "time";
    case RotateReason::kManual:
      return "manual";
    case RotateReason::kExternal:
      return "external";
  }
  return "";
}

}  // namespace tend::rotate
