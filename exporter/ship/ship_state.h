// What an exporter keeps over restarts: how far each app's log is dealt with, and its counters.
// A file of lines with a checksum; replaced as a whole.
//
// Owned by a ShipRun. Thread: its shipper's.
#pragma once

#include <array>
#include <map>
#include <string>
#include <string_view>

#include "base/files.h"
#include "base/result.h"
#include "exporter/ship/export_stats.h"
#include "exporter/ship/log_source.h"

namespace tend::exporter {

inline constexpr std::size_t kStreams = 2;

struct AppProgress {
  LogPosition position;
  std::array<Wall, kStreams> last{};  // time of the last entry of each stream
  friend bool operator==(const AppProgress&, const AppProgress&) = default;
};

struct ShipState {
  ExportStats counters;  // of these, what only rises
  std::map<std::string, AppProgress> apps;
};

// Pure. An app whose name has a newline is left out.
std::string EncodeShipState(const ShipState& state);
// Errc::kInvalid: damaged, or of another version.
Result<ShipState> DecodeShipState(std::string_view text);

// Nothing is kept yet: an empty state. A file that is damaged is moved to `path` + ".damaged", and
// the state is empty. Other errors: it is there and may be whole, so do not begin without it.
Result<ShipState> LoadShipState(Files& files, const std::string& path);
Result<> SaveShipState(Files& files, const std::string& path, const ShipState& state);

}  // namespace tend::exporter
