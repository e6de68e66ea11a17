// What a user may ask for, as plain data. No behaviour: keys.cc fills it, core, sidecar and CLI
// read it. Sizes are bytes, times are durations; a unit is never in a comment only.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "config/observe.h"

namespace tend::config {

enum class OnFull : std::uint8_t { kDrop, kBlock };
enum class LineFormat : std::uint8_t { kTend, kCri, kJson, kRaw };
enum class LogType : std::uint8_t { kRaw, kJson };
// kAuto: until Resolve, which knows who runs the script.
enum class ExecMode : std::uint8_t { kFork, kCluster, kAuto };
// Who takes the connections of a cluster's port: any idle worker, each in turn, or the one whose
// own socket the kernel picks.
enum class Balance : std::uint8_t { kShared, kRoundRobin, kReuseport };
enum class OnMemory : std::uint8_t { kRestart, kWarn };
// Whether a worker's successor runs beside it before it ends. kAuto: where they can share a port.
enum class Overlap : std::uint8_t { kAuto, kYes, kNo };
// What a worker gets to tell of itself with: a preload that measures Node (kAuto, where node runs
// the script) or Python, or just the pipe.
enum class Telemetry : std::uint8_t { kAuto, kOff, kPython, kPipe };

// LogConfig::fsync
inline constexpr Duration kFsyncAtRotation{0};
inline constexpr Duration kFsyncNever{-1};

struct LogConfig {
  std::uint64_t max_size = 50ull << 20;  // bytes of a segment
  Duration max_age = std::chrono::hours(24 * 7);
  std::uint32_t max_files = 100;         // sealed segments
  std::uint64_t max_total = 1ull << 30;  // bytes, active and sealed
  std::uint64_t min_free = 1ull << 30;   // bytes of the file system that stay free
  LineFormat format = LineFormat::kTend;
  bool compress = true;
  int compress_level = 1;  // zstd's
  Duration compress_delay = std::chrono::seconds(60);
  OnFull on_full = OnFull::kDrop;
  std::vector<std::string> redact;           // regular expressions (base/pattern.h)
  std::uint32_t rate_limit = 0;              // lines a second of a worker; 0: none
  std::uint32_t rate_burst = 0;              // lines at once; less than rate_limit means rate_limit
  std::vector<std::string> multiline_start;  // regular expressions; only with kJson
  Duration multiline_flush = std::chrono::milliseconds(500);
  std::string rotate;                 // when, besides by size: base/schedule.h; "": never
  std::string timezone;               // that `rotate` is meant in; "": the machine's
  Duration fsync = kFsyncAtRotation;  // of the active file; else so often
  std::uint64_t total = 10ull << 30;  // bytes of all apps; the least that any of them says counts
  friend bool operator==(const LogConfig&, const LogConfig&) = default;
};

// How a worker is seen to be up. With none of the three: its own word (AppConfig::wait_ready), that
// it listens (a cluster), or that it has run for a second.
struct ReadyConfig {
  std::string http;  // "/path" on the worker's own port, or a whole "http://…" address
  std::string tcp;   // "3000", "host:3000" or "unix:/path"
  std::string log;   // a regular expression that one of its lines matches
  // 0: listen_timeout, and a worker that is late is left alone. Else a late one is restarted.
  Duration timeout{0};
  friend bool operator==(const ReadyConfig&, const ReadyConfig&) = default;
};

// How a worker is seen to be sick. It is then restarted.
struct HealthConfig {
  std::string http, tcp;  // as ReadyConfig's
  std::string exec;       // a line for a shell in the app's folder; 0 is healthy
  Duration every = std::chrono::seconds(10);
  Duration timeout = std::chrono::seconds(2);  // of one check
  std::uint32_t failures = 3;                  // in a row
  Duration grace = std::chrono::seconds(10);   // after it came up nothing counts
  Duration event_loop{0};  // longest standstill of a Node worker's event loop; 0: not looked at
  Duration watchdog{0};    // longest time between two WATCHDOG=1 of sd_notify; 0: none expected
  friend bool operator==(const HealthConfig&, const HealthConfig&) = default;
};

struct ReloadConfig {
  std::uint32_t parallel = 1;                       // workers at once, after the first
  Duration drain = std::chrono::milliseconds(500);  // its last responses end their connections
  Duration settle = std::chrono::seconds(1);  // the first new worker lives so long before it counts
  int signal = 0;                             // the program replaces itself on this one; 0: none
  Overlap overlap = Overlap::kAuto;
  friend bool operator==(const ReloadConfig&, const ReloadConfig&) = default;
};

struct AppConfig {
  std::string name;
  std::string namespace_ = "default";
  std::string script;  // absolute after Resolve
  std::vector<std::string> args;
  std::string interpreter;                 // "" until Resolve; "none": the script is the program
  std::vector<std::string> node_args;      // before the script, for any interpreter
  std::string cwd;                         // absolute after Resolve
  std::map<std::string, std::string> env;  // of the app, `env_*` merged in
  std::map<std::string, std::map<std::string, std::string>> env_named;  // env_<name>, until Resolve
  std::map<std::string, std::string> inherited_env;  // of who started it; env wins
  // Names with one of these in them are not inherited; "=NAME" means just that name.
  std::vector<std::string> filter_env;
  std::uint32_t port = 0;           // env's PORT; 0: not given
  bool append_env_to_name = false;  // "-<env>" of --env, until Resolve

  ExecMode exec_mode = ExecMode::kFork;
  int instances = 1;  // after Resolve: > 0; before: 0 all CPUs, negative: all CPUs but so many
  std::string instance_var = "NODE_APP_INSTANCE";
  std::string increment_var;  // "" : none
  // Sockets that core opens and keeps: "3000", "127.0.0.1:3000", "[::1]:3000", "unix:/run/x.sock".
  // A cluster's workers get them as they ask for the port, others by LISTEN_FDS.
  std::vector<std::string> listen;
  Balance balance = Balance::kShared;  // of a cluster

  bool autostart = true;
  bool autorestart = true;
  Duration restart_delay{0};
  Duration exp_backoff_restart_delay{0};  // first delay; 0: off
  std::uint32_t max_restarts = 16;
  Duration min_uptime = std::chrono::seconds(1);
  std::vector<int> stop_exit_codes;

  Duration kill_timeout = std::chrono::milliseconds(1600);
  int kill_signal = 2;  // SIGINT, as PM2
  bool treekill = true;
  bool shutdown_with_message = false;  // "shutdown" over Node's channel instead of kill_signal
  bool wait_ready = false;             // Node's 'ready' message, or READY=1 of sd_notify
  Duration listen_timeout = std::chrono::seconds(3);
  ReadyConfig ready;
  HealthConfig health;
  ReloadConfig reload;

  std::uint64_t max_memory = 0;  // bytes of resident memory; 0: no limit
  OnMemory on_memory = OnMemory::kRestart;
  std::string cron_restart;               // base/schedule.h; "": never
  std::vector<std::string> watch;         // files and folders, absolute after Resolve; empty: none
  std::vector<std::string> ignore_watch;  // globs; empty: PM2's own, dot files and node_modules
  Duration watch_delay{0};
  Telemetry telemetry = Telemetry::kAuto;

  std::string uid, gid;  // name or number; "": ours

  // PM2's files. "" : not asked for. Absolute after Resolve.
  std::string out_file, error_file, log_file;
  bool merge_logs = true;
  std::string log_date_format;  // of those files, in moment's tokens; "": no date
  bool time = false;            // a date in PM2's own format, unless one is given
  LogType log_type = LogType::kRaw;
  LogConfig logs;

  friend bool operator==(const AppConfig&, const AppConfig&) = default;
};

// What concerns tend as a whole.
struct DaemonConfig {
  std::string listen = "127.0.0.1:9616";  // "off": none
  LogConfig logs;                         // defaults for every app
};

// Something about a configuration that the user should know.
struct Problem {
  bool is_error = true;
  std::string file;
  int line = 0, column = 0;  // from 1; 0: unknown
  std::string where;         // "apps[0].instnaces"
  std::string message;       // "unknown key \"instnaces\" in app \"web\""
  std::string help;          // "did you mean \"instances\"?" or ""
  std::string code = {};     // "E030": stable; config/problem.h has them
};

struct Config {
  DaemonConfig daemon;
  std::vector<AppConfig> apps;
  std::optional<ObserveConfig> observe;  // nothing: none of its sections is there
};

}  // namespace tend::config
