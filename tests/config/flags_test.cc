#include "config/flags.h"

#include <algorithm>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace tend::config {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

TEST(Flags, SetWhatTheirKeysSet) {
  AppConfig app;
  for (const auto& [flag, value] : std::initializer_list<std::pair<const char*, const char*>>{
           {"--name", "web"},
           {"-i", "max"},
           {"--max-restarts", "5"},
           {"--no-autorestart", ""},
           {"--kill-timeout", "3000"},
           {"--stop-exit-codes", "0 143"},
           {"--node-args", "--inspect --x='a b'"},
           {"-o", "NULL"},
           {"--filter-env", "A B"},
           {"--namespace", "shop"},
           {"--min-uptime", "5s"},
           {"--merge-logs", ""},
           {"--name", "8080"}}) {
    const Result<> applied = ApplyFlag(app, flag, value);
    EXPECT_TRUE(applied) << flag;
  }
  EXPECT_EQ(app.name, "8080");
  EXPECT_EQ(app.instances, 0);
  EXPECT_EQ(app.max_restarts, 5u);
  EXPECT_FALSE(app.autorestart);
  EXPECT_EQ(app.kill_timeout, std::chrono::seconds(3));
  EXPECT_THAT(app.stop_exit_codes, ElementsAre(0, 143));
  EXPECT_THAT(app.node_args, ElementsAre("--inspect", "--x=a b"));
  EXPECT_EQ(app.out_file, "/dev/null");
  EXPECT_THAT(app.filter_env, ElementsAre("A", "B"));
  EXPECT_TRUE(app.merge_logs);
}

TEST(Flags, AWrongValueSaysWhatWasExpected) {
  AppConfig app;
  const Result<> wrong = ApplyFlag(app, "--max-restarts", "many");
  ASSERT_FALSE(wrong);
  EXPECT_THAT(wrong.error().message(), HasSubstr("--max-restarts must be a whole number"));
  EXPECT_FALSE(ApplyFlag(app, "--nothing", ""));
  EXPECT_TRUE(app == AppConfig());
}

TEST(Flags, WhatRestartsAnApp) {
  AppConfig app;
  for (const auto& [flag, value] : std::initializer_list<std::pair<const char*, const char*>>{
           {"--watch", ""},
           {"--ignore-watch", "node_modules *.log"},
           {"--watch-delay", "2"},
           {"--max-memory-restart", "200M"},
           {"-c", "0 3 * * *"},
           {"--shutdown-with-message", ""},
           {"--wait-ready", ""}}) {
    const Result<> applied = ApplyFlag(app, flag, value);
    EXPECT_TRUE(applied) << flag;
  }
  EXPECT_THAT(app.watch, ElementsAre("."));
  EXPECT_THAT(app.ignore_watch, ElementsAre("node_modules", "*.log"));
  EXPECT_EQ(app.watch_delay, std::chrono::seconds(2));
  EXPECT_EQ(app.max_memory, 200u << 20);
  EXPECT_EQ(app.cron_restart, "0 3 * * *");
  EXPECT_TRUE(app.shutdown_with_message && app.wait_ready);
  EXPECT_TRUE(ApplyFlag(app, "--watch", "src"));
  EXPECT_THAT(app.watch, ElementsAre("src"));
  EXPECT_TRUE(ApplyFlag(app, "--watch-delay", "500ms"));
  EXPECT_EQ(app.watch_delay, std::chrono::milliseconds(500));
  EXPECT_TRUE(ApplyFlag(app, "--cron", "0"));
  EXPECT_EQ(app.cron_restart, "");
  EXPECT_FALSE(ApplyFlag(app, "--cron", "soon"));
}

TEST(Flags, ThoseForLaterSaySo) {
  AppConfig app;
  for (const char* flag : {"--disable-logs", "--pid"}) {
    const Result<> later = ApplyFlag(app, flag, "x");
    ASSERT_FALSE(later) << flag;
    EXPECT_THAT(later.error().message(), HasSubstr("is not supported yet"));
  }
}

TEST(Flags, EveryFlagOfPm2IsListed) {
  const std::vector<Flag> flags = Flags();
  for (const char* name : {"-i",
                           "--instances",
                           "--name",
                           "-n",
                           "--interpreter",
                           "--interpreter-args",
                           "--node-args",
                           "--cwd",
                           "--watch",
                           "--ignore-watch",
                           "--max-memory-restart",
                           "--wait-ready",
                           "--listen-timeout",
                           "--kill-timeout",
                           "-k",
                           "--restart-delay",
                           "--max-restarts",
                           "--min-uptime",
                           "--exp-backoff-restart-delay",
                           "--no-autorestart",
                           "--stop-exit-codes",
                           "--cron-restart",
                           "-o",
                           "--output",
                           "-e",
                           "--error",
                           "-l",
                           "--log",
                           "--merge-logs",
                           "--log-date-format",
                           "--time",
                           "--log-type",
                           "--namespace",
                           "--uid",
                           "--gid",
                           "--no-treekill",
                           "--no-autostart",
                           "--filter-env",
                           "--shutdown-with-message"}) {
    EXPECT_TRUE(std::any_of(flags.begin(), flags.end(), [&](const Flag& flag) {
      return flag.name == name || flag.also == name || flag.also_2 == name;
    })) << name;
  }
}

TEST(Flags, SeveralTogetherFollowPm2sRules) {
  using Given = std::vector<std::pair<std::string, std::string>>;
  AppConfig app;
  app.script = "a.js";
  Result<std::vector<Problem>> warnings = ApplyFlags(app, Given{{"-i", "2"}});
  ASSERT_TRUE(warnings);
  EXPECT_TRUE(warnings->empty());
  EXPECT_FALSE(app.merge_logs);
  EXPECT_EQ(app.exec_mode, ExecMode::kCluster);
  AppConfig merged;
  merged.script = "a.py";
  warnings = ApplyFlags(merged, Given{{"--merge-logs", ""}, {"-i", "2"}});
  ASSERT_TRUE(warnings);
  EXPECT_TRUE(warnings->empty());
  EXPECT_TRUE(merged.merge_logs);
  EXPECT_EQ(merged.exec_mode, ExecMode::kFork);
  AppConfig unknown;
  unknown.script = "bin/www";
  ASSERT_TRUE(ApplyFlags(unknown, Given{{"-i", "max"}}));
  EXPECT_EQ(unknown.exec_mode, ExecMode::kAuto);
  AppConfig wrapped;
  wrapped.script = "npm";
  warnings = ApplyFlags(wrapped, Given{{"-i", "2"}});
  ASSERT_TRUE(warnings);
  ASSERT_EQ(warnings->size(), 1u);
  EXPECT_THAT(warnings->front().message, HasSubstr("the server that npm starts is not in it"));
  EXPECT_EQ(wrapped.exec_mode, ExecMode::kFork);
  EXPECT_FALSE(ApplyFlags(merged, Given{{"-i", "two"}}));
}

}  // namespace
}  // namespace tend::config
