#include "config/keys.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <type_traits>

#include "base/status.h"
#include "base/time.h"

namespace tend::config {
namespace {

constexpr std::int64_t kSecond = 1'000'000'000;
constexpr std::int64_t kDay = 86'400 * kSecond;
constexpr std::int64_t kKiB = 1 << 10;
constexpr std::int64_t kTiB = std::int64_t{1} << 40;

template <typename Member>
struct OwnerOf;
template <typename Owner, typename T>
struct OwnerOf<T Owner::*> {
  using Type = Owner;
};

template <typename Owner>
Owner& Pick(const Target& target) {
  if constexpr (std::is_same_v<Owner, AppConfig>) {
    return *target.app;
  } else if constexpr (std::is_same_v<Owner, LogConfig>) {
    return *target.logs;
  } else if constexpr (std::is_same_v<Owner, ReadyConfig>) {
    return target.app->ready;
  } else if constexpr (std::is_same_v<Owner, HealthConfig>) {
    return target.app->health;
  } else if constexpr (std::is_same_v<Owner, ReloadConfig>) {
    return target.app->reload;
  } else if constexpr (std::is_same_v<Owner, MetricsConfig>) {
    return *target.metrics;
  } else if constexpr (std::is_same_v<Owner, ExporterConfig>) {
    return *target.exporter;
  } else if constexpr (std::is_same_v<Owner, ReceiverConfig>) {
    return *target.receiver;
  } else if constexpr (std::is_same_v<Owner, PeerConfig>) {
    return target.exporter != nullptr ? target.exporter->peer : target.receiver->peer;
  } else if constexpr (std::is_same_v<Owner, TlsConfig>) {
    return Pick<PeerConfig>(target).tls;
  } else {
    return *target.daemon;
  }
}

void Assign(bool& to, const Setting& from) {
  to = from.flag;
}
void Assign(std::string& to, const Setting& from) {
  to = from.text;
}
void Assign(Duration& to, const Setting& from) {
  to = Duration(from.number);
}
void Assign(std::vector<std::string>& to, const Setting& from) {
  to = from.list;
}
void Assign(std::vector<int>& to, const Setting& from) {
  to = from.codes;
}
void Assign(std::map<std::string, std::string>& to, const Setting& from) {
  for (const auto& [name, value] : from.env)
    to.insert_or_assign(name, value);
}
void Assign(OnFull& to, const Setting& from) {
  to = from.text == "block" ? OnFull::kBlock : OnFull::kDrop;
}
void Assign(ExecMode& to, const Setting& from) {
  to = from.text.starts_with("cluster") ? ExecMode::kCluster : ExecMode::kFork;
}
void Assign(Balance& to, const Setting& from) {
  if (from.text == "round_robin") {
    to = Balance::kRoundRobin;
  } else {
    to = from.text == "reuseport" ? Balance::kReuseport : Balance::kShared;
  }
}
void Assign(OnMemory& to, const Setting& from) {
  to = from.text == "warn" ? OnMemory::kWarn : OnMemory::kRestart;
}
void Assign(Telemetry& to, const Setting& from) {
  if (from.text == "python") {
    to = Telemetry::kPython;
  } else if (from.text == "pipe") {
    to = Telemetry::kPipe;
  } else {
    to = from.text == "off" ? Telemetry::kOff : Telemetry::kAuto;
  }
}
void Assign(Overlap& to, const Setting& from) {
  if (from.text == "auto") {
    to = Overlap::kAuto;
  } else {
    to = from.text == "yes" ? Overlap::kYes : Overlap::kNo;
  }
}
void Assign(LogType& to, const Setting& from) {
  to = from.text == "json" ? LogType::kJson : LogType::kRaw;
}
void Assign(LineFormat& to, const Setting& from) {
  if (from.text == "cri") {
    to = LineFormat::kCri;
  } else if (from.text == "json") {
    to = LineFormat::kJson;
  } else {
    to = from.text == "raw" ? LineFormat::kRaw : LineFormat::kTend;
  }
}
template <std::integral T>
void Assign(T& to, const Setting& from) {
  to = static_cast<T>(from.number);
}
// Enums with a Name(): `from` is one of its choices, so the search ends.
template <typename E>
requires requires(E value) {
  Name(value);
}
void Assign(E& to, const Setting& from) {
  for (to = E{}; Name(to) != from.text;)
    to = static_cast<E>(static_cast<unsigned>(to) + 1);
}

template <typename T>
std::string Joined(const std::vector<T>& list) {
  std::string out;
  for (const T& item : list) {
    if (!out.empty()) out += ' ';
    if constexpr (std::is_same_v<T, std::string>) {
      out += item;
    } else {
      out += std::to_string(item);
    }
  }
  return out;
}

std::string Show(bool value) {
  return value ? "true" : "false";
}
std::string Show(const std::string& value) {
  return value;
}
std::string Show(Duration value) {
  return value == Duration::zero() ? "0" : FormatDuration(value);
}
std::string Show(const std::vector<std::string>& value) {
  return Joined(value);
}
std::string Show(const std::vector<int>& value) {
  return Joined(value);
}
std::string Show(const std::map<std::string, std::string>& value) {
  std::string names;
  for (const auto& entry : value)
    names += (names.empty() ? "" : " ") + entry.first;
  return names;
}
std::string Show(OnFull value) {
  return value == OnFull::kBlock ? "block" : "drop";
}
std::string Show(ExecMode value) {
  return value == ExecMode::kCluster ? "cluster" : "fork";
}
std::string Show(Balance value) {
  constexpr std::array<const char*, 3> kNames = {"shared", "round_robin", "reuseport"};
  return kNames[static_cast<std::size_t>(value)];
}
std::string Show(OnMemory value) {
  return value == OnMemory::kWarn ? "warn" : "restart";
}
std::string Show(Telemetry value) {
  constexpr std::array<const char*, 4> kNames = {"auto", "off", "python", "pipe"};
  return kNames[static_cast<std::size_t>(value)];
}
std::string Show(Overlap value) {
  constexpr std::array<const char*, 3> kNames = {"auto", "yes", "no"};
  return kNames[static_cast<std::size_t>(value)];
}
std::string Show(LogType value) {
  return value == LogType::kJson ? "json" : "raw";
}
std::string Show(LineFormat value) {
  constexpr std::array<const char*, 4> kNames = {"tend", "cri", "json", "raw"};
  return kNames[static_cast<std::size_t>(value)];
}
template <typename E>
requires requires(E value) {
  Name(value);
}
std::string Show(E value) {
  return std::string(Name(value));
}
std::string Show(std::uint64_t bytes) {
  return FormatSize(bytes);
}
template <std::integral T>
std::string Show(T value) {
  return std::to_string(value);
}

template <auto kMember>
void Set(const Target& target, const Setting& setting) {
  Assign(Pick<typename OwnerOf<decltype(kMember)>::Type>(target).*kMember, setting);
}

template <auto kMember>
std::string Get(const Target& target) {
  return Show(Pick<typename OwnerOf<decltype(kMember)>::Type>(target).*kMember);
}

std::string GetInstances(const Target& target) {
  return target.app->instances == 0 ? "max" : std::to_string(target.app->instances);
}
std::string GetSignal(const Target& target) {
  return SignalName(target.app->kill_signal);
}
std::string GetReloadSignal(const Target& target) {
  const int number = target.app->reload.signal;
  return number == 0 ? std::string() : SignalName(number);
}
std::string GetCron(const Target& target) {
  return target.app->cron_restart.empty() ? "none" : target.app->cron_restart;
}
std::string GetWatch(const Target& target) {
  return target.app->watch.empty() ? "false" : Joined(target.app->watch);
}
std::string GetRotate(const Target& target) {
  return target.logs->rotate.empty() ? "none" : target.logs->rotate;
}
std::string GetFsync(const Target& target) {
  const Duration every = target.logs->fsync;
  if (every == kFsyncAtRotation) return "rotate";
  return every == kFsyncNever ? "none" : FormatDuration(every);
}
std::string GetPort(const Target& target) {
  return target.app->port == 0 ? "" : std::to_string(target.app->port);
}

constexpr auto kFacilities = std::to_array<std::string_view>(
    {"kern",   "user",   "mail",     "daemon", "auth",   "syslog", "lpr",    "news",
     "uucp",   "cron",   "authpriv", "ftp",    "ntp",    "audit",  "alert",  "clock",
     "local0", "local1", "local2",   "local3", "local4", "local5", "local6", "local7"});
void SetFacility(const Target& target, const Setting& setting) {
  const auto found = std::find(kFacilities.begin(), kFacilities.end(), setting.text);
  target.exporter->facility = static_cast<int>(found - kFacilities.begin());
}
std::string GetFacility(const Target& target) {
  return std::string(kFacilities[static_cast<std::size_t>(target.exporter->facility)]);
}
void SetStreams(const Target& target, const Setting& setting) {
  target.exporter->out = setting.text != "stderr";
  target.exporter->err = setting.text != "stdout";
}
std::string GetStreams(const Target& target) {
  if (target.exporter->out) return target.exporter->err ? "both" : "stdout";
  return "stderr";
}
void SetEncoding(const Target& target, const Setting& setting) {
  target.exporter->json = setting.text == "json";
}
std::string GetEncoding(const Target& target) {
  return target.exporter->json ? "json" : "protobuf";
}
void SetCompat(const Target& target, const Setting& setting) {
  const auto has = [&](std::string_view name) {
    return std::find(setting.list.begin(), setting.list.end(), name) != setting.list.end();
  };
  target.metrics->compat_pm2 = has("pm2");
  target.metrics->compat_prom_client = has("prom-client");
}
std::string GetCompat(const Target& target) {
  std::string names = target.metrics->compat_pm2 ? "pm2" : "";
  if (target.metrics->compat_prom_client) names += names.empty() ? "prom-client" : " prom-client";
  return names;
}

using A = AppConfig;
using L = LogConfig;
using D = DaemonConfig;
using Y = ReadyConfig;
using H = HealthConfig;
using R = ReloadConfig;
using M = MetricsConfig;
using E = ExporterConfig;
using V = ReceiverConfig;
using P = PeerConfig;
using T = TlsConfig;

// "crash_loop errored …"
constexpr auto kIncidentText = [] {
  std::array<char, 512> text{};
  std::size_t size = 0;
  const auto add = [&](std::string_view name) {
    for (const char c : name)
      text[size++] = c;
    text[size++] = ' ';
  };
#define INCIDENT(id, name, severity, lasting, help) add(name);
#include "base/incidents.def"
  return std::pair(text, size - 1);
}();
constexpr std::string_view kIncidentNames(kIncidentText.first.data(), kIncidentText.second);

constexpr Key kKeys[] = {
#include "config/keys.def"
#include "config/observe_keys.def"
};

consteval bool NamesAreUnique() {
  for (const Key& a : kKeys) {
    for (const Key& b : kKeys) {
      if (&a != &b && a.path == b.path && a.scope == b.scope) return false;
    }
  }
  return true;
}
static_assert(NamesAreUnique(), "two rows have the same path");

consteval bool HelpEndsWithAStop() {
  for (const Key& key : kKeys) {
    if (!key.help.ends_with('.')) return false;
  }
  return true;
}
static_assert(HelpEndsWithAStop(), "help is made of sentences");

consteval bool EnumsHaveChoices() {
  for (const Key& key : kKeys) {
    const bool chooses = key.kind == Kind::kEnum || key.kind == Kind::kChoices;
    if (chooses == key.choices.empty()) return false;
  }
  return true;
}
static_assert(EnumsHaveChoices(), "an enum needs its choices");

bool IsEnvName(std::string_view name) {
  return name.starts_with("env_") && name.find_first_of(" \t\r\n") == std::string_view::npos;
}

}  // namespace

bool IsIn(Scope level, const Key& key) {
  const bool is_both = key.scope == Scope::kBoth && (level == Scope::kTop || level == Scope::kApp);
  return is_both || key.scope == level;
}

std::span<const Key> Keys() {
  return kKeys;
}

std::vector<std::string_view> Words(std::string_view text) {
  std::vector<std::string_view> words;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find(' '), text.size());
    if (end > 0) words.push_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return words;
}

std::string CamelCase(std::string_view path) {
  std::string camel;
  for (std::size_t i = 0; i < path.size(); ++i) {
    if (path[i] == '_' && i + 1 < path.size()) {
      camel += static_cast<char>(std::toupper(static_cast<unsigned char>(path[++i])));
    } else {
      camel += path[i];
    }
  }
  return camel;
}

KeyMatch FindKey(Scope scope, std::string_view path) {
  for (const Key& key : kKeys) {
    if (IsIn(scope, key) && key.path == path) return {&key, false};
  }
  for (const Key& key : kKeys) {
    if (!IsIn(scope, key)) continue;
    if (CamelCase(key.path) == path) return {&key, true};
    for (const std::string_view alias : Words(key.aliases)) {
      if (alias == path || CamelCase(alias) == path) return {&key, true};
    }
    if (key.path == "env_*" && IsEnvName(path)) return {&key, false};
  }
  return {};
}

bool IsGroup(Scope scope, std::string_view path) {
  return std::any_of(std::begin(kKeys), std::end(kKeys), [&](const Key& key) {
    return IsIn(scope, key) && key.path.starts_with(path) && key.path.size() > path.size() &&
           key.path[path.size()] == '.';
  });
}

std::vector<std::string> NamesBelow(Scope scope, std::string_view group) {
  std::vector<std::string> names;
  auto add = [&](std::string_view name) {
    if (std::find(names.begin(), names.end(), name) == names.end()) names.emplace_back(name);
  };
  for (const Key& key : kKeys) {
    if (!IsIn(scope, key) || key.path == "env_*") continue;
    std::string_view path = key.path;
    if (!group.empty()) {
      if (!path.starts_with(group) || path.size() <= group.size() || path[group.size()] != '.') {
        continue;
      }
      path.remove_prefix(group.size() + 1);
    }
    add(path.substr(0, path.find('.')));
    if (!group.empty()) continue;
    for (const std::string_view alias : Words(key.aliases))
      add(alias);
  }
  return names;
}

}  // namespace tend::config
