// A worker may write anything on its telemetry pipe. What is taken for a frame, or for a line of
// statsd, has numbers that can be added up without care.
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "base/check.h"
#include "collector/statsd_line.h"
#include "collector/telemetry_frame.h"

namespace {

void CheckSeconds(double seconds) {
  TEND_CHECK(std::isfinite(seconds) && seconds >= 0);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string line(data, data + size);
  std::vector<tend::CustomValue> values;
  if (tend::collector::ParseStatsdLine(line, values)) {
    TEND_CHECK(!values.empty() && values.size() <= tend::collector::kStatsdValuesMax);
  }
  for (const tend::CustomValue& value : values) {
    TEND_CHECK(!value.name.empty() && value.name.size() <= tend::kCustomNameMax);
    TEND_CHECK(std::isfinite(value.value) && std::isfinite(value.weight) && value.weight >= 1);
    const bool may_fall = value.kind <= tend::CustomValue::Kind::kChange;
    TEND_CHECK(may_fall || value.value >= 0);
  }
  const auto report = tend::collector::ParseFrame(line);
  if (!report) return 0;
  CheckSeconds(report->lag_sum_seconds);
  CheckSeconds(report->lag_max_seconds);
  CheckSeconds(report->loop_active_seconds);
  CheckSeconds(report->loop_idle_seconds);
  CheckSeconds(report->stalls.seconds);
  for (const auto& pauses : report->gc) {
    if (pauses) CheckSeconds(pauses->seconds);
  }
  TEND_CHECK(report->heap_spaces.size() <= 16);
  TEND_CHECK(report->runtime.size() <= 64);
  return 0;
}
