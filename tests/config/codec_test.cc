#include "config/codec.h"

#include <boost/json.hpp>
#include <gtest/gtest.h>

namespace tend::config {
namespace {

using std::chrono::milliseconds;

// How it becomes ready, is seen to be sick, and is replaced.
void ChangeItsLife(AppConfig& app) {
  app.shutdown_with_message = true;
  app.wait_ready = true;
  app.listen_timeout = milliseconds(8);
  app.ready = {"/ready", "3001", "^up$", milliseconds(19)};
  app.health = {"/health", "3002",           "test -e up",     milliseconds(20), milliseconds(21),
                22,        milliseconds(23), milliseconds(24), milliseconds(25)};
  app.reload = {26, milliseconds(27), milliseconds(28), 1, Overlap::kNo};
  app.max_memory = 29;
  app.on_memory = OnMemory::kWarn;
  app.cron_restart = "daily";
  app.watch = {"/srv"};
  app.ignore_watch = {"*.log"};
  app.watch_delay = milliseconds(30);
  app.telemetry = Telemetry::kPython;
}

// Every member differs from its default.
AppConfig Changed() {
  AppConfig app;
  ChangeItsLife(app);
  app.name = "web";
  app.namespace_ = "shop";
  app.script = "/srv/web.js";
  app.args = {"--port", "3 000"};
  app.interpreter = "/usr/bin/node";
  app.node_args = {"--inspect"};
  app.cwd = "/srv";
  app.env = {{"A", "1"}, {"B", "\xff\n\"x\""}};
  app.env_named = {{"production", {{"A", "2"}}}};
  app.inherited_env = {{"PATH", "/bin"}};
  app.filter_env = {"SECRET"};
  app.port = 3000;
  app.append_env_to_name = true;
  app.exec_mode = ExecMode::kCluster;
  app.instances = 4;
  app.instance_var = "INSTANCE";
  app.increment_var = "PORT";
  app.listen = {"3000"};
  app.balance = Balance::kRoundRobin;
  app.autostart = false;
  app.autorestart = false;
  app.restart_delay = milliseconds(1);
  app.exp_backoff_restart_delay = milliseconds(2);
  app.max_restarts = 3;
  app.min_uptime = milliseconds(4);
  app.stop_exit_codes = {0, 5};
  app.kill_timeout = Duration(7);
  app.kill_signal = 15;
  app.treekill = false;
  app.uid = "www-data";
  app.gid = "33";
  app.out_file = "/o";
  app.error_file = "/e";
  app.log_file = "/l";
  app.merge_logs = false;
  app.log_date_format = "HH:mm";
  app.time = true;
  app.log_type = LogType::kJson;
  app.logs.max_size = 1;
  app.logs.max_age = milliseconds(9);
  app.logs.max_files = 10;
  app.logs.max_total = 11;
  app.logs.min_free = 12;
  app.logs.format = LineFormat::kRaw;
  app.logs.compress = false;
  app.logs.compress_level = 13;
  app.logs.compress_delay = milliseconds(14);
  app.logs.on_full = OnFull::kBlock;
  app.logs.redact = {"secret"};
  app.logs.rate_limit = 15;
  app.logs.rate_burst = 16;
  app.logs.multiline_start = {"^a"};
  app.logs.multiline_flush = milliseconds(17);
  app.logs.rotate = "daily";
  app.logs.timezone = "Europe/Berlin";
  app.logs.fsync = kFsyncNever;
  app.logs.total = 18ull << 30;
  return app;
}

void ExpectAllDiffer(const boost::json::object& a, const boost::json::object& b) {
  ASSERT_EQ(a.size(), b.size());
  for (const auto& member : a) {
    const boost::json::value& other = b.at(member.key());
    const bool is_group = other.is_object() && member.key().find("env") == std::string::npos;
    if (is_group) {
      ExpectAllDiffer(member.value().as_object(), other.as_object());
    } else {
      EXPECT_NE(member.value(), other) << member.key();
    }
  }
}

TEST(Codec, AConfigurationWithEveryMemberChangedComesBack) {
  const AppConfig app = Changed();
  const Result<AppConfig> back = AppConfigFromJson(ToJson(app, Secrets::kInclude));
  ASSERT_TRUE(back) << back.error().message();
  EXPECT_TRUE(*back == app);
}

TEST(Codec, TheTestAboveReallyChangesEveryMember) {
  const auto parse = [](const AppConfig& app) {
    boost::json::error_code error;
    boost::json::parse_options options;
    options.allow_invalid_utf8 = true;
    return boost::json::parse(ToJson(app, Secrets::kInclude), error, {}, options).as_object();
  };
  ExpectAllDiffer(parse(Changed()), parse(AppConfig()));
}

TEST(Codec, SecretsCanBeLeftOut) {
  const std::string json = ToJson(Changed(), Secrets::kLeaveOut);
  for (const char* name : {"\"env\"", "\"env_named\"", "\"inherited_env\"", "PATH"}) {
    EXPECT_EQ(json.find(name), std::string::npos) << name;
  }
  EXPECT_TRUE(AppConfigFromJson(json));
}

TEST(Codec, WhatIsMissingKeepsItsDefaultAndWhatIsUnknownIsIgnored) {
  const Result<AppConfig> app = AppConfigFromJson(R"({"name":"a","of_tomorrow":[1]})");
  ASSERT_TRUE(app);
  AppConfig expected;
  expected.name = "a";
  EXPECT_TRUE(*app == expected);
}

TEST(Codec, WhatDoesNotFitIsAnError) {
  for (const char* json :
       {"", "[]", "{", R"({"name":1})", R"({"args":["a",1]})", R"({"env":{"A":1}})",
        R"({"instances":99999999999})", R"({"max_restarts":-1})", R"({"logs":{"max_size":"1"}})",
        R"({"kill_timeout_ns":1.5})"}) {
    EXPECT_FALSE(AppConfigFromJson(json)) << json;
  }
}

}  // namespace
}  // namespace tend::config
