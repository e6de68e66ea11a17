// What of incidents and messages outlives the sidecar, as JSON (schema tend.alerts/1): a new one
// neither says again what was said nor forgets to say that it is over.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "exporter/alert/incident_book.h"
#include "exporter/alert/notifier.h"

namespace tend::exporter {

inline constexpr std::size_t kAlertStateMaxBytes = 64 << 20;

struct AlertState {
  BookState book;
  Notifier::States receivers;
};

std::string ToJson(const AlertState& state);
// Errc::kInvalid if it is not what ToJson wrote. An incident of a kind that we do not know is left
// out.
Result<AlertState> AlertStateFromJson(std::string_view text);

}  // namespace tend::exporter
