// What leaves tend: the `metrics`, `export` and `notify` sections, as plain data. They are tend's
// as a whole, not an app's. There is no secret in them: a secret is in a file of its own, and what
// stands here is the path.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace tend::config {

using Duration = std::chrono::nanoseconds;

enum class MetricsLevel : std::uint8_t { kBasic, kStandard, kFull };

struct MetricsConfig {
  MetricsLevel level = MetricsLevel::kStandard;
  std::uint32_t max_series =
      50'000;                       // above it, workers fall back to kBasic one by one; 0: no limit
  bool compat_pm2 = false;          // pm2_* beside ours
  bool compat_prom_client = false;  // nodejs_* and process_* of workers beside ours
  friend bool operator==(const MetricsConfig&, const MetricsConfig&) = default;
};

struct TlsConfig {
  std::string ca_file;              // "": the system's authorities
  std::string cert_file, key_file;  // of ours; "": none
  std::string server_name;          // that the other's certificate is for; "": the URL's host
  bool insecure = false;            // whoever answers is believed
  friend bool operator==(const TlsConfig&, const TlsConfig&) = default;
};

// Where something is sent to, and as whom.
struct PeerConfig {
  std::string url;  // "http://…", "https://…"; of syslog "tcp://", "tls://", "udp://", "unix:/path"
  std::string url_file;                 // holds the URL, where that is a secret itself
  std::string username, password_file;  // basic
  std::string token_file;               // bearer
  std::map<std::string, std::string> headers;
  TlsConfig tls;
  Duration timeout = std::chrono::seconds(10);  // of one request, from connecting to the answer
  friend bool operator==(const PeerConfig&, const PeerConfig&) = default;
};

enum class ExporterType : std::uint8_t { kLoki, kOtlp, kSyslog, kJournald, kRemoteWrite };
// Where worker, level and other details of a line go.
enum class Metadata : std::uint8_t { kStructured, kInline, kNone };

struct ExporterConfig {
  std::string name;  // as the user calls it; label of its metrics
  ExporterType type = ExporterType::kLoki;
  PeerConfig peer;     // of journald: `url` may be "unix:/path"
  std::string tenant;  // X-Scope-OrgID
  std::map<std::string, std::string>
      labels;                     // static: Loki's and remote write's labels, OTLP's attributes
  std::vector<std::string> apps;  // globs; empty: all
  bool out = true, err = true;
  Metadata metadata = Metadata::kStructured;      // Loki
  bool json = false;                              // Loki: JSON instead of protobuf
  std::uint64_t batch_bytes = 1 << 20;            // of lines in a request
  Duration batch_wait = std::chrono::seconds(1);  // longest wait for a batch to fill
  Duration max_age = std::chrono::hours(24 * 7);  // lines that are older are not sent; 0: all are
  std::uint64_t max_behind = 0;               // bytes of an app's log that may wait; 0: all of it
  Duration behind = std::chrono::minutes(5);  // an unsent line so old is an incident
  Duration interval = std::chrono::seconds(15);  // remote write: between two samples
  int facility = 16;                             // syslog; local0
  friend bool operator==(const ExporterConfig&, const ExporterConfig&) = default;
};

enum class ReceiverType : std::uint8_t { kWebhook, kSlack, kPagerDuty, kExec, kAlertmanager };

struct ReceiverConfig {
  std::string name;
  ReceiverType type = ReceiverType::kWebhook;
  PeerConfig peer;
  std::string secret_file;          // webhook: key of the HMAC; PagerDuty: the routing key
  std::string exec;                 // a line for a shell, with the incident in its environment
  std::vector<std::string> events;  // kinds of incidents (base/incidents.def); empty: all
  std::vector<std::string> apps;    // globs; empty: all, and incidents of tend itself
  Duration cooldown = std::chrono::minutes(5);  // between two messages about the same thing
  bool resolved = true;                         // says when it is over, too
  friend bool operator==(const ReceiverConfig&, const ReceiverConfig&) = default;
};

struct ObserveConfig {
  MetricsConfig metrics;
  std::vector<ExporterConfig> exporters;
  std::vector<ReceiverConfig> receivers;
  friend bool operator==(const ObserveConfig&, const ObserveConfig&) = default;
};

// What a configuration file says, as it travels from CLI to sidecar and is kept there.
struct ObserveRequest {
  std::string file;   // absolute
  bool given = true;  // false: the file has none of the sections
  ObserveConfig observe;
  friend bool operator==(const ObserveRequest&, const ObserveRequest&) = default;
};

// As a configuration says it: "basic", "loki", "remote_write", "inline", "pagerduty".
std::string_view Name(MetricsLevel level);
std::string_view Name(ExporterType type);
std::string_view Name(Metadata metadata);
std::string_view Name(ReceiverType type);

}  // namespace tend::config
