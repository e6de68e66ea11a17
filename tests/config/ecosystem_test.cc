#include "config/ecosystem.h"

#include <unistd.h>

#include <chrono>
#include <fstream>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "config/child_output.h"
#include "config/problem.h"
#include "config/reader.h"
#include "temp_folder.h"

namespace tend::config {
namespace {

using std::chrono::milliseconds;
using testing::ElementsAre;
using testing::HasSubstr;

class Ecosystem : public testing::Test {
 protected:
  void SetUp() override {
    if (FindNode("").empty()) GTEST_SKIP() << "there is no node";
  }

  Loaded Load(const std::string& text,
              const std::string& name = "ecosystem.config.js",
              LoadOptions options = {}) {
    path_ = folder_.Write(name, text);
    return LoadFile(path_, options);
  }

  static std::string All(const Loaded& loaded) {
    std::string text;
    for (const Problem& problem : loaded.problems) {
      text += FormatProblem(problem, loaded.source, false);
    }
    return text;
  }

  TempFolder folder_;
  std::string path_;
};

struct Form {
  const char* file;
  const char* text;
};

TEST_F(Ecosystem, EveryFormOfAConfigurationIsRead) {
  const Form forms[] = {
      {"a.config.js", "module.exports = { apps: [{ name: 'x', script: 'x.js' }] }"},
      {"b.config.js", "module.exports = [{ name: 'x', script: 'x.js' }]"},
      {"c.config.js", "module.exports = { name: 'x', script: 'x.js' }"},
      {"d.config.js", "module.exports = { pm2: [{ name: 'x', script: 'x.js' }] }"},
      {"e.config.cjs", "exports.apps = [{ name: 'x', script: 'x.js' }]"},
      {"f.config.mjs", "export default { apps: [{ name: 'x', script: 'x.js' }] }"},
      {"g.config.mjs", "export const apps = [{ name: 'x', script: 'x.js' }]"},
      {"h.config.js", "export default { apps: [{ name: 'x', script: 'x.js' }] }"},
      {"i.config.js",
       "import os from 'os'\nexport default { apps: [{ name: os ? 'x' : '', script: 'x.js' }] }"},
      {"j.config.js", "module.exports = () => ({ apps: [{ name: 'x', script: 'x.js' }] })"},
      {"k.config.js", "module.exports = async () => ({ apps: [{ name: 'x', script: 'x.js' }] })"},
      {"l.config.js",
       "module.exports = Promise.resolve({ apps: [{ name: 'x', script: 'x.js' }] })"},
      {"m.config.js",
       "exports.__esModule = true; exports.default = { apps: [{ name: 'x', script: 'x.js' }] }"},
      {"n.config.mjs",
       "const { apps } = await Promise.resolve({ apps: [{ name: 'x', script: 'x.js' }] })\nexport "
       "{ apps }"},
      {"o.json", "{ // a comment\n apps: [{ name: 'x', script: 'x.js', }], }"},
      {"p.json", "{ \"apps\": [{ \"name\": \"x\", \"script\": \"x.js\" }] }"},
  };
  for (const Form& form : forms) {
    const Loaded loaded = Load(form.text, form.file);
    ASSERT_TRUE(loaded.ok()) << form.file << '\n' << All(loaded);
    EXPECT_TRUE(loaded.problems.empty()) << form.file << '\n' << All(loaded);
    ASSERT_EQ(loaded.config.apps.size(), 1u) << form.file;
    EXPECT_EQ(loaded.config.apps[0].name, "x") << form.file;
  }
}

TEST_F(Ecosystem, RelativeRequireAndImportWork) {
  folder_.Write("shared.cjs", "module.exports = 'from-shared'");
  const Loaded required =
      Load("module.exports = [{ name: require('./shared.cjs'), script: __dirname + '/x.js' }]");
  ASSERT_TRUE(required.ok()) << All(required);
  EXPECT_EQ(required.config.apps[0].name, "from-shared");
  const Loaded imported = Load(
      "import name from './shared.cjs'\nexport default [{ name, script: 'x.js' }]", "i.config.js");
  ASSERT_TRUE(imported.ok()) << All(imported);
  EXPECT_EQ(imported.config.apps[0].name, "from-shared");
}

TEST_F(Ecosystem, AFunctionGetsTheNameOfTheEnvironment) {
  LoadOptions options;
  options.env_name = "staging";
  const Loaded loaded =
      Load("module.exports = ({ env }) => [{ name: env, script: 'x.js' }]", "x.config.js", options);
  ASSERT_TRUE(loaded.ok()) << All(loaded);
  EXPECT_EQ(loaded.config.apps[0].name, "staging");
}

TEST_F(Ecosystem, WhatItPrintsDoesNotDisturb) {
  const Loaded loaded = Load(
      "console.log('{\"junk\": true}'); console.error('x'); process.stdout.write('}');\n"
      "module.exports = [{ script: 'x.js' }]");
  EXPECT_TRUE(loaded.ok()) << All(loaded);
}

TEST_F(Ecosystem, UnknownKeysHaveTheLineOfTheSource) {
  const Loaded loaded = Load(
      "module.exports = {\n  apps: [{\n    name: 'api',\n    script: 'a.js',\n"
      "    max_restrats: 3,\n  }]\n}\n");
  EXPECT_TRUE(loaded.ok());
  ASSERT_EQ(loaded.problems.size(), 1u) << All(loaded);
  EXPECT_EQ(All(loaded),
            "warning[W012]: unknown key \"max_restrats\" in app \"api\" is ignored\n"
            "  --> " +
                path_ +
                ":5:5\n"
                "   |\n"
                " 5 |     max_restrats: 3,\n"
                "   |     ^^^^^^^^^^^^ did you mean \"max_restarts\"?\n");
}

TEST_F(Ecosystem, WhatItThrowsHasAPlaceAndWhatItPrintedIsShown) {
  const Loaded loaded = Load("console.error('hint');\n\n  throw new TypeError('no luck')\n");
  ASSERT_FALSE(loaded.ok());
  EXPECT_EQ(loaded.problems[0].code, "E035");
  EXPECT_EQ(loaded.problems[0].message, "TypeError: no luck");
  EXPECT_EQ(loaded.problems[0].line, 3);
  EXPECT_EQ(loaded.problems[0].column, 9);
  EXPECT_THAT(loaded.problems[0].help, HasSubstr("hint"));
}

TEST_F(Ecosystem, AllWaysToThrowAreErrors) {
  for (const char* text :
       {"throw 'text'", "throw null", "module.exports = Promise.reject(new Error('x'))",
        "module.exports = () => { throw new Error('x') }",
        "setTimeout(() => { throw new Error('x') }, 0); module.exports = new Promise(() => "
        "setTimeout(() => {}, 1000))",
        "require('./missing')", "process.exit(0)", "process.exit(3)",
        "process.kill(process.pid, 'SIGKILL')", "process.abort()",
        "const a = {}; a.a = a; module.exports = a", "module.exports = null",
        "module.exports = new Promise(() => {})"}) {
    const Loaded loaded = Load(text);
    EXPECT_FALSE(loaded.ok()) << text;
    ASSERT_EQ(loaded.problems.size(), 1u) << text;
    EXPECT_FALSE(loaded.problems[0].message.empty()) << text;
  }
  EXPECT_FALSE(Load("export default nothing_here", "x.config.mjs").ok());
}

TEST_F(Ecosystem, ASyntaxErrorHasItsPlace) {
  const Loaded loaded = Load("module.exports = {\n  apps: [\n    ) ]\n}\n");
  ASSERT_FALSE(loaded.ok());
  EXPECT_THAT(loaded.problems[0].message, HasSubstr("SyntaxError"));
  EXPECT_EQ(loaded.problems[0].line, 3);
  EXPECT_EQ(loaded.problems[0].column, 5);
  const Loaded json = Load("{\n  apps: [ ) ]\n}\n", "process.json");
  ASSERT_FALSE(json.ok());
  EXPECT_EQ(json.problems[0].line, 2) << All(json);
}

TEST_F(Ecosystem, OneThatNeverReturnsIsStoppedWithAllThatItStarted) {
  const std::string pid_file = folder_.path() + "/pid";
  LoadOptions options;
  options.time_limit = milliseconds(5000);
  const auto begin = std::chrono::steady_clock::now();
  const Loaded loaded = Load(
      "const { spawn } = require('child_process');\n"
      "const child = spawn('sleep', ['60'], { stdio: 'inherit' });\n"
      "require('fs').writeFileSync('" +
          pid_file +
          "', String(child.pid));\n"
          "while (true) {}\n",
      "ecosystem.config.js", options);
  const auto took = std::chrono::steady_clock::now() - begin;
  ASSERT_FALSE(loaded.ok());
  EXPECT_THAT(loaded.problems[0].message, HasSubstr("did not finish within 5s"));
  EXPECT_LT(took, milliseconds(30'000));
  int pid = 0;
  std::ifstream(pid_file) >> pid;
  ASSERT_GT(pid, 0);
  // It may take a moment to die, and whoever adopts it one to reap it: a zombie has no command
  // line.
  std::string command;
  do {
    command.clear();
    std::getline(std::ifstream("/proc/" + std::to_string(pid) + "/cmdline"), command);
  } while (!command.empty() && std::chrono::steady_clock::now() - begin < milliseconds(20'000));
  EXPECT_EQ(command, "");
}

TEST_F(Ecosystem, ATimerThatGoesOnDoesNotHoldUs) {
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_TRUE(Load("setInterval(() => {}, 1000); module.exports = [{ script: 'x.js' }]").ok());
  EXPECT_LT(std::chrono::steady_clock::now() - begin, milliseconds(4000));
}

TEST_F(Ecosystem, TooMuchOutputIsRefused) {
  const std::string path = folder_.Write(
      "x.config.js", "module.exports = [{ script: 'x.js', args: 'x'.repeat(3000000) }]");
  EvaluateOptions options;
  options.output_max = 1 << 20;
  const Evaluated evaluated = EvaluateJavaScript(path, options);
  EXPECT_FALSE(evaluated.ok);
  EXPECT_THAT(evaluated.error.message, HasSubstr("more than 1M"));
}

TEST_F(Ecosystem, AFloodOnStdoutIsReadAndForgotten) {
  EXPECT_TRUE(Load("const fs = require('fs'); const b = Buffer.alloc(1 << 20, 'y');\n"
                   "for (let i = 0; i < 20; i++) fs.writeSync(1, b);\n"
                   "module.exports = [{ script: 'x.js' }]")
                  .ok());
}

TEST_F(Ecosystem, FunctionsAreDroppedWithAWarningAndPatternsBecomeText) {
  const Loaded loaded = Load(
      "module.exports = [{ script: 'x.js', name() {}, args: [/a.b/, 12n], env: { A: undefined } "
      "}]");
  ASSERT_TRUE(loaded.ok()) << All(loaded);
  EXPECT_THAT(All(loaded), HasSubstr("\"name\" is a function"));
  EXPECT_THAT(loaded.config.apps[0].args, ElementsAre("/a.b/", "12"));
  EXPECT_TRUE(loaded.config.apps[0].env.empty());
}

TEST(EcosystemWithoutNode, SaysThatThereIsNone) {
  const TempFolder folder;
  LoadOptions options;
  options.node = "/nonexistent/node";
  const Loaded loaded = LoadFile(folder.Write("ecosystem.config.js", ""), options);
  ASSERT_FALSE(loaded.ok());
  EXPECT_THAT(loaded.problems[0].message, HasSubstr("there is no node"));
  EXPECT_THAT(loaded.problems[0].help, HasSubstr("TEND_NODE"));
  const Loaded json = LoadFile(folder.Write("process.json", "{ apps: [ }"), options);
  EXPECT_FALSE(json.ok());
}

TEST(RunForAnswer, KeepsTheAnswerApartFromWhatIsSaid) {
  const auto ran =
      RunForAnswer({"/bin/sh", "-c", "echo out; echo err >&2; echo answer >&3; exit 4"}, {});
  ASSERT_TRUE(ran) << ran.error().message();
  EXPECT_EQ(ran->answer, "answer\n");
  EXPECT_EQ(ran->said, "out\nerr\n");
  EXPECT_EQ(WEXITSTATUS(ran->status), 4);
}

TEST(RunForAnswer, AProgramThatCannotRunIsAnError) {
  const auto ran = RunForAnswer({"/nonexistent/program"}, {});
  ASSERT_FALSE(ran);
  EXPECT_EQ(ran.error().sys_errno(), ENOENT);
}

}  // namespace
}  // namespace tend::config
