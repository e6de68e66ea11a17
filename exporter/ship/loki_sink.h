// Lines to Loki: /loki/api/v1/push, unless the URL has a path of its own.
#pragma once

#include <string>

#include "config/observe.h"
#include "exporter/ship/http_client.h"
#include "exporter/ship/log_sink.h"
#include "exporter/ship/loki_body.h"

namespace tend::exporter {

class LokiSink : public LogSink {
 public:
  LokiSink(const config::ExporterConfig& config, std::string host);
  SendOutcome Send(std::span<const ShipBatch> batches) override;
  void Abort() override { client_.Abort(); }

 private:
  const LokiStyle style_;
  const bool is_json_;
  HttpClient::Headers headers_;
  HttpClient client_;
};

}  // namespace tend::exporter
