#include "exporter/ship/otlp_sink.h"

#include <algorithm>
#include <utility>

#include "exporter/gzip.h"
#include "exporter/ship/http_outcome.h"

namespace tend::exporter {
namespace {

// Before compression; receivers begin to refuse at 4 MiB (Loki) or 20 MiB (collectors).
constexpr std::size_t kBodyMaxBytes = 4 << 20;
constexpr int kTroublesMax = 3;

bool MeansLater(int status) {
  return status == 429 || status == 502 || status == 503 || status == 504;
}

}  // namespace

OtlpSink::OtlpSink(const config::ExporterConfig& config, std::string host)
    : resource_{std::move(host), config.labels},
      headers_{{"Content-Type", "application/json"}, {"Content-Encoding", "gzip"}},
      client_(config.peer) {
  if (!config.tenant.empty()) headers_.emplace_back("X-Scope-OrgID", config.tenant);
}

SendOutcome OtlpSink::Send(std::span<const ShipBatch> batches) {
  std::size_t entries = 0;
  for (const ShipBatch& batch : batches)
    entries += batch.entries.size();
  const std::string body = OtlpLogsBody(batches, resource_);
  if (body.size() > kBodyMaxBytes && entries > 1)
    return {.then = SendOutcome::Then::kSplit,
            .result = SendResult::kBadRequest,
            .error = "more than 4 MiB as JSON"};
  const std::string packed = Gzip(body);
  if (packed.empty()) return {.error = "no memory to compress with"};
  const HttpAnswer answer = client_.Post("/v1/logs", packed, headers_);
  SendOutcome outcome = OutcomeOf(answer, entries);
  if (outcome.then == SendOutcome::Then::kDone) {
    troubles_ = 0;
    outcome.rejected = std::min(OtlpRejected(answer.body, outcome.error), entries);
    if (outcome.rejected == 0) outcome.error.clear();
  } else if (answer.status >= 500 && !MeansLater(answer.status) && ++troubles_ >= kTroublesMax) {
    troubles_ = 0;
    outcome.then = SendOutcome::Then::kSplit;
  }
  return outcome;
}

}  // namespace tend::exporter
