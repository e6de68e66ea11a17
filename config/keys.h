// The table of everything a configuration may say: its name in the file and on the command line,
// what it takes, what it means, and where it goes. Reader, flags, documentation, schema and example
// file are all printed or driven from it; nothing else knows a key by name.
#pragma once

#include <cstdint>
#include <limits>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "config/config.h"
#include "config/document.h"

namespace tend::config {

enum class Kind : std::uint8_t {
  kBool,
  kInt,
  kSize,        // bytes; K M G
  kDuration,    // nanoseconds; ms s m h d, a bare number in the key's own unit
  kString,      // a number is taken as its text
  kFile,        // a path; `true` and `false` mean that no file of one's own is wanted
  kStringList,  // a string is split as a shell does
  kEnum,
  kChoices,  // one or several words of `choices`
  kPairs,    // names with texts
  kEnv,
  kExitCodes,
  kSignal,
  kInstances,
  kFilter,    // filter_env
  kRegexes,   // one or several that base/pattern.h understands
  kRate,      // lines a second: 5000 or 5000/s
  kRegex,     // just one
  kSchedule,  // base/schedule.h; "none" becomes ""
  kCron,      // the same with seconds, where 0 and false are "none", too
  kTimeZone,  // a name of the system's database
  kFsync,     // "rotate", "none" or an interval
  kListen,    // up to kListenMax addresses to listen on (config/address.h)
  kTcp,       // an address to connect to
  kHttp,      // "/path" or "http://…"
  kWatch,     // paths; true is "."
  kLater,     // PM2's or ours, not in this version: warning in ecosystem files, error elsewhere
  kIgnored,   // PM2's, without meaning here: accepted in ecosystem files
};

enum class Scope : std::uint8_t {
  kTop,  // of the file
  kApp,
  kBoth,      // top level: the default of every app
  kExporter,  // of an entry of `export`
  kReceiver,  // of an entry of `notify`
};

// A value that fits its key.
struct Setting {
  bool flag = false;
  std::int64_t number = 0;
  std::string text;
  std::vector<std::string> list;
  std::vector<int> codes;
  std::map<std::string, std::string> env;
};

// Where settings go. What the key's owner is must be there.
struct Target {
  AppConfig* app = nullptr;
  LogConfig* logs = nullptr;
  DaemonConfig* daemon = nullptr;
  MetricsConfig* metrics = nullptr;
  ExporterConfig* exporter = nullptr;
  ReceiverConfig* receiver = nullptr;
};

struct Key {
  std::string_view path;          // "max_restarts", "logs.max_size"; "env_*"
  std::string_view aliases = "";  // with blanks between; camelCase of `path` is always one more
  Scope scope = Scope::kApp;
  Kind kind = Kind::kString;
  std::string_view fallback = "";  // the default, as one would write it
  std::string_view flags = "";     // of `tend start`, with blanks between: "--kill-timeout -k"
  std::string_view help;           // sentences
  std::int64_t min = 0;            // numbers, bytes, nanoseconds
  std::int64_t max = std::numeric_limits<std::int64_t>::max();
  Duration bare_unit = std::chrono::milliseconds(1);
  std::string_view choices = "";  // of an enum, with blanks between
  std::string_view types = "";    // of exporters or receivers that it means something to; "": all
  void (*set)(const Target&, const Setting&) = nullptr;
  std::string (*get)(const Target&) = nullptr;  // as one would write it; never values of env
};

std::span<const Key> Keys();
// Whether `key` may stand at this level.
bool IsIn(Scope level, const Key& key);

// The words of "a b c".
std::vector<std::string_view> Words(std::string_view text);
// "max_memory_restart" → "maxMemoryRestart".
std::string CamelCase(std::string_view path);

// How a key was spelled.
struct KeyMatch {
  const Key* key = nullptr;
  bool is_alias = false;
};
// The key that `path` names where `scope` (kTop or kApp) is; a nullptr if none does.
KeyMatch FindKey(Scope scope, std::string_view path);
// Whether keys begin with `path` and a dot.
bool IsGroup(Scope scope, std::string_view path);
// All names that may stand below `group` ("" for the level itself), for DidYouMean.
std::vector<std::string> NamesBelow(Scope scope, std::string_view group);

// The setting that `value` is for `key`; the error says what was expected, without the key.
Result<Setting> ToSetting(const Key& key, const Value& value);
// "a size such as 20M or 1G", "true or false".
std::string Expectation(const Key& key);

// Words as a shell splits them: blanks separate, quotes keep together, backslash outside of
// single quotes takes the next byte as it is.
std::vector<std::string> SplitShell(std::string_view text);

}  // namespace tend::config
