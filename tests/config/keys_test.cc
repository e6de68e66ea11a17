#include "config/keys.h"

#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace tend::config {
namespace {

using testing::ElementsAre;

const Key& KeyAt(std::string_view path) {
  const KeyMatch match = FindKey(Scope::kApp, path);
  EXPECT_NE(match.key, nullptr) << path;
  return *match.key;
}

// "" if the value does not fit.
std::string Shown(std::string_view path, const std::string& text) {
  const Key& key = KeyAt(path);
  const Parsed parsed = ParseYaml(text);
  EXPECT_TRUE(parsed.ok) << text;
  const Result<Setting> setting = ToSetting(key, parsed.value);
  if (!setting) return "";
  AppConfig app;
  const Target target{&app, &app.logs, nullptr};
  key.set(target, *setting);
  return key.get(target);
}

TEST(Keys, EveryKeyGoesSomewhere) {
  for (const Key& key : Keys()) {
    if (key.kind == Kind::kLater || key.kind == Kind::kIgnored || key.path == "env_*") continue;
    EXPECT_TRUE(key.set != nullptr && key.get != nullptr) << key.path;
  }
}

TEST(Keys, TheDocumentedDefaultIsTheDefault) {
  AppConfig app;
  DaemonConfig daemon;
  MetricsConfig metrics;
  ExporterConfig exporter;
  ReceiverConfig receiver;
  Target target{&app, &app.logs, &daemon, &metrics};
  for (const Key& key : Keys()) {
    // Of exporters and receivers there is none: it is the entry's name.
    if (key.get == nullptr || key.path == "type") continue;
    target.exporter = key.scope == Scope::kExporter ? &exporter : nullptr;
    target.receiver = key.scope == Scope::kReceiver ? &receiver : nullptr;
    EXPECT_EQ(key.get(target), key.fallback) << key.path;
  }
}

TEST(Keys, NoSpellingMeansTwoKeys) {
  for (const Scope scope : {Scope::kTop, Scope::kApp, Scope::kExporter, Scope::kReceiver}) {
    std::set<std::string> spellings;
    for (const Key& key : Keys()) {
      if (!IsIn(scope, key)) continue;
      std::set<std::string> own = {std::string(key.path), CamelCase(key.path)};
      for (const std::string_view alias : Words(key.aliases)) {
        own.insert(std::string(alias));
        own.insert(CamelCase(alias));
      }
      for (const std::string& spelling : own) {
        EXPECT_TRUE(spellings.insert(spelling).second) << spelling;
      }
    }
  }
}

TEST(Keys, NoFlagMeansTwoKeys) {
  std::set<std::string_view> flags;
  for (const Key& key : Keys()) {
    for (const std::string_view flag : Words(key.flags)) {
      EXPECT_TRUE(flags.insert(flag).second) << flag;
    }
  }
}

TEST(Keys, EveryAliasOfPm2FindsItsKey) {
  const std::pair<const char*, const char*> aliases[] = {
      {"exec", "script"},
      {"cmd", "script"},
      {"command", "script"},
      {"exec_interpreter", "interpreter"},
      {"execInterpreter", "interpreter"},
      {"interpreter_args", "node_args"},
      {"interpreterArgs", "node_args"},
      {"nodeArgs", "node_args"},
      {"out", "out_file"},
      {"output", "out_file"},
      {"out_log", "out_file"},
      {"outFile", "out_file"},
      {"error", "error_file"},
      {"err", "error_file"},
      {"err_file", "error_file"},
      {"err_log", "error_file"},
      {"log", "log_file"},
      {"combine_logs", "merge_logs"},
      {"pid", "pid_file"},
      {"cron", "cron_restart"},
      {"user", "uid"},
      {"maxMemoryRestart", "max_memory_restart"},
      {"execMode", "exec_mode"},
      {"killTimeout", "kill_timeout"},
      {"waitReady", "wait_ready"},
      {"expBackoffRestartDelay", "exp_backoff_restart_delay"},
      {"env_production", "env_*"},
      {"instanceVar", "instance_var"},
      {"stopExitCodes", "stop_exit_codes"},
      {"logDateFormat", "log_date_format"},
  };
  for (const auto& [alias, path] : aliases) {
    const KeyMatch match = FindKey(Scope::kApp, alias);
    ASSERT_NE(match.key, nullptr) << alias;
    EXPECT_EQ(match.key->path, path) << alias;
  }
}

TEST(Keys, Pm2SchemaIsKnownInFull) {
  const char* keys[] = {"script",
                        "name",
                        "name_prefix",
                        "namespace",
                        "cwd",
                        "args",
                        "interpreter",
                        "node_args",
                        "exec_mode",
                        "instances",
                        "instance_var",
                        "increment_var",
                        "env",
                        "filter_env",
                        "append_env_to_name",
                        "port",
                        "out_file",
                        "error_file",
                        "log_file",
                        "merge_logs",
                        "pid_file",
                        "disable_logs",
                        "log_type",
                        "log_date_format",
                        "time",
                        "autostart",
                        "autorestart",
                        "stop_exit_codes",
                        "restart_delay",
                        "exp_backoff_restart_delay",
                        "min_uptime",
                        "max_restarts",
                        "max_memory_restart",
                        "kill_timeout",
                        "kill_retry_time",
                        "treekill",
                        "shutdown_with_message",
                        "wait_ready",
                        "listen_timeout",
                        "cron_restart",
                        "watch",
                        "ignore_watch",
                        "watch_options",
                        "watch_delay",
                        "uid",
                        "gid",
                        "force",
                        "source_map_support",
                        "disable_source_map_support",
                        "pmx",
                        "automation",
                        "io",
                        "trace",
                        "disable_trace",
                        "deep_monitoring",
                        "v8",
                        "event_loop_inspector",
                        "vizion",
                        "post_update",
                        "execute_command",
                        "write",
                        "install_url",
                        "username",
                        "windowsHide"};
  for (const char* key : keys)
    EXPECT_NE(FindKey(Scope::kApp, key).key, nullptr) << key;
}

struct Case {
  const char* path;
  const char* text;
  const char* shown;  // "": refused
};

class Values : public testing::TestWithParam<Case> {};

TEST_P(Values, AreReadAsTheirKindSays) {
  const Case& c = GetParam();
  EXPECT_EQ(Shown(c.path, c.text), c.shown) << c.path << ": " << c.text;
}

INSTANTIATE_TEST_SUITE_P(
    Table,
    Values,
    testing::Values(
        Case{"autorestart", "false", "false"},
        Case{"autorestart", "'false'", ""},
        Case{"autorestart", "no", ""},
        Case{"autorestart", "0", ""},
        Case{"max_restarts", "3", "3"},
        Case{"max_restarts", "'3'", "3"},
        Case{"max_restarts", "-1", ""},
        Case{"max_restarts", "1.5", ""},
        Case{"max_restarts", "many", ""},
        Case{"max_restarts", "[3]", ""},
        Case{"max_restarts", "99999999999999999999", ""},
        Case{"kill_timeout", "3000", "3s"},
        Case{"kill_timeout", "'3000'", "3s"},
        Case{"kill_timeout", "5s", "5s"},
        Case{"kill_timeout", "-1", ""},
        Case{"kill_timeout", "soon", ""},
        Case{"min_uptime", "1h", "1h"},
        Case{"min_uptime", "99", ""},
        Case{"min_uptime", "100", "100ms"},
        Case{"restart_delay", "0", "0"},
        Case{"logs.max_age", "90", "90s"},
        Case{"logs.max_size", "20M", "20M"},
        Case{"logs.max_size", "1048576", "1M"},
        Case{"logs.max_size", "bananas", ""},
        Case{"logs.max_size", "1K", ""},
        Case{"logs.format", "json", "json"},
        Case{"logs.format", "xml", ""},
        Case{"logs.on_full", "block", "block"},
        Case{"logs.compress.level", "20", ""},
        Case{"logs.redact", "'a b'", "a b"},
        Case{"logs.redact", "['a+', 'b(c)']", "a+ b(c)"},
        Case{"logs.redact", "'('", ""},
        Case{"logs.redact", "[a, '[']", ""},
        Case{"logs.redact", "'x*'", ""},
        Case{"logs.redact", "true", ""},
        Case{"logs.redact", "[1]", ""},
        Case{"logs.rate_limit", "5000/s", "5000"},
        Case{"logs.rate_limit", "5000", "5000"},
        Case{"logs.rate_limit", "-1/s", ""},
        Case{"logs.rate_limit", "5000/m", ""},
        Case{"logs.rate_limit", "/s", ""},
        Case{"logs.rotate", "daily", "daily"},
        Case{"logs.rotate", "none", "none"},
        Case{"logs.rotate", "30 3 * * mon", "30 3 * * mon"},
        Case{"logs.rotate", "dayly", ""},
        Case{"logs.timezone", "UTC", "UTC"},
        Case{"logs.timezone", "../etc/passwd", ""},
        Case{"logs.timezone", "Mars/Crater", ""},
        Case{"logs.fsync", "rotate", "rotate"},
        Case{"logs.fsync", "none", "none"},
        Case{"logs.fsync", "5s", "5s"},
        Case{"logs.fsync", "1ms", ""},
        Case{"logs.fsync", "often", ""},
        Case{"balance", "round_robin", "round_robin"},
        Case{"balance", "random", ""},
        Case{"listen", "3000", "3000"},
        Case{"listen", "[3000, '127.0.0.1:80', '[::1]:80']", "3000 127.0.0.1:80 [::1]:80"},
        Case{"listen", "unix:/run/x.sock", "unix:/run/x.sock"},
        Case{"listen", "db.local:3000", "db.local:3000"},
        Case{"listen", "0", ""},
        Case{"listen", "65536", ""},
        Case{"listen", "unix:x.sock", ""},
        Case{"listen", "'a b:80'", ""},
        Case{"listen", "'[a]:80'", ""},
        Case{"listen", "':80'", ""},
        Case{"listen", "[80, '80']", ""},
        Case{"listen", "[1, 2, 3, 4, 5, 6, 7, 8]", ""},
        Case{"ready.http", "/ready", "/ready"},
        Case{"ready.http", "http://localhost:80/x?a=b", "http://localhost:80/x?a=b"},
        Case{"ready.http", "http://[::1]", "http://[::1]"},
        Case{"ready.http", "http://unix:/run/x.sock:/ready", "http://unix:/run/x.sock:/ready"},
        Case{"ready.http", "http://example.com/", ""},
        Case{"ready.http", "https://127.0.0.1/", ""},
        Case{"ready.http", "ready", ""},
        Case{"ready.http", "'/a b'", ""},
        Case{"ready.tcp", "5432", "5432"},
        Case{"ready.tcp", "localhost:1", "localhost:1"},
        Case{"ready.tcp", "db:5432", ""},
        Case{"ready.log", "'listens on \\d+'", "listens on \\d+"},
        Case{"ready.log", "'('", ""},
        Case{"ready.log", "[a]", ""},
        Case{"health.every", "5", "5s"},
        Case{"health.every", "0", ""},
        Case{"health.failures", "0", ""},
        Case{"health.event_loop", "10", "10s"},
        Case{"reload.drain", "500", "500ms"},
        Case{"reload.signal", "HUP", "SIGHUP"},
        Case{"reload.overlap", "yes", "yes"},
        Case{"reload.overlap", "false", "no"},
        Case{"reload.overlap", "maybe", ""},
        Case{"max_memory_restart", "600M", "600M"},
        Case{"max_memory_restart", "1048576", "1M"},
        Case{"max_memory_restart", "lots", ""},
        Case{"limits.memory", "1G", "1G"},
        Case{"limits.on_memory", "warn", "warn"},
        Case{"cron_restart", "0 3 * * *", "0 3 * * *"},
        Case{"cron_restart", "'*/5 * * * * *'", "*/5 * * * * *"},
        Case{"cron_restart", "0", "none"},
        Case{"cron_restart", "false", "none"},
        Case{"cron_restart", "daily", "daily"},
        Case{"cron_restart", "true", ""},
        Case{"cron_restart", "tomorrow", ""},
        Case{"logs.rotate", "'0 0 0 * * *'", ""},
        Case{"watch", "true", "."},
        Case{"watch", "false", "false"},
        Case{"watch", "[]", "."},
        Case{"watch", "src", "src"},
        Case{"watch", "[src, lib]", "src lib"},
        Case{"watch", "''", ""},
        Case{"watch", "{a: b}", ""},
        Case{"ignore_watch", "'node_modules *.log'", "node_modules *.log"},
        Case{"watch_delay", "1000", "1s"},
        Case{"name", "web", "web"},
        Case{"name", "8080", "8080"},
        Case{"name", "true", ""},
        Case{"name", "{a: b}", ""},
        Case{"args", "a 'b c' d", "a b c d"},
        Case{"args", "[1, true, x]", "1 true x"},
        Case{"args", "[[1]]", ""},
        Case{"instances", "max", "max"},
        Case{"instances", "0", "max"},
        Case{"instances", "-1", "-1"},
        Case{"instances", "'4'", "4"},
        Case{"instances", "four", ""},
        Case{"instances", "1e9", ""},
        Case{"stop_exit_codes", "0", "0"},
        Case{"stop_exit_codes", "[0, 143]", "0 143"},
        Case{"stop_exit_codes", "[256]", ""},
        Case{"stop_exit_codes", "'0,3'", "0 3"},
        Case{"kill_signal", "SIGTERM", "SIGTERM"},
        Case{"kill_signal", "TERM", "SIGTERM"},
        Case{"kill_signal", "15", "SIGTERM"},
        Case{"kill_signal", "SIGNOT", ""},
        Case{"kill_signal", "0", ""},
        Case{"uid", "1000", "1000"},
        Case{"out_file", "'NULL'", "/dev/null"},
        Case{"out_file", "true", ""},
        Case{"filter_env", "SECRET", "=SECRET"},
        Case{"filter_env", "[A, B]", "A B"},
        Case{"filter_env", "true", ""},
        Case{"port", "3000", "3000"},
        Case{"port", "70000", ""},
        Case{"env", "{B: 1, A: x}", "A B"},
        Case{"env", "[A]", ""},
        Case{"env", "{'A=B': 1}", ""}));

TEST(Keys, LogFileTrueNeedsNoFile) {
  const Result<Setting> setting = ToSetting(KeyAt("log_file"), FromPlainText("true"));
  ASSERT_TRUE(setting);
  EXPECT_EQ(setting->text, "");
}

TEST(Keys, ValuesOfTheEnvironmentAreTextAndObjectsAreJson) {
  const Parsed parsed = ParseYaml("{PORT: 3000, ON: true, O: {a: [1, x]}, NO: null, E: ''}");
  const Result<Setting> setting = ToSetting(KeyAt("env"), parsed.value);
  ASSERT_TRUE(setting);
  const std::map<std::string, std::string> expected = {
      {"PORT", "3000"}, {"ON", "true"}, {"O", R"({"a":[1,"x"]})"}, {"E", ""}};
  EXPECT_EQ(setting->env, expected);
}

TEST(SplitShell, SplitsAsAShellDoes) {
  EXPECT_THAT(SplitShell("a  b\tc"), ElementsAre("a", "b", "c"));
  EXPECT_THAT(SplitShell("--name=\"b c\" 'd e' \"\" f\\ g"),
              ElementsAre("--name=b c", "d e", "", "f g"));
  EXPECT_THAT(SplitShell("'a\\b' \"c\\d\" \"e\\\"f\""), ElementsAre("a\\b", "c\\d", "e\"f"));
  EXPECT_THAT(SplitShell("'unclosed x"), ElementsAre("unclosed x"));
  EXPECT_THAT(SplitShell("   "), ElementsAre());
}

}  // namespace
}  // namespace tend::config
