// Numbers that a program tells with @pm2/io ("axm:monitor" over Node's channel), on their way to
// the sidecar. Pure, and total: a program can send anything.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "base/record.h"
#include "base/telemetry.h"

namespace tend::supervisor {

inline constexpr std::size_t kAppMetricsMax = 100;  // of one message

struct AppMetrics {
  std::vector<CustomValue> values;  // levels
  std::size_t refused = 0;          // above kAppMetricsMax, or without a name
};

// `data` is a JSON object of {"NAME": {"value": V, "unit": "ms", …}}. A value is a number, a truth
// value, or a text that begins with a number, such as "12.3ms"; what is none of these ("N/A") is
// left out, as PM2 would only show it.
AppMetrics ReadAppMetrics(std::string_view data);

// The message of base/link.h; never larger than kLinkPacketMax.
std::string CustomPacket(const WorkerRef& worker, const AppMetrics& metrics);

}  // namespace tend::supervisor
