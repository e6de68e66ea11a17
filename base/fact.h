// Facts: what happened, as values. Whoever sees it happen states it to a FactSink; log line,
// counter and event stream are made from it elsewhere.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "base/time.h"

namespace tend {

enum class Level : std::uint8_t { kDebug, kInfo, kWarning, kError };
std::string_view LevelName(Level level);  // "debug" "info" "warning" "error"

enum class FactId : std::uint8_t {
#define FACT(id, name, level, help) k##id,
#include "base/facts.def"
};

struct FactRow {
  FactId id;
  std::string_view name;
  Level level;
  std::string_view help;
};
const FactRow& RowOf(FactId id);

struct Fact {
  FactId id{};
  Wall time{};
  std::string app;  // empty: about tend itself
  int slot = -1;    // -1: about the app as a whole
  // Details as text, in the order in which they are shown: {"code", "1"}, {"signal", "SIGKILL"}.
  std::vector<std::pair<std::string, std::string>> fields;
};

// One JSON object: {"type":…,"level":…,"time":…,"app":…,"worker":0,"fields":{…}}.
std::string ToJson(const Fact& fact);
Result<Fact> FactFromJson(std::string_view json);
// "worker_exited api:1 code=1 uptime=2.1s", for tend's own log.
std::string Describe(const Fact& fact);

class FactSink {
 public:
  FactSink() = default;
  FactSink(const FactSink&) = delete;
  FactSink& operator=(const FactSink&) = delete;
  virtual ~FactSink() = default;
  virtual void State(Fact fact) = 0;
};

}  // namespace tend
