#pragma once

#include <memory>
#include <string>

#include "config/observe.h"
#include "exporter/ship/log_sink.h"

namespace tend::exporter {

// The far end of an exporter of logs; nothing for kRemoteWrite, which is none (remote_write.h).
// `host`: what this machine is called there. Connects only when something is to be sent.
std::unique_ptr<LogSink> MakeSink(const config::ExporterConfig& config, const std::string& host);

}  // namespace tend::exporter
