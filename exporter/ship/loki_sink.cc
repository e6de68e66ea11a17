#include "exporter/ship/loki_sink.h"

#include <utility>

#include "exporter/gzip.h"
#include "exporter/ship/loki_answer.h"

namespace tend::exporter {
namespace {

// Beyond 4 MiB Loki answers with 500, as if it were in trouble.
constexpr std::size_t kBodyMaxBytes = 4'000'000;

}  // namespace

LokiSink::LokiSink(const config::ExporterConfig& config, std::string host)
    : style_{std::move(host), config.labels, config.metadata},
      is_json_(config.json),
      client_(config.peer) {
  headers_.emplace_back("Content-Type", is_json_ ? "application/json" : "application/x-protobuf");
  if (is_json_) headers_.emplace_back("Content-Encoding", "gzip");
  if (!config.tenant.empty()) headers_.emplace_back("X-Scope-OrgID", config.tenant);
}

SendOutcome LokiSink::Send(std::span<const ShipBatch> batches) {
  const std::string body = is_json_ ? LokiJson(batches, style_) : LokiProtobuf(batches, style_);
  const bool is_one = batches.size() == 1 && batches[0].entries.size() == 1;
  if (body.size() > kBodyMaxBytes && !is_one) {
    return {.then = SendOutcome::Then::kSplit,
            .result = SendResult::kBadRequest,
            .error = "more than 4 MB in one request"};
  }
  const std::string packed = is_json_ ? Gzip(body) : SnappyBlock(body);
  if (packed.empty()) return {.error = "no memory to compress with"};
  return LokiOutcome(client_.Post("/loki/api/v1/push", packed, headers_), batches);
}

}  // namespace tend::exporter
