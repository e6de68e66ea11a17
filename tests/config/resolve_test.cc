#include "config/resolve.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "config/interpreter.h"
#include "config/problem.h"
#include "config/search_path.h"
#include "config/worker_command.h"
#include "temp_folder.h"

namespace tend::config {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

class Resolving : public testing::Test {
 protected:
  Resolving() {
    // Programs that do nothing, so that the test does not depend on what is installed.
    for (const char* name : {"node", "python3", "bash", "ruby", "tool"}) {
      folder_.Write(name, "#!/bin/sh\n", 0755);
    }
    context_.cwd = folder_.path();
    context_.environment = {{"PATH", "/nonexistent:" + folder_.path()}, {"HOME", "/h/me"}};
    context_.cpus = 4;
  }

  std::string Path(const std::string& name) const { return folder_.path() + '/' + name; }

  // The messages of all errors and warnings.
  std::string Run(AppConfig& app) {
    std::string messages;
    errors_ = 0;
    for (const Problem& problem : Resolve(app, context_)) {
      messages += problem.message + ' ' + problem.help + '\n';
      errors_ += problem.is_error ? 1 : 0;
    }
    return messages;
  }

  TempFolder folder_;
  ResolveContext context_;
  int errors_ = 0;
};

TEST_F(Resolving, SettlesWhatIsLeftOpen) {
  folder_.Write("server.min.js", "");
  AppConfig app;
  app.script = "server.min.js";
  ASSERT_EQ(Run(app), "");
  EXPECT_EQ(app.name, "server.min");
  EXPECT_EQ(app.cwd, folder_.path());
  EXPECT_EQ(app.script, Path("server.min.js"));
  EXPECT_EQ(app.interpreter, Path("node"));
  EXPECT_EQ(app.instances, 1);
  EXPECT_EQ(app.inherited_env.at("HOME"), "/h/me");
}

TEST_F(Resolving, TheInterpreterIsThatOfTheEndingOrTheContent) {
  const std::pair<std::string, std::string> cases[] = {
      {"a.js", Path("node")}, {"a.cjs", Path("node")},   {"a.mjs", Path("node")},
      {"a.ts", Path("node")}, {"a.py", Path("python3")}, {"a.sh", Path("bash")},
      {"a.rb", Path("ruby")}, {"plain", Path("node")},
  };
  for (const auto& [script, interpreter] : cases) {
    folder_.Write(script, "x");
    AppConfig app;
    app.script = script;
    EXPECT_EQ(Run(app), "") << script;
    EXPECT_EQ(app.interpreter, interpreter) << script;
  }
  folder_.Write("elf",
                std::string("\x7f"
                            "ELF\0\0",
                            6),
                0755);
  folder_.Write("shebang", "#!/bin/sh\n", 0755);
  folder_.Write("nodescript", "#!/usr/bin/env node\n", 0755);
  for (const auto& [script, interpreter] : {std::pair<std::string, std::string>{"elf", "none"},
                                            {"shebang", "none"},
                                            {"nodescript", Path("node")}}) {
    AppConfig app;
    app.script = script;
    EXPECT_EQ(Run(app), "") << script;
    EXPECT_EQ(app.interpreter, interpreter) << script;
  }
}

TEST_F(Resolving, ModeIsSettledByWhoRunsTheScript) {
  folder_.Write("www", "#!/usr/bin/env node\n", 0755);
  folder_.Write("binary",
                std::string("\x7f"
                            "ELF\0",
                            5),
                0755);
  AppConfig node;
  node.script = "www";
  node.exec_mode = ExecMode::kAuto;
  EXPECT_EQ(Run(node), "");
  EXPECT_EQ(node.exec_mode, ExecMode::kCluster);
  AppConfig other;
  other.script = "binary";
  other.exec_mode = ExecMode::kAuto;
  EXPECT_EQ(Run(other), "");
  EXPECT_EQ(other.exec_mode, ExecMode::kFork);
  AppConfig wrong;
  wrong.script = "binary";
  wrong.exec_mode = ExecMode::kCluster;
  EXPECT_THAT(Run(wrong), HasSubstr("\"exec_mode\" cannot be cluster"));
  EXPECT_EQ(errors_, 1);
  AppConfig line;
  line.script = "node www";
  line.exec_mode = ExecMode::kAuto;
  line.health.event_loop = std::chrono::seconds(10);
  EXPECT_THAT(Run(line), HasSubstr("\"health.event_loop\" needs node"));
  EXPECT_EQ(line.exec_mode, ExecMode::kFork);
}

TEST_F(Resolving, WatchedPathsAreAbsolute) {
  folder_.Write("a.js", "");
  AppConfig app;
  app.script = "a.js";
  app.watch = {".", "src/", "/etc/x", "~/y"};
  EXPECT_EQ(Run(app), "");
  EXPECT_THAT(app.watch, ElementsAre(folder_.path(), Path("src"), "/etc/x", "/h/me/y"));
}

TEST_F(Resolving, BunRunsTypeScriptWhereItIs) {
  folder_.Write("bun", "#!/bin/sh\n", 0755);
  folder_.Write("a.ts", "");
  AppConfig app;
  app.script = "a.ts";
  EXPECT_EQ(Run(app), "");
  EXPECT_EQ(app.interpreter, Path("bun"));
}

TEST_F(Resolving, AScriptThatIsNoFileIsLookedForInPath) {
  ASSERT_EQ(::mkdir(Path("sub").c_str(), 0755), 0);
  AppConfig app;
  app.script = "tool";
  app.cwd = "sub";
  EXPECT_EQ(Run(app), "");
  EXPECT_EQ(app.script, Path("tool"));
  EXPECT_EQ(app.cwd, Path("sub"));
}

TEST_F(Resolving, ALineOfCommandsIsRunByBash) {
  AppConfig app;
  app.script = "echo a b";
  EXPECT_EQ(Run(app), "");
  EXPECT_EQ(app.name, "echo a b");
  EXPECT_THAT(BuildCommand(app).argv, ElementsAre(Path("bash"), "-c", "echo a b"));
  AppConfig with_args;
  with_args.script = "echo a";
  with_args.args = {"x y"};
  EXPECT_EQ(Run(with_args), "");
  EXPECT_THAT(BuildCommand(with_args).argv,
              ElementsAre(Path("bash"), "-c", "echo a \"$@\"", "echo a", "x y"));
  folder_.Write("with blank.js", "");
  AppConfig file;
  file.script = "with blank.js";
  EXPECT_EQ(Run(file), "");
  EXPECT_EQ(file.interpreter, Path("node"));
}

TEST_F(Resolving, ErrorsNameThePath) {
  AppConfig missing;
  missing.script = "gone.js";
  EXPECT_THAT(Run(missing), HasSubstr("the script " + Path("gone.js") + " does not exist"));
  EXPECT_EQ(errors_, 1);

  AppConfig folder;
  folder.script = ".";
  EXPECT_THAT(Run(folder), HasSubstr("is a folder"));

  folder_.Write("a.js", "");
  AppConfig no_interpreter;
  no_interpreter.script = "a.js";
  no_interpreter.interpreter = "nodex";
  EXPECT_THAT(Run(no_interpreter), HasSubstr("the interpreter \"nodex\""));
  EXPECT_EQ(errors_, 1);

  AppConfig no_folder;
  no_folder.script = Path("a.js");
  no_folder.cwd = "/nonexistent/x";
  EXPECT_THAT(Run(no_folder), HasSubstr("/nonexistent/x"));
  EXPECT_EQ(errors_, 1);

  AppConfig no_user;
  no_user.script = "a.js";
  no_user.uid = "nobody-here";
  EXPECT_THAT(Run(no_user), HasSubstr("there is no user \"nobody-here\""));
  AppConfig no_group;
  no_group.script = "a.js";
  no_group.gid = "nobody-here";
  EXPECT_THAT(Run(no_group), HasSubstr("there is no group \"nobody-here\""));

  AppConfig serve;
  serve.script = "serve";
  EXPECT_THAT(Run(serve), HasSubstr("static server is not supported yet"));

  AppConfig empty;
  EXPECT_THAT(Run(empty), HasSubstr("no script"));
}

// Root may read everything.
class NotRoot {
 public:
  NotRoot() {
    if (was_root_) {
      EXPECT_EQ(::setresuid(kNobody, kNobody, 0), 0);
    }
  }
  ~NotRoot() {
    if (was_root_) {
      EXPECT_EQ(::setresuid(0, 0, 0), 0);
    }
  }

 private:
  static constexpr uid_t kNobody = 65534;
  const bool was_root_ = ::geteuid() == 0;
};

TEST_F(Resolving, AScriptWithoutRightsIsAnError) {
  folder_.Write("program", "#!/bin/sh\n", 0644);
  AppConfig app;
  app.script = "program";
  app.interpreter = "none";
  EXPECT_THAT(Run(app), HasSubstr("the script " + Path("program") + " cannot be executed"));
  EXPECT_EQ(errors_, 1);
  folder_.Write("secret.js", "", 0000);
  folder_.Write("open.js", "");
  ASSERT_EQ(::chmod(Path("").c_str(), 0755), 0);
  AppConfig unreadable, readable;
  unreadable.script = "secret.js";
  readable.script = "open.js";
  const NotRoot somebody;
  EXPECT_EQ(Run(readable), "");
  EXPECT_THAT(Run(unreadable), HasSubstr("cannot be read"));
}

TEST_F(Resolving, InstancesAreCountedFromTheCpus) {
  folder_.Write("a.js", "");
  for (const auto& [asked, given] :
       {std::pair<int, int>{0, 4}, {-1, 3}, {-3, 1}, {-4, 1}, {-99, 1}, {7, 7}}) {
    AppConfig app;
    app.script = "a.js";
    app.instances = asked;
    Run(app);
    EXPECT_EQ(app.instances, given) << asked;
  }
}

TEST_F(Resolving, NamedEnvironmentsAreMerged) {
  folder_.Write("a.js", "");
  AppConfig app;
  app.script = "a.js";
  app.env = {{"A", "1"}, {"B", "1"}};
  app.env_named = {{"production", {{"B", "2"}}}, {"other", {{"A", "9"}}}};
  app.port = 3000;
  app.append_env_to_name = true;
  context_.env_name = "production";
  EXPECT_EQ(Run(app), "");
  EXPECT_EQ(app.env.at("A"), "1");
  EXPECT_EQ(app.env.at("B"), "2");
  EXPECT_EQ(app.env.at("PORT"), "3000");
  EXPECT_EQ(app.name, "a-production");
  EXPECT_TRUE(app.env_named.empty());
  AppConfig without;
  without.script = "a.js";
  EXPECT_THAT(Run(without), HasSubstr("there is no \"env_production\""));
  EXPECT_EQ(errors_, 0);
}

TEST_F(Resolving, LogFilesAreAbsoluteAndTildeIsHome) {
  folder_.Write("a.js", "");
  AppConfig app;
  app.script = "a.js";
  app.out_file = "~/logs/out.log";
  app.error_file = "./x/../err.log";
  app.log_file = "/dev/null";
  EXPECT_EQ(Run(app), "");
  EXPECT_EQ(app.out_file, "/h/me/logs/out.log");
  EXPECT_EQ(app.error_file, Path("err.log"));
  EXPECT_EQ(app.log_file, "/dev/null");
}

TEST_F(Resolving, ANameThatIsNoneOfAFolderIsChanged) {
  folder_.Write("a.js", "");
  for (const auto& [asked, given] :
       {std::pair<std::string, std::string>{"@me/api", "@me-api"}, {"..", "-."}, {"a\nb", "a-b"}}) {
    AppConfig app;
    app.script = "a.js";
    app.name = asked;
    EXPECT_THAT(Run(app), HasSubstr("cannot be that of a folder")) << asked;
    EXPECT_EQ(errors_, 0);
    EXPECT_EQ(app.name, given);
  }
  EXPECT_EQ(SafeName(std::string(99, 'x') + "\xc3\xa9").size(), 99u);
}

TEST_F(Resolving, WhatBelongsToTheCallerIsNotInherited) {
  folder_.Write("a.js", "");
  context_.environment.insert({{"NODE_CHANNEL_FD", "3"},
                               {"NOTIFY_SOCKET", "/x"},
                               {"KEEP", "1"},
                               {"MY_SECRET_KEY", "x"},
                               {"SECRE", "x"}});
  AppConfig app;
  app.script = "a.js";
  app.filter_env = {"SECRET", "=SECRE"};
  Run(app);
  EXPECT_EQ(app.inherited_env.count("NODE_CHANNEL_FD"), 0u);
  EXPECT_EQ(app.inherited_env.count("NOTIFY_SOCKET"), 0u);
  EXPECT_EQ(app.inherited_env.count("MY_SECRET_KEY"), 0u);
  EXPECT_EQ(app.inherited_env.count("SECRE"), 0u);
  EXPECT_EQ(app.inherited_env.count("KEEP"), 1u);
}

TEST_F(Resolving, StartedFromAWorkerItsNodeOptionsAreWhatTheyWere) {
  folder_.Write("a.js", "");
  context_.environment["NODE_OPTIONS"] = "--require preload --no-warnings";
  context_.environment["TEND_NODE_OPTIONS"] = "--no-warnings";
  AppConfig app;
  app.script = "a.js";
  Run(app);
  EXPECT_EQ(app.inherited_env.at("NODE_OPTIONS"), "--no-warnings");
  EXPECT_EQ(app.inherited_env.count("TEND_NODE_OPTIONS"), 0u);
}

TEST_F(Resolving, WithoutLookingAtFilesNothingIsMissing) {
  context_.check_files = false;
  AppConfig app;
  app.script = "x/y.py";
  app.cwd = "/srv";
  app.uid = "nobody-here";
  EXPECT_EQ(Run(app), "");
  EXPECT_EQ(app.script, "/srv/x/y.py");
  EXPECT_EQ(app.interpreter, "python3");
}

TEST(WorkerCommand, PutsInterpreterArgumentsBeforeTheScript) {
  AppConfig app;
  app.script = "/srv/a.js";
  app.interpreter = "/usr/bin/node";
  app.node_args = {"--inspect"};
  app.args = {"x"};
  const Command command = BuildCommand(app);
  EXPECT_EQ(command.program, "/usr/bin/node");
  EXPECT_THAT(command.argv, ElementsAre("/usr/bin/node", "--inspect", "/srv/a.js", "x"));
  app.interpreter = "none";
  EXPECT_EQ(BuildCommand(app).program, "/srv/a.js");
  EXPECT_THAT(BuildCommand(app).argv, ElementsAre("/srv/a.js", "x"));
}

TEST(WorkerCommand, TheEnvironmentSaysWhoTheWorkerIs) {
  AppConfig app;
  app.name = "web";
  app.script = "/srv/a.py";
  app.interpreter = "/usr/bin/python3";
  app.cwd = "/srv";
  app.instances = 4;
  app.increment_var = "PORT";
  app.inherited_env = {{"A", "inherited"}, {"B", "inherited"}, {"PWD", "/old"}, {"MY_KEY", "x"}};
  app.filter_env = {"KEY"};
  app.env = {{"A", "own"}, {"PORT", "3000"}, {"name", "mine"}, {"TEND_APP", "fake"}};
  const std::vector<std::string> env = BuildEnvironment(app, 2, 7);
  for (const char* line : {"A=own", "B=inherited", "PORT=3002", "NODE_APP_INSTANCE=2", "pm_id=7",
                           "TEND_APP=web", "TEND_WORKER=2", "name=mine", "namespace=default",
                           "instances=4", "PWD=/srv", "PYTHONUNBUFFERED=1"}) {
    EXPECT_THAT(env, Contains(line));
  }
  EXPECT_THAT(env, Not(Contains("MY_KEY=x")));
  EXPECT_TRUE(std::is_sorted(env.begin(), env.end()));
  app.instance_var = "SLOT";
  app.increment_var = "NEW";
  EXPECT_THAT(BuildEnvironment(app, 1, 0), Contains("SLOT=1"));
  EXPECT_THAT(BuildEnvironment(app, 1, 0), Contains("NEW=1"));
}

TEST(WorkerCommand, AUserBringsItsHome) {
  AppConfig app;
  app.uid = "root";
  app.inherited_env = {{"HOME", "/h/me"}, {"USER", "me"}};
  EXPECT_THAT(BuildEnvironment(app, 0, 0), Contains("HOME=/root"));
  EXPECT_THAT(BuildEnvironment(app, 0, 0), Contains("USER=root"));
  EXPECT_THAT(BuildEnvironment(app, 0, 0), Contains("LOGNAME=root"));
}

TEST(SearchPath, FindsTheFirstExecutableFile) {
  const TempFolder a, b;
  a.Write("x", "", 0644);
  const std::string program = b.Write("x", "", 0755);
  EXPECT_EQ(SearchPath("x", a.path() + "::" + b.path()), program);
  EXPECT_EQ(SearchPath("y", a.path() + ":" + b.path()), "");
  EXPECT_EQ(SearchPath(program, ""), program);
  EXPECT_EQ(SearchPath("", b.path()), "");
  EXPECT_EQ(SearchPath(b.path() + "/", b.path()), "");
}

TEST(Interpreter, NamesAreThoseOfTheScript) {
  EXPECT_EQ(DefaultName("/srv/app.config.js"), "app.config");
  EXPECT_EQ(DefaultName("app"), "app");
  EXPECT_EQ(DefaultName("./bin/www"), "www");
  EXPECT_EQ(DefaultName(".hidden"), "-hidden");
  EXPECT_EQ(DefaultName("cd /srv && node x"), "cd -srv && node x");
}

}  // namespace
}  // namespace tend::config
