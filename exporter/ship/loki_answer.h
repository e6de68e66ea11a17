// What an answer of Loki means for the lines that were sent. Pure.
#pragma once

#include <span>

#include "exporter/ship/http_client.h"
#include "exporter/ship/log_sink.h"

namespace tend::exporter {

// A batch of which some lines are refused (too old, too long …) gets 400, and the others are
// stored: kGiveUp, and as many are rejected as the answer lets us know, one at least; all, if it is
// about the request as a whole. 413, and 500 where the request is more than Loki passes on
// (ResourceExhausted): kSplit. Everything else as in http_outcome.h: a wrong path or token waits
// for somebody to mend it, and no line is lost for it.
SendOutcome LokiOutcome(const HttpAnswer& answer, std::span<const ShipBatch> batches);

}  // namespace tend::exporter
