// How serious a line is, and when its writer says that it was written, as far as the line tells:
// JSON of pino, bunyan, winston, structlog and their like, logfmt, and words in plain text. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "base/time.h"
#include "rotate/json_object.h"

namespace tend::rotate {

enum class LineLevel : std::uint8_t { kTrace, kDebug, kInfo, kWarn, kError, kFatal };
// "trace" "debug" "info" "warn" "error" "fatal"
std::string_view LevelName(LineLevel level);
// Any spelling that loggers have, in any case ("WARNING", "err", "critical"), or a number of pino
// and bunyan ("30", and what lies between two levels is the lower).
std::optional<LineLevel> LevelNamed(std::string_view name);

// The level that `text`, a line as its worker wrote it, states; nothing if it states none.
std::optional<LineLevel> LevelOf(std::string_view text);

// The same of a line that was taken apart already.
std::optional<LineLevel> LevelOf(std::span<const JsonMember> members);
// "time", "timestamp", "ts", "@timestamp": a text that ParseTime reads, or a number of seconds,
// milli-, micro- or nanoseconds since 1970, told apart by its size.
std::optional<Wall> TimeOf(std::span<const JsonMember> members);

}  // namespace tend::rotate
