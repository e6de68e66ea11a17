// Lines → ExportLogsServiceRequest of OTLP, as JSON. Pure.
//
// A resource is a worker (service.name, service.instance.id, host.name, what the user labels), a
// record a line (log.iostream, severity if the line states one; log.record.partial where it is the
// beginning of one that goes on in the next). Records of a worker keep their order.
#pragma once

#include <map>
#include <span>
#include <string>

#include "exporter/ship/log_sink.h"

namespace tend::exporter {

struct OtlpResource {
  std::string host;
  std::map<std::string, std::string> labels;  // attributes of every resource; ours win
};

std::string OtlpLogsBody(std::span<const ShipBatch> batches, const OtlpResource& resource);

// rejectedLogRecords of the partialSuccess in an answer; 0 if there is none. `reason` gets its
// errorMessage.
std::size_t OtlpRejected(const std::string& answer, std::string& reason);

}  // namespace tend::exporter
