// What most receivers mean by what they answer. Pure.
#pragma once

#include "exporter/ship/http_client.h"
#include "exporter/ship/log_sink.h"

namespace tend::exporter {

SendResult ResultOf(const HttpAnswer& answer);

// kDone for 2xx. kSplit for 413. kGiveUp, all of `entries`, for 400, 409 (what came before is
// newer, or the same) and 422, which are about what was sent (but not if they say that https:// is
// spoken there). kRetry for all else: nobody there, a receiver in trouble, and, as somebody's help
// is needed there, a wrong URL, password or certificate, for which no line should be lost.
SendOutcome OutcomeOf(const HttpAnswer& answer, std::size_t entries);

}  // namespace tend::exporter
