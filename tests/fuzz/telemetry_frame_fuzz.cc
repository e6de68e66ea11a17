// A worker may write anything on its telemetry pipe. What is taken for a frame has numbers that
// can be added up without care.
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string>

#include "base/check.h"
#include "collector/telemetry_frame.h"

namespace {

void CheckSeconds(double seconds) {
  TEND_CHECK(std::isfinite(seconds) && seconds >= 0);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto report = tend::collector::ParseFrame(std::string(data, data + size));
  if (!report) return 0;
  CheckSeconds(report->lag_sum_seconds);
  CheckSeconds(report->lag_max_seconds);
  CheckSeconds(report->loop_active_seconds);
  CheckSeconds(report->loop_idle_seconds);
  TEND_CHECK(report->runtime.size() <= 64);
  return 0;
}
