#include "supervisor/control/request_counts.h"

#include <algorithm>

namespace tend::supervisor {

void RequestCounts::Count(std::string_view verb, bool ok) {
  // The last one stands for what is not found.
  const auto* const method = std::find(kMethods.begin(), kMethods.end() - 1, verb);
  Ends& ends = counts_[static_cast<std::size_t>(method - kMethods.begin())];
  ++(ok ? ends.ok : ends.error);
}

std::string RequestCounts::ToJson() const {
  std::string text;
  for (std::size_t i = 0; i < kMethods.size(); ++i) {
    text.append(i == 0 ? "{\"" : ",\"").append(kMethods[i]).append("\":[");
    text += std::to_string(counts_[i].ok) + ',' + std::to_string(counts_[i].error) + ']';
  }
  return text + '}';
}

}  // namespace tend::supervisor
