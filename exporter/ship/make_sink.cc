#include "exporter/ship/make_sink.h"

#include "exporter/ship/journald_sink.h"
#include "exporter/ship/loki_sink.h"
#include "exporter/ship/otlp_sink.h"
#include "exporter/ship/syslog_sink.h"

namespace tend::exporter {

std::unique_ptr<LogSink> MakeSink(const config::ExporterConfig& config, const std::string& host) {
  switch (config.type) {
    case config::ExporterType::kOtlp:
      return std::make_unique<OtlpSink>(config, host);
    case config::ExporterType::kSyslog:
      return std::make_unique<SyslogSink>(config, host);
    case config::ExporterType::kJournald:
      return std::make_unique<JournaldSink>(config);
    case config::ExporterType::kLoki:
      return std::make_unique<LokiSink>(config, host);
    case config::ExporterType::kRemoteWrite:
      break;
  }
  return nullptr;
}

}  // namespace tend::exporter
