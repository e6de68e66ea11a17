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

TEST(Flags, ThoseForLaterSaySo) {
  AppConfig app;
  for (const char* flag : {"--watch", "--max-memory-restart", "--cron-restart", "--disable-logs"}) {
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
  EXPECT_EQ(warnings->size(), 1u);
  EXPECT_FALSE(app.merge_logs);
  AppConfig merged;
  merged.script = "a.py";
  warnings = ApplyFlags(merged, Given{{"--merge-logs", ""}, {"-i", "2"}});
  ASSERT_TRUE(warnings);
  EXPECT_TRUE(warnings->empty());
  EXPECT_TRUE(merged.merge_logs);
  EXPECT_FALSE(ApplyFlags(merged, Given{{"-i", "two"}}));
}

}  // namespace
}  // namespace tend::config
