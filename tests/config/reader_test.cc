#include "config/reader.h"

#include <cstdlib>
#include <random>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "config/problem.h"
#include "temp_folder.h"

namespace tend::config {
namespace {

using testing::HasSubstr;

Loaded Tend(std::string_view text) {
  return LoadText(text, "tend.yaml", {});
}
Loaded EcosystemOf(std::string_view text) {
  return LoadText(text, "ecosystem.config.yaml", {});
}

std::string All(const Loaded& loaded) {
  std::string text;
  for (const Problem& problem : loaded.problems) {
    text += FormatProblem(problem, loaded.source, false);
  }
  return text;
}

TEST(Reader, APatternThatCannotBeReadHasItsPlace) {
  const Loaded loaded = Tend(R"(
logs:
  redact:
    - "secret"
    - "(open"
apps: [{ name: a, script: a.js }]
)");
  EXPECT_FALSE(loaded.ok());
  EXPECT_THAT(All(loaded), HasSubstr("tend.yaml:5:7"));
  EXPECT_THAT(All(loaded), HasSubstr("which (open is not: missing )"));
}

TEST(Reader, RecordsOfSeveralLinesNeedJson) {
  constexpr char kFile[] =
      "logs: { multiline: { start: '^x' } }\napps: [{ name: a, script: a.js, logs: { format: %s } "
      "}]";
  const auto with = [&](std::string format) {
    std::string text = kFile;
    return Tend(text.replace(text.find("%s"), 2, format));
  };
  EXPECT_TRUE(with("json").ok()) << All(with("json"));
  EXPECT_THAT(All(with("tend")), HasSubstr("needs \"logs.format\" to be json"));
}

TEST(Reader, ReadsAWholeFile) {
  const Loaded loaded = Tend(R"(
listen: 0.0.0.0:9000
logs:
  max_size: 20M
  total: 5G
  compress: { level: 3, delay: 10s }
apps:
  - name: api
    script: server.js
    instances: 2
    env: { NODE_ENV: production, PORT: 3000 }
    env_staging: { NODE_ENV: staging }
    logs: { max_size: 1M, compress: false }
  - script: ./worker.py
    args: --fast "a b"
    kill_timeout: 5000
)");
  ASSERT_TRUE(loaded.problems.empty()) << All(loaded);
  EXPECT_EQ(loaded.config.daemon.listen, "0.0.0.0:9000");
  ASSERT_EQ(loaded.config.apps.size(), 2u);
  EXPECT_EQ(loaded.config.apps[1].logs.total, 5ull << 30);
  const AppConfig& api = loaded.config.apps[0];
  EXPECT_EQ(api.instances, 2);
  EXPECT_EQ(api.env.at("PORT"), "3000");
  EXPECT_EQ(api.env_named.at("staging").at("NODE_ENV"), "staging");
  EXPECT_EQ(api.logs.max_size, 1u << 20);
  EXPECT_FALSE(api.logs.compress);
  EXPECT_EQ(api.logs.compress_level, 3);
  EXPECT_FALSE(api.merge_logs);
  const AppConfig& worker = loaded.config.apps[1];
  EXPECT_EQ(worker.name, "worker");
  EXPECT_EQ(worker.logs.max_size, 20u << 20);
  EXPECT_EQ(worker.kill_timeout, std::chrono::seconds(5));
  EXPECT_EQ(worker.args.back(), "a b");
  EXPECT_TRUE(worker.merge_logs);
}

TEST(Reader, LogsAtTheTopAreTheDefaultEvenBelowTheApps) {
  const Loaded loaded = Tend("apps: [{script: a.js}]\nlogs: {max_files: 7}\n");
  ASSERT_TRUE(loaded.ok()) << All(loaded);
  EXPECT_EQ(loaded.config.apps[0].logs.max_files, 7u);
}

TEST(Reader, AnUnknownKeyIsAnErrorInTendYamlWithPlaceAndSuggestion) {
  const Loaded loaded = Tend("apps:\n  - name: web\n    script: a.js\n    instnaces: 4\n");
  ASSERT_FALSE(loaded.ok());
  EXPECT_EQ(All(loaded),
            "error[E030]: unknown key \"instnaces\" in app \"web\"\n"
            "  --> tend.yaml:4:5\n"
            "   |\n"
            " 4 |     instnaces: 4\n"
            "   |     ^^^^^^^^^ did you mean \"instances\"?\n");
}

TEST(Reader, AnUnknownKeyIsAWarningInEcosystemFilesUnlessStrict) {
  const char* text = "apps:\n  - name: web\n    script: a.js\n    instnaces: 4\n";
  const Loaded loaded = EcosystemOf(text);
  EXPECT_TRUE(loaded.ok());
  ASSERT_EQ(loaded.problems.size(), 1u);
  EXPECT_EQ(loaded.problems[0].line, 4);
  EXPECT_EQ(loaded.problems[0].column, 5);
  EXPECT_EQ(loaded.problems[0].code, "W012");
  EXPECT_EQ(loaded.problems[0].where, "apps[0].instnaces");
  EXPECT_THAT(loaded.problems[0].message, HasSubstr("is ignored"));
  EXPECT_THAT(loaded.problems[0].help, HasSubstr("instances"));
  LoadOptions strict;
  strict.strict = true;
  EXPECT_FALSE(LoadText(text, "ecosystem.config.yaml", strict).ok());
}

TEST(Reader, UnknownKeysOfGroupsAndOfTheFileAreFound) {
  EXPECT_THAT(All(Tend("logs:\n  max_sice: 1M\napps: []\n")),
              HasSubstr("did you mean \"max_size\"?"));
  EXPECT_THAT(All(Tend("lsten: off\napps: []\n")), HasSubstr("did you mean \"listen\"?"));
  EXPECT_THAT(All(Tend("app:\n  - script: x\n")), HasSubstr("did you mean \"apps\"?"));
  EXPECT_THAT(All(Tend("max_restarts: 3\napps: []\n")), HasSubstr("put it below \"apps\""));
}

TEST(Reader, AWrongValueSaysWhatWasExpected) {
  const Loaded loaded = Tend("logs:\n  max_size: bananas\napps: []\n");
  ASSERT_EQ(loaded.problems.size(), 1u);
  EXPECT_EQ(loaded.problems[0].code, "E031");
  EXPECT_EQ(loaded.problems[0].line, 2);
  EXPECT_EQ(loaded.problems[0].column, 13);
  EXPECT_THAT(loaded.problems[0].message,
              HasSubstr("must be a size such as 20M or 1G, from 64K to 1T, not \"bananas\""));
  EXPECT_FALSE(EcosystemOf("apps: [{script: a.js, autorestart: 'yes'}]").ok());
  EXPECT_FALSE(Tend("apps: [{script: a.js, logs: 3}]").ok());
  EXPECT_FALSE(Tend("apps: 3").ok());
  EXPECT_FALSE(Tend("apps: [3]").ok());
  EXPECT_FALSE(Tend("just text").ok());
  EXPECT_FALSE(Tend("").ok());
}

TEST(Reader, AMissingScriptAndDoubleNamesAreErrors) {
  EXPECT_THAT(All(Tend("apps:\n  - name: web\n")),
              HasSubstr("\"script\" is missing in app \"web\""));
  EXPECT_THAT(All(Tend("apps: [{script: ''}]")), HasSubstr("\"script\" is missing"));
  const Loaded twice = Tend("apps:\n  - script: a/web.js\n  - name: web\n    script: b.js\n");
  EXPECT_FALSE(twice.ok());
  EXPECT_EQ(twice.problems[0].line, 3);
  EXPECT_THAT(All(twice), HasSubstr("two apps with the name \"web\""));
}

TEST(Reader, AKeyGivenTwiceIsAnErrorAndTheMainSpellingWinsOverItsAlias) {
  EXPECT_THAT(All(Tend("apps: [{script: a.js, cwd: /a, cwd: /b}]")), HasSubstr("given twice"));
  const Loaded loaded = EcosystemOf("apps: [{script: a.js, out: /alias, out_file: /main}]");
  EXPECT_TRUE(loaded.ok()) << All(loaded);
  EXPECT_EQ(loaded.problems.size(), 1u);
  EXPECT_EQ(loaded.config.apps[0].out_file, "/main");
  EXPECT_EQ(EcosystemOf("apps: [{script: a.js, out_file: /main, out: /a}]").config.apps[0].out_file,
            "/main");
}

TEST(Reader, WhatComesLaterIsSaidAndWhatMeansNothingIsNot) {
  const char* text =
      "apps: [{script: a.js, watch_options: {x: 1}, disable_logs: true, pmx: false, vizion: false, "
      "pid_file: ''}]";
  const Loaded loaded = EcosystemOf(text);
  EXPECT_TRUE(loaded.ok());
  EXPECT_EQ(loaded.problems.size(), 2u) << All(loaded);
  EXPECT_THAT(All(loaded),
              HasSubstr("\"watch_options\" in app \"a\" is not supported yet by this version of "
                        "tend and is ignored"));
  const Loaded strict = Tend(text);
  EXPECT_FALSE(strict.ok());
  EXPECT_THAT(All(strict), HasSubstr("error[E036]: \"watch_options\""));
  EXPECT_THAT(All(strict), HasSubstr("\"pmx\" in app \"a\" is PM2's and has no meaning"));
  EXPECT_TRUE(EcosystemOf("apps: [{script: a.js, disable_logs: false}]").problems.empty());
}

// The one app of a file that is fine.
AppConfig App(const Loaded& loaded) {
  EXPECT_TRUE(loaded.problems.empty()) << All(loaded);
  return loaded.config.apps.empty() ? AppConfig() : loaded.config.apps[0];
}

TEST(Reader, WhatRestartsAnAppIsRead) {
  const AppConfig app = App(EcosystemOf(
      "apps: [{script: a.js, watch: true, ignore_watch: [node_modules, '*.log'], watch_delay: 1000,"
      " cron_restart: '0 0 * * *', max_memory_restart: 300M, wait_ready: true}]"));
  EXPECT_EQ(app.watch, std::vector<std::string>{"."});
  EXPECT_EQ(app.ignore_watch.size(), 2u);
  EXPECT_EQ(app.watch_delay, std::chrono::seconds(1));
  EXPECT_EQ(app.cron_restart, "0 0 * * *");
  EXPECT_EQ(app.max_memory, 300u << 20);
  EXPECT_TRUE(app.wait_ready);
}

TEST(Reader, ARegularExpressionIsNoGlob) {
  const Loaded loaded = EcosystemOf(
      "apps: [{script: a.js, ignore_watch: ['/[\\/]\\./', '/srv/tmp/', '\\.git', '*.log']}]");
  EXPECT_TRUE(loaded.ok());
  ASSERT_EQ(loaded.problems.size(), 1u) << All(loaded);
  EXPECT_THAT(All(loaded), HasSubstr("a regular expression, which is ignored"));
}

TEST(Reader, GroupsOfAnAppAreRead) {
  const AppConfig app = App(Tend(R"(
apps:
  - script: a.js
    exec_mode: cluster
    balance: round_robin
    instances: 2
    listen: [3000, "unix:/run/a.sock"]
    ready: { http: /ready, timeout: 10s }
    health: { http: /health, every: 5, failures: 2, event_loop: 30 }
    reload: { parallel: 2, overlap: false }
    limits: { memory: 1G, on_memory: warn }
)"));
  EXPECT_EQ(app.exec_mode, ExecMode::kCluster);
  EXPECT_EQ(app.balance, Balance::kRoundRobin);
  EXPECT_EQ(app.listen.size(), 2u);
  EXPECT_EQ(app.ready.http, "/ready");
  EXPECT_EQ(app.ready.timeout, std::chrono::seconds(10));
  EXPECT_EQ(app.health.every, std::chrono::seconds(5));
  EXPECT_EQ(app.health.failures, 2u);
  EXPECT_EQ(app.health.event_loop, std::chrono::seconds(30));
  EXPECT_EQ(app.reload.parallel, 2u);
  EXPECT_EQ(app.reload.overlap, Overlap::kNo);
  EXPECT_EQ(app.max_memory, 1u << 30);
  EXPECT_EQ(app.on_memory, OnMemory::kWarn);
  EXPECT_FALSE(app.merge_logs);
}

TEST(Reader, TelemetryIsOneOfFour) {
  const std::pair<const char*, Telemetry> known[] = {{"auto", Telemetry::kAuto},
                                                     {"off", Telemetry::kOff},
                                                     {"false", Telemetry::kOff},
                                                     {"python", Telemetry::kPython},
                                                     {"pipe", Telemetry::kPipe}};
  for (const auto& [word, want] : known) {
    const std::string text = "apps: [{script: a.py, telemetry: " + std::string(word) + "}]";
    EXPECT_EQ(App(Tend(text)).telemetry, want) << word;
  }
}

TEST(Reader, ClusterModeIsForNode) {
  EXPECT_EQ(App(Tend("apps: [{script: a.js, exec_mode: cluster}]")).exec_mode, ExecMode::kCluster);
  const char* text = "apps: [{script: a.py, exec_mode: cluster, instances: 2}]";
  EXPECT_THAT(All(Tend(text)), HasSubstr("cannot be cluster: python3 runs the script, not node"));
  const Loaded loaded = EcosystemOf(text);
  EXPECT_TRUE(loaded.ok());
  ASSERT_EQ(loaded.problems.size(), 1u) << All(loaded);
  EXPECT_EQ(loaded.problems[0].code, "W014");
  EXPECT_EQ(loaded.config.apps[0].exec_mode, ExecMode::kFork);
  EXPECT_THAT(All(Tend("apps: [{script: npm, args: start, exec_mode: cluster}]")),
              HasSubstr("the server that npm starts is not in it"));
}

TEST(Reader, InstancesOfANodeAppMeanClusterModeInPm2sFiles) {
  const auto mode = [](const std::string& app) {
    return App(EcosystemOf("apps: [{" + app + "}]")).exec_mode;
  };
  EXPECT_EQ(mode("script: a.js, instances: 2"), ExecMode::kCluster);
  EXPECT_EQ(mode("script: a.js, instances: max"), ExecMode::kCluster);
  EXPECT_EQ(mode("script: a.js, instances: 1"), ExecMode::kCluster);
  EXPECT_EQ(mode("script: a.js, instances: -1"), ExecMode::kCluster);
  EXPECT_EQ(mode("script: a.js, instances: -2"), ExecMode::kFork);
  EXPECT_EQ(mode("script: a.js"), ExecMode::kFork);
  EXPECT_EQ(mode("script: a.py, instances: 2"), ExecMode::kFork);
  EXPECT_EQ(mode("script: bin/www, instances: 2"), ExecMode::kAuto);
  EXPECT_EQ(mode("script: node a.js, instances: 2"), ExecMode::kAuto);
  EXPECT_EQ(mode("script: bin/www, exec_mode: cluster"), ExecMode::kAuto);
  EXPECT_EQ(mode("script: a.js, instances: 2, exec_mode: fork"), ExecMode::kFork);
  EXPECT_EQ(mode("script: a.js, instances: 2, increment_var: PORT"), ExecMode::kFork);
  EXPECT_EQ(mode("script: a.js, interpreter: none, instances: 2"), ExecMode::kFork);
  EXPECT_EQ(mode("script: npm, args: start, instances: 1"), ExecMode::kFork);
  EXPECT_EQ(App(Tend("apps: [{script: a.js, instances: 2}]")).exec_mode, ExecMode::kFork);
}

struct Clash {
  const char* app;
  const char* said;
};

TEST(Reader, WhatCannotBeTogetherIsSaid) {
  const Clash clashes[] = {
      {"script: a.js, balance: reuseport",
       "\"balance\" in app \"a\" needs exec_mode to be cluster"},
      {"script: a.js, ready: {http: /a, log: x}", "\"ready.log\" in app \"a\" is one way too many"},
      {"script: a.js, ready: {http: /a, tcp: 80}",
       "\"ready.tcp\" in app \"a\" is one way too many"},
      {"script: a.js, instances: 2, listen: 80, health: {http: /}", "cannot tell which worker"},
      {"script: a.js, instances: max, health: {tcp: 80}", "cannot tell which worker"},
      {"script: a.js, instances: 2, health: {http: 'http://127.0.0.1:1/'}", "cannot tell which"},
      {"script: a.js, exec_mode: cluster, health: {tcp: 80}", "says nothing about one worker"},
      {"script: a.py, health: {event_loop: 10s}", "needs node to run the script"},
      {"script: a.js, health: {event_loop: 1s}", "at least 3s"},
      {"script: a.js, telemetry: off, health: {event_loop: 9s}", "needs what measures it"},
      {"script: a.js, reload: {signal: HUP, overlap: yes}", "cannot go with \"reload.overlap\""},
      {"script: a.js, max_memory_restart: 1G, limits: {memory: 2G}", "means the same as"},
  };
  for (const Clash& clash : clashes) {
    const Loaded loaded = Tend(std::string("apps: [{") + clash.app + "}]");
    EXPECT_FALSE(loaded.ok()) << clash.app;
    EXPECT_THAT(All(loaded), HasSubstr(clash.said)) << clash.app;
  }
  EXPECT_TRUE(EcosystemOf("apps: [{script: a.js, balance: reuseport}]").ok());
  for (const char* fine :
       {"script: a.js, instances: 2, listen: 80, increment_var: PORT, health: {http: /}",
        "script: a.js, instances: 2, listen: 80, exec_mode: cluster, health: {http: /}",
        "script: a.py, listen: 80, health: {http: /, tcp: 80}",
        "script: a.js, reload: {signal: HUP, overlap: auto}"}) {
    App(Tend(std::string("apps: [{") + fine + "}]"));
  }
}

TEST(Reader, WhatCannotBeTogetherHasItsPlace) {
  const Loaded loaded =
      Tend("apps:\n  - script: a.js\n    ready:\n      http: /a\n      tcp: 80\n");
  ASSERT_EQ(loaded.problems.size(), 1u);
  EXPECT_EQ(loaded.problems[0].line, 5);
  EXPECT_EQ(loaded.problems[0].where, "apps[0].ready.tcp");
}

TEST(Reader, EcosystemFilesMayBeAListOrOneApp) {
  EXPECT_EQ(EcosystemOf("[{script: a.js}, {script: b.js}]").config.apps.size(), 2u);
  EXPECT_EQ(EcosystemOf("pm2: [{script: a.js}]").config.apps.size(), 1u);
  EXPECT_EQ(EcosystemOf("cmd: a.js\nmaxRestarts: 3").config.apps[0].max_restarts, 3u);
  EXPECT_FALSE(EcosystemOf("listen: off").ok());
  EXPECT_FALSE(Tend("[{script: a.js}]").ok());
}

TEST(Reader, BadYamlHasAPlace) {
  const Loaded tabs = Tend("apps:\n\t- script: a.js\n");
  ASSERT_FALSE(tabs.ok());
  EXPECT_EQ(tabs.problems[0].line, 2);
  EXPECT_THAT(All(tabs), HasSubstr("not with tabs"));
  const Loaded open = Tend("apps: [{script: a.js\n");
  ASSERT_FALSE(open.ok());
  EXPECT_EQ(open.problems[0].code, "E034");
  EXPECT_GT(open.problems[0].line, 0);
}

TEST(Reader, JsonMayHaveWhatYamlDoesNotRead) {
  const Loaded loaded = LoadText(
      "{\n\t\"apps\": [{\"script\": \"a.js\",\n\t\t\"name\": \"\\ud83d\\ude00\", \"wat\": 1}]}",
      "tend.json", {});
  ASSERT_EQ(loaded.problems.size(), 1u) << All(loaded);
  EXPECT_EQ(loaded.problems[0].line, 3);
  EXPECT_EQ(loaded.config.apps[0].name, "\xF0\x9F\x98\x80");
}

TEST(Reader, TheNameOfTheFileDecidesHowStrictItIsRead) {
  EXPECT_EQ(DialectOf("/etc/tend/tend.yaml"), Dialect::kTend);
  EXPECT_EQ(DialectOf("my.yml"), Dialect::kTend);
  EXPECT_EQ(DialectOf("tend.json"), Dialect::kTend);
  EXPECT_EQ(DialectOf("a/ecosystem.config.js"), Dialect::kEcosystem);
  EXPECT_EQ(DialectOf("ecosystem.yaml"), Dialect::kEcosystem);
  EXPECT_EQ(DialectOf("process.json"), Dialect::kEcosystem);
  EXPECT_TRUE(IsConfigFile("x.config.mjs"));
  EXPECT_TRUE(IsConfigFile("dir/tend.yaml"));
  EXPECT_FALSE(IsConfigFile("ecosystem.js"));
  EXPECT_FALSE(IsConfigFile("server.js"));
}

TEST(Reader, FilesThatCannotBeReadAreErrors) {
  const TempFolder folder;
  const Loaded missing = LoadFile(folder.path() + "/tend.yaml", {});
  EXPECT_FALSE(missing.ok());
  EXPECT_THAT(All(missing), HasSubstr("No such file"));
  EXPECT_FALSE(LoadFile(folder.path(), {}).ok());
  const std::string large = folder.Write("tend.yaml", std::string(2 << 20, '#'));
  EXPECT_THAT(All(LoadFile(large, {})), HasSubstr("larger than"));
}

TEST(Reader, ProblemsCannotWriteToTheTerminal) {
  const Loaded loaded = Tend("apps: [{script: a.js, wat: 1}] # \x1b[2J\n");
  EXPECT_EQ(All(loaded).find('\x1b'), std::string::npos);
}

TEST(Reader, RandomChangesOfAFileNeverCrash) {
  std::mt19937 random(7);
  const std::string good =
      "listen: off\nlogs: {max_size: 1M, compress: {level: 3}}\napps:\n  - script: a.js\n"
      "    instances: max\n    env: &e {A: 1}\n    env_b: *e\n  - {cmd: b.py, args: [1, 'x']}\n";
  const std::string noise = "\t :-[]{}&*'\"\n#,|>\xff";
  for (int round = 0; round < 2000; ++round) {
    std::string text = good;
    for (int change = 0; change < 4; ++change) {
      const std::size_t at = random() % text.size();
      if (random() % 2 == 0) {
        text[at] = noise[random() % noise.size()];
      } else {
        text.erase(at, random() % 8);
      }
    }
    for (const char* name : {"tend.yaml", "ecosystem.yaml"}) {
      const Loaded loaded = LoadText(text, name, {});
      EXPECT_TRUE(loaded.ok() || !All(loaded).empty());
    }
  }
}

TEST(FindDefaultConfig, TakesTheFirstOfTheListAndNamesWhatItTried) {
  ::unsetenv("TEND_CONFIG");
  const TempFolder folder;
  const Result<std::string> none = FindDefaultConfig(folder.path());
  if (!none) {
    EXPECT_THAT(none.error().message(), HasSubstr("ecosystem.config.cjs"));
    EXPECT_THAT(none.error().message(), HasSubstr("/etc/tend/tend.yaml"));
  }
  const std::string js = folder.Write("ecosystem.config.js", "");
  EXPECT_EQ(*FindDefaultConfig(folder.path()), js);
  const std::string yml = folder.Write("tend.yml", "");
  EXPECT_EQ(*FindDefaultConfig(folder.path()), yml);
  ::setenv("TEND_CONFIG", "/x/y.yaml", 1);
  EXPECT_EQ(*FindDefaultConfig(folder.path()), "/x/y.yaml");
  ::unsetenv("TEND_CONFIG");
}

}  // namespace
}  // namespace tend::config
