// Lines → the body of Loki's POST /loki/api/v1/push: protobuf in a snappy block, or JSON. Pure.
//
// Labels are few on purpose (a stream for each set of them): job, host, app, stream, and what the
// user adds; an empty one is left out, as Loki would. Worker and level are structured metadata, or
// in front of the line as logfmt for a Loki before 2.9, or nowhere.
//
// A line of more than 250 KiB goes out in pieces, each a nanosecond later than the one before, cut
// where a character begins; Loki would refuse it whole.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>

#include "config/observe.h"
#include "exporter/ship/log_sink.h"

namespace tend::exporter {

inline constexpr std::size_t kLokiLineMax = 250 << 10;

struct LokiStyle {
  std::string host;
  std::map<std::string, std::string> labels;  // of the user; they win over ours
  config::Metadata metadata = config::Metadata::kStructured;
};

// Not compressed yet.
std::string LokiProtobuf(std::span<const ShipBatch> batches, const LokiStyle& style);
std::string LokiJson(std::span<const ShipBatch> batches, const LokiStyle& style);
// One block, without framing.
std::string SnappyBlock(std::string_view text);

}  // namespace tend::exporter
