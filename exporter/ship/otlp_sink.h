// Lines to whatever takes OTLP/HTTP: JSON, gzip, to /v1/logs where the URL has no path.
//
// 429, 502, 503 and 504 are tried again, as the protocol says, and 400 is not. Where it says that
// nothing else is to be tried again, we differ, because what we have is on disk and not in memory:
// a wrong path or token waits for somebody to mend it, and another 5xx is tried again, from the
// third in a row on with half of the entries, as they may be too much.
#pragma once

#include <string>

#include "config/observe.h"
#include "exporter/ship/http_client.h"
#include "exporter/ship/log_sink.h"
#include "exporter/ship/otlp_body.h"

namespace tend::exporter {

class OtlpSink : public LogSink {
 public:
  OtlpSink(const config::ExporterConfig& config, std::string host);
  SendOutcome Send(std::span<const ShipBatch> batches) override;
  void Abort() override { client_.Abort(); }

 private:
  OtlpResource resource_;
  HttpClient::Headers headers_;
  HttpClient client_;
  int troubles_ = 0;  // answers of 5xx that do not mean "later", in a row
};

}  // namespace tend::exporter
