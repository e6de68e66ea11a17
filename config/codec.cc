#include "config/codec.h"

#include <cstdint>
#include <limits>
#include <map>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include <boost/json.hpp>

namespace tend::config {
namespace {

namespace json = boost::json;

// The only lists of members. Structured bindings name all of them, so a member that is added to the
// struct and not to its list does not compile.
template <typename Logs, typename Visitor>
void VisitMembers(Logs& logs,
                  Visitor& visit) requires std::is_same_v<std::remove_const_t<Logs>, LogConfig> {
  auto& [max_size, max_age, max_files, max_total, min_free, format, compress, compress_level,
         compress_delay, on_full, redact, rate_limit, rate_burst, multiline_start, multiline_flush,
         rotate, timezone, fsync, total] = logs;
  visit("max_size", max_size);
  visit("max_age", max_age);
  visit("max_files", max_files);
  visit("max_total", max_total);
  visit("min_free", min_free);
  visit("format", format);
  visit("compress", compress);
  visit("compress_level", compress_level);
  visit("compress_delay", compress_delay);
  visit("on_full", on_full);
  visit("redact", redact);
  visit("rate_limit", rate_limit);
  visit("rate_burst", rate_burst);
  visit("multiline_start", multiline_start);
  visit("multiline_flush", multiline_flush);
  visit("rotate", rotate);
  visit("timezone", timezone);
  visit("fsync", fsync);
  visit("total", total);
}

template <typename Ready, typename Visitor>
void VisitMembers(Ready& ready,
                  Visitor& visit) requires std::is_same_v<std::remove_const_t<Ready>, ReadyConfig> {
  auto& [http, tcp, log, timeout] = ready;
  visit("http", http);
  visit("tcp", tcp);
  visit("log", log);
  visit("timeout", timeout);
}

template <typename Health, typename Visitor>
void VisitMembers(Health& health, Visitor& visit) requires
    std::is_same_v<std::remove_const_t<Health>, HealthConfig> {
  auto& [http, tcp, exec, every, timeout, failures, grace, event_loop, watchdog] = health;
  visit("http", http);
  visit("tcp", tcp);
  visit("exec", exec);
  visit("every", every);
  visit("timeout", timeout);
  visit("failures", failures);
  visit("grace", grace);
  visit("event_loop", event_loop);
  visit("watchdog", watchdog);
}

template <typename Reload, typename Visitor>
void VisitMembers(Reload& reload, Visitor& visit) requires
    std::is_same_v<std::remove_const_t<Reload>, ReloadConfig> {
  auto& [parallel, drain, settle, signal, overlap] = reload;
  visit("parallel", parallel);
  visit("drain", drain);
  visit("settle", settle);
  visit("signal", signal);
  visit("overlap", overlap);
}

template <typename App, typename Visitor>
void VisitMembers(App& app,
                  Visitor& visit) requires std::is_same_v<std::remove_const_t<App>, AppConfig> {
  auto& [name, namespace_, script, args, interpreter, node_args, cwd, env, env_named, inherited_env,
         filter_env, port, append_env_to_name, exec_mode, instances, instance_var, increment_var,
         listen, balance, autostart, autorestart, restart_delay, exp_backoff_restart_delay,
         max_restarts, min_uptime, stop_exit_codes, kill_timeout, kill_signal, treekill,
         shutdown_with_message, wait_ready, listen_timeout, ready, health, reload, max_memory,
         on_memory, cron_restart, watch, ignore_watch, watch_delay, telemetry, uid, gid, out_file,
         error_file, log_file, merge_logs, log_date_format, time, log_type, logs] = app;
  visit("name", name);
  visit("namespace", namespace_);
  visit("script", script);
  visit("args", args);
  visit("interpreter", interpreter);
  visit("node_args", node_args);
  visit("cwd", cwd);
  visit.Secret("env", env);
  visit.Secret("env_named", env_named);
  visit.Secret("inherited_env", inherited_env);
  visit("filter_env", filter_env);
  visit("port", port);
  visit("append_env_to_name", append_env_to_name);
  visit("exec_mode", exec_mode);
  visit("instances", instances);
  visit("instance_var", instance_var);
  visit("increment_var", increment_var);
  visit("listen", listen);
  visit("balance", balance);
  visit("autostart", autostart);
  visit("autorestart", autorestart);
  visit("restart_delay", restart_delay);
  visit("exp_backoff_restart_delay", exp_backoff_restart_delay);
  visit("max_restarts", max_restarts);
  visit("min_uptime", min_uptime);
  visit("stop_exit_codes", stop_exit_codes);
  visit("kill_timeout", kill_timeout);
  visit("kill_signal", kill_signal);
  visit("treekill", treekill);
  visit("shutdown_with_message", shutdown_with_message);
  visit("wait_ready", wait_ready);
  visit("listen_timeout", listen_timeout);
  visit("ready", ready);
  visit("health", health);
  visit("reload", reload);
  visit("max_memory", max_memory);
  visit("on_memory", on_memory);
  visit("cron_restart", cron_restart);
  visit("watch", watch);
  visit("ignore_watch", ignore_watch);
  visit("watch_delay", watch_delay);
  visit("telemetry", telemetry);
  visit("uid", uid);
  visit("gid", gid);
  visit("out_file", out_file);
  visit("error_file", error_file);
  visit("log_file", log_file);
  visit("merge_logs", merge_logs);
  visit("log_date_format", log_date_format);
  visit("time", time);
  visit("log_type", log_type);
  visit("logs", logs);
}

template <typename T, typename Visitor>
void VisitMembers(T& metrics,
                  Visitor& visit) requires std::is_same_v<std::remove_const_t<T>, MetricsConfig> {
  auto& [level, max_series, compat_pm2, compat_prom_client] = metrics;
  visit("level", level);
  visit("max_series", max_series);
  visit("compat_pm2", compat_pm2);
  visit("compat_prom_client", compat_prom_client);
}

template <typename T, typename Visitor>
void VisitMembers(T& tls,
                  Visitor& visit) requires std::is_same_v<std::remove_const_t<T>, TlsConfig> {
  auto& [ca_file, cert_file, key_file, server_name, insecure] = tls;
  visit("ca_file", ca_file);
  visit("cert_file", cert_file);
  visit("key_file", key_file);
  visit("server_name", server_name);
  visit("insecure", insecure);
}

template <typename T, typename Visitor>
void VisitMembers(T& peer,
                  Visitor& visit) requires std::is_same_v<std::remove_const_t<T>, PeerConfig> {
  auto& [url, url_file, username, password_file, token_file, headers, tls, timeout] = peer;
  visit("url", url);
  visit("url_file", url_file);
  visit("username", username);
  visit("password_file", password_file);
  visit("token_file", token_file);
  visit("headers", headers);
  visit("tls", tls);
  visit("timeout", timeout);
}

template <typename T, typename Visitor>
void VisitMembers(T& exporter,
                  Visitor& visit) requires std::is_same_v<std::remove_const_t<T>, ExporterConfig> {
  auto& [name, type, peer, tenant, labels, apps, out, err, metadata, json, batch_bytes, batch_wait,
         max_age, max_behind, behind, interval, facility] = exporter;
  visit("name", name);
  visit("type", type);
  visit("peer", peer);
  visit("tenant", tenant);
  visit("labels", labels);
  visit("apps", apps);
  visit("out", out);
  visit("err", err);
  visit("metadata", metadata);
  visit("json", json);
  visit("batch_bytes", batch_bytes);
  visit("batch_wait", batch_wait);
  visit("max_age", max_age);
  visit("max_behind", max_behind);
  visit("behind", behind);
  visit("interval", interval);
  visit("facility", facility);
}

template <typename T, typename Visitor>
void VisitMembers(T& receiver,
                  Visitor& visit) requires std::is_same_v<std::remove_const_t<T>, ReceiverConfig> {
  auto& [name, type, peer, secret_file, exec, events, apps, cooldown, resolved] = receiver;
  visit("name", name);
  visit("type", type);
  visit("peer", peer);
  visit("secret_file", secret_file);
  visit("exec", exec);
  visit("events", events);
  visit("apps", apps);
  visit("cooldown", cooldown);
  visit("resolved", resolved);
}

template <typename T, typename Visitor>
void VisitMembers(T& observe,
                  Visitor& visit) requires std::is_same_v<std::remove_const_t<T>, ObserveConfig> {
  auto& [metrics, exporters, receivers] = observe;
  visit("metrics", metrics);
  visit("exporters", exporters);
  visit("receivers", receivers);
}

template <typename T, typename Visitor>
void VisitMembers(T& request,
                  Visitor& visit) requires std::is_same_v<std::remove_const_t<T>, ObserveRequest> {
  auto& [file, given, observe] = request;
  visit("file", file);
  visit("given", given);
  visit("observe", observe);
}

template <typename T, typename... Groups>
inline constexpr bool kIsOneOf = (std::is_same_v<T, Groups> || ...);
template <typename T>
concept IsGroup = kIsOneOf<T,
                           LogConfig,
                           ReadyConfig,
                           HealthConfig,
                           ReloadConfig,
                           MetricsConfig,
                           TlsConfig,
                           PeerConfig,
                           ExporterConfig,
                           ReceiverConfig,
                           ObserveConfig>;

class Writer {
 public:
  explicit Writer(Secrets secrets) : secrets_(secrets) {}

  template <typename T>
  void operator()(const char* name, const T& member) {
    object_[Named<T>(name)] = Of(member);
  }
  template <typename T>
  void Secret(const char* name, const T& member) {
    if (secrets_ == Secrets::kInclude) (*this)(name, member);
  }
  json::object Take() { return std::move(object_); }

  // A duration says its unit in its name.
  template <typename T>
  static std::string Named(const char* name) {
    return std::is_same_v<T, Duration> ? std::string(name) + "_ns" : std::string(name);
  }

 private:
  static json::value Of(bool value) { return value; }
  static json::value Of(const std::string& value) { return json::value(json::string(value)); }
  static json::value Of(Duration value) { return value.count(); }
  static json::value Of(std::uint64_t value) { return value; }
  static json::value Of(std::uint32_t value) { return value; }
  static json::value Of(int value) { return value; }
  template <typename T>
  requires std::is_enum_v<T>
  static json::value Of(T value) { return static_cast<unsigned>(value); }
  template <typename T>
  static json::value Of(const std::vector<T>& list) {
    json::array array;
    for (const T& item : list)
      array.push_back(Of(item));
    return array;
  }
  template <typename T>
  static json::value Of(const std::map<std::string, T>& map) {
    json::object object;
    for (const auto& [name, value] : map)
      object[name] = Of(value);
    return object;
  }
  template <IsGroup T>
  static json::value Of(const T& group) {
    Writer writer(Secrets::kInclude);
    VisitMembers(group, writer);
    return writer.Take();
  }

  json::object object_;
  Secrets secrets_;
};

class Reader {
 public:
  explicit Reader(const json::object& object) : object_(object) {}

  template <typename T>
  void operator()(const char* name, T& member) {
    const json::value* value = object_.if_contains(Writer::Named<T>(name));
    if (value != nullptr && !Read(*value, member) && wrong_.empty()) wrong_ = name;
  }
  template <typename T>
  void Secret(const char* name, T& member) {
    (*this)(name, member);
  }
  const std::string& wrong() const { return wrong_; }  // the first member that did not fit

 private:
  static bool Read(const json::value& from, bool& to) {
    if (!from.is_bool()) return false;
    to = from.get_bool();
    return true;
  }
  static bool Read(const json::value& from, std::string& to) {
    if (!from.is_string()) return false;
    to.assign(from.get_string().data(), from.get_string().size());
    return true;
  }
  static bool Read(const json::value& from, Duration& to) {
    if (!from.is_int64()) return false;
    to = Duration(from.get_int64());
    return true;
  }
  template <typename T>
  requires std::is_integral_v<T>
  static bool Read(const json::value& from, T& to) {
    if (from.is_int64() && std::in_range<T>(from.get_int64())) {
      to = static_cast<T>(from.get_int64());
      return true;
    }
    if (!from.is_uint64() || !std::in_range<T>(from.get_uint64())) return false;
    to = static_cast<T>(from.get_uint64());
    return true;
  }
  // A value of a newer tend keeps the default: there is no better one.
  static bool Read(const json::value& from, OnFull& to) { return ReadEnum(from, to, 2); }
  static bool Read(const json::value& from, LineFormat& to) { return ReadEnum(from, to, 4); }
  static bool Read(const json::value& from, LogType& to) { return ReadEnum(from, to, 2); }
  static bool Read(const json::value& from, ExecMode& to) { return ReadEnum(from, to, 2); }
  static bool Read(const json::value& from, Balance& to) { return ReadEnum(from, to, 3); }
  static bool Read(const json::value& from, OnMemory& to) { return ReadEnum(from, to, 2); }
  static bool Read(const json::value& from, Overlap& to) { return ReadEnum(from, to, 3); }
  static bool Read(const json::value& from, Telemetry& to) { return ReadEnum(from, to, 4); }
  static bool Read(const json::value& from, MetricsLevel& to) { return ReadEnum(from, to, 3); }
  static bool Read(const json::value& from, ExporterType& to) { return ReadEnum(from, to, 5); }
  static bool Read(const json::value& from, Metadata& to) { return ReadEnum(from, to, 3); }
  static bool Read(const json::value& from, ReceiverType& to) { return ReadEnum(from, to, 5); }
  template <typename T>
  static bool ReadEnum(const json::value& from, T& to, unsigned count) {
    unsigned number = 0;
    if (!Read(from, number)) return false;
    if (number < count) to = static_cast<T>(number);
    return true;
  }
  template <typename T>
  static bool Read(const json::value& from, std::vector<T>& to) {
    if (!from.is_array()) return false;
    to.clear();
    for (const json::value& item : from.get_array()) {
      T one{};
      if (!Read(item, one)) return false;
      to.push_back(std::move(one));
    }
    return true;
  }
  template <typename T>
  static bool Read(const json::value& from, std::map<std::string, T>& to) {
    if (!from.is_object()) return false;
    to.clear();
    for (const json::key_value_pair& entry : from.get_object()) {
      const json::string_view key = entry.key();
      if (!Read(entry.value(), to[std::string(key.data(), key.size())])) return false;
    }
    return true;
  }
  template <IsGroup T>
  static bool Read(const json::value& from, T& to) {
    if (!from.is_object()) return false;
    Reader reader(from.get_object());
    VisitMembers(to, reader);
    return reader.wrong().empty();
  }

  const json::object& object_;
  std::string wrong_;
};

template <typename T>
Result<T> FromJson(std::string_view text) {
  json::error_code error;
  json::parse_options options;
  options.allow_invalid_utf8 = true;  // the environment has bytes, not text
  const json::value value =
      json::parse(json::string_view(text.data(), text.size()), error, {}, options);
  if (error) return Error(Errc::kInvalid, "read a configuration: " + error.message());
  if (!value.is_object()) return Error(Errc::kInvalid, "read a configuration: no object");
  T config;
  Reader reader(value.get_object());
  VisitMembers(config, reader);
  if (!reader.wrong().empty()) {
    return Error(Errc::kInvalid, "read a configuration: \"" + reader.wrong() + "\" does not fit");
  }
  return config;
}

}  // namespace

std::string ToJson(const AppConfig& app, Secrets secrets) {
  Writer writer(secrets);
  VisitMembers(app, writer);
  return json::serialize(writer.Take());
}

Result<AppConfig> AppConfigFromJson(std::string_view text) {
  return FromJson<AppConfig>(text);
}

std::string ToJson(const ObserveRequest& request) {
  Writer writer(Secrets::kInclude);
  VisitMembers(request, writer);
  return json::serialize(writer.Take());
}

Result<ObserveRequest> ObserveRequestFromJson(std::string_view text) {
  return FromJson<ObserveRequest>(text);
}

}  // namespace tend::config
