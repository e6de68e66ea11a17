// What `tend start` and its like take for what, with real files and a fake core.
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cli/commands.h"
#include "cli/fake_core.h"
#include "cli/wanted.h"
#include "config/codec.h"

namespace tend::cli {
namespace {

using testing::HasSubstr;
using testing::Not;

class Start : public testing::Test {
 protected:
  void SetUp() override {
    char folder[] = "/tmp/tend-start-XXXXXX";
    folder_ = ::mkdtemp(folder);
    before_ = std::filesystem::current_path();
    std::filesystem::current_path(folder_);
    Write("job.sh", "#!/bin/sh\nsleep 1\n");
    ::chmod("job.sh", 0755);
  }
  void TearDown() override {
    std::filesystem::current_path(before_);
    std::filesystem::remove_all(folder_);
  }
  static void Write(const std::string& name, const std::string& text) {
    std::ofstream(name) << text;
  }
  ExitCode Type(std::vector<std::string> args) { return Dispatch(stage_.context, std::move(args)); }

  // As core answers a start of `name` that works: known, before, the start, after.
  void WillStart(const std::string& name) {
    stage_.core.Answer({Done()});
    stage_.core.Answer({});  // the look whether there is a daemon
    stage_.core.Answer({Done()});
    stage_.core.Answer({Done()});
    stage_.core.Answer(With(AppPackets(name, "online", 1), Done()));
  }

  Stage stage_;
  std::string folder_;
  std::filesystem::path before_;
};

TEST_F(Start, OfAScriptSendsItResolvedWithItsFlagsAndArguments) {
  WillStart("job");
  EXPECT_EQ(Type({"start", "./job.sh", "-i", "2", "--namespace", "batch", "--", "-x", "y"}),
            ExitCode::kOk)
      << stage_.err;
  const auto requests = stage_.core.Requests();
  ASSERT_EQ(requests.size(), 4u);
  EXPECT_THAT(requests[2], HasSubstr(R"("verb":"start")"));
  EXPECT_THAT(requests[2], HasSubstr(folder_ + "/job.sh"));
  EXPECT_THAT(requests[2], HasSubstr(R"("instances":2)"));
  EXPECT_THAT(requests[2], HasSubstr(R"(["-x","y"])"));
  EXPECT_THAT(stage_.out, HasSubstr("started job: 1 worker online in 0."));
}

TEST_F(Start, StartsTheDaemonWhenNobodyAnswers) {
  stage_.core.Gone();
  stage_.core.Answer({Done()});
  stage_.core.Answer({Done()});
  stage_.core.Answer(With(AppPackets("job", "online", 1), Done()));
  EXPECT_EQ(Type({"start", "./job.sh"}), ExitCode::kOk) << stage_.err;
  EXPECT_EQ(stage_.daemon_starts, 1);
}

TEST_F(Start, OfWhatDoesNotExistStartsNoDaemon) {
  stage_.core.Gone();
  EXPECT_EQ(Type({"start", "./nosuch.js"}), ExitCode::kFailed);
  EXPECT_THAT(stage_.err, HasSubstr("nosuch.js"));
  EXPECT_EQ(stage_.daemon_starts, 0);
}

TEST_F(Start, OfABareWordThatNothingIsCalledIsAnUnknownApp) {
  stage_.core.Answer(With(AppPackets("web", "online", 1), Done()));
  EXPECT_EQ(Type({"start", "wbe"}), ExitCode::kNoSuchApp);
  EXPECT_THAT(stage_.err, HasSubstr("did you mean \"web\"?"));
}

TEST_F(Start, OfAKnownAppSelectsIt) {
  stage_.core.Answer(With(AppPackets("web", "stopped", 1), Done()));
  stage_.core.Answer({});
  stage_.core.Answer(With(AppPackets("web", "stopped", 1), Done()));
  stage_.core.Answer({Done()});
  stage_.core.Answer(With(AppPackets("web", "online", 1, 5), Done()));
  EXPECT_EQ(Type({"start", "web"}), ExitCode::kOk) << stage_.err;
  EXPECT_THAT(stage_.core.Requests()[2], HasSubstr(R"("select":["web"])"));
  EXPECT_THAT(stage_.out, HasSubstr("started web: 1 worker online"));
}

TEST_F(Start, OfWhatRunsAlreadySaysSo) {
  for (int i = 0; i < 5; ++i) {
    stage_.core.Answer(i == 1   ? std::vector<std::string>{}
                       : i == 3 ? std::vector<std::string>{Done()}
                                : With(AppPackets("web", "online", 1), Done()));
  }
  EXPECT_EQ(Type({"start", "web"}), ExitCode::kOk) << stage_.err;
  EXPECT_THAT(stage_.out, HasSubstr("web was running already: 1 worker online"));
}

TEST_F(Start, OfAConfigFileTakesOnlyWhatWasAskedFor) {
  Write("tend.yaml", "apps:\n  - {name: a, script: ./job.sh}\n  - {name: b, script: ./job.sh}\n");
  WillStart("b");
  EXPECT_EQ(Type({"start", "tend.yaml", "--only", "b"}), ExitCode::kOk) << stage_.err;
  const std::string request = stage_.core.Requests()[2];
  EXPECT_THAT(request, HasSubstr(R"("name":"b")"));
  EXPECT_THAT(request, Not(HasSubstr(R"("name":"a")")));
}

TEST_F(Start, WithoutAWordFindsTheConfigFileAndSaysWhich) {
  Write("tend.yaml", "apps:\n  - {name: a, script: ./job.sh}\n");
  WillStart("a");
  EXPECT_EQ(Type({"start"}), ExitCode::kOk) << stage_.err;
  EXPECT_THAT(stage_.err, HasSubstr("tend.yaml"));
}

TEST_F(Start, WithoutAWordAndWithoutAFileSaysWhatItLookedFor) {
  stage_.core.Gone();
  EXPECT_EQ(Type({"start"}), ExitCode::kUsage);
  EXPECT_THAT(stage_.err, HasSubstr("ecosystem.config"));
}

TEST_F(Start, OfABadConfigChangesNothing) {
  Write("tend.yaml", "apps:\n  - {name: a, script: ./job.sh, instnaces: 2}\n");
  stage_.core.Gone();
  EXPECT_EQ(Type({"start", "tend.yaml"}), ExitCode::kBadConfig);
  EXPECT_THAT(stage_.err, HasSubstr("instances"));
  EXPECT_EQ(stage_.daemon_starts, 0);
  EXPECT_EQ(Type({"validate", "tend.yaml"}), ExitCode::kBadConfig);
}

TEST_F(Start, OfACrashingAppIsSeven) {
  stage_.core.Answer({Done()});
  stage_.core.Answer({});
  stage_.core.Answer({Done()});
  stage_.core.Answer({R"({"event":"failed","app":"job","slot":0,"incarnation":1,)"
                      R"("why":"exit code 3","exit":{"code":3,"signal":null}})",
                      Done(7, "job is not up")});
  stage_.core.Answer(With(AppPackets("job", "backoff", 1), Done()));
  EXPECT_EQ(Type({"start", "./job.sh"}), ExitCode::kNotReady);
  EXPECT_EQ(stage_.out, "");
  EXPECT_THAT(stage_.err, HasSubstr("error: job:0 did not come up: exit code 3\n"));
}

TEST_F(Start, FlagsOfAnAppHaveNoEffectOnAConfigFileAndThatIsSaid) {
  Write("tend.yaml", "apps:\n  - {name: a, script: ./job.sh}\n");
  WillStart("a");
  EXPECT_EQ(Type({"start", "tend.yaml", "-i", "4"}), ExitCode::kOk);
  EXPECT_THAT(stage_.err, HasSubstr("warning: --instances has no effect on a config file"));
}

TEST_F(Start, FlagsOfALaterVersionAreRefused) {
  stage_.core.Gone();
  EXPECT_EQ(Type({"start", "./job.sh", "--disable-logs"}), ExitCode::kUsage);
  EXPECT_THAT(stage_.err, HasSubstr("--disable-logs"));
}

TEST_F(Start, RestartOfAFileRestartsWhatDidNotChange) {
  Write("tend.yaml", "apps:\n  - {name: a, script: ./job.sh}\n");
  const auto same = With(AppPackets("a", "online", 1, 1), Done());
  stage_.core.Answer(same);      // known
  stage_.core.Answer(same);      // before the restart
  stage_.core.Answer({Done()});  // the restart
  stage_.core.Answer(With(AppPackets("a", "online", 1, 2), Done()));
  EXPECT_EQ(Type({"restart", "tend.yaml"}), ExitCode::kOk) << stage_.err;
  // Core is told what is in the file, and to restart it whether or not that is new.
  EXPECT_THAT(stage_.core.Requests()[2], HasSubstr(R"("verb":"restart")"));
  EXPECT_THAT(stage_.core.Requests()[2], HasSubstr(R"("apps":[{"name":"a")"));
  EXPECT_THAT(stage_.out, HasSubstr("restarted a"));
}

TEST_F(Start, TellsTheSidecarWhatLeaves) {
  WillStart("a");
  Write("tend.yaml",
        "apps: [{name: a, script: ./job.sh}]\n"
        "export: {loki: {url: 'http://loki:3100', token_file: secret/token}}\n");
  stage_.observe_answer = std::string(R"({"changed":true,"replaced":"/etc/old.yaml"})");
  EXPECT_EQ(Type({"start", "tend.yaml"}), ExitCode::kOk) << stage_.err;
  ASSERT_EQ(stage_.observed.size(), 1u);
  const auto request = config::ObserveRequestFromJson(stage_.observed[0]);
  ASSERT_TRUE(request);
  EXPECT_TRUE(request->given);
  EXPECT_EQ(request->file, std::filesystem::current_path() / "tend.yaml");
  ASSERT_EQ(request->observe.exporters.size(), 1u);
  EXPECT_EQ(request->observe.exporters[0].peer.token_file,
            std::filesystem::current_path() / "secret/token");
  EXPECT_THAT(stage_.err, HasSubstr("exporters, receivers and metrics came from /etc/old.yaml"));
  EXPECT_THAT(stage_.err, HasSubstr("1 exporter and 0 receivers configured: loki"));
}

TEST_F(Start, FailsIfWhatLeavesIsNotTaken) {
  WillStart("a");
  Write("tend.yaml", "apps: [{name: a, script: ./job.sh}]\nexport: {journald: }\n");
  stage_.observe_answer = Error(Errc::kBusy, "no space left");
  EXPECT_EQ(Type({"start", "tend.yaml"}), ExitCode::kFailed);
  EXPECT_THAT(stage_.err, HasSubstr("does not hold yet: no space left"));
  EXPECT_THAT(stage_.out, HasSubstr("started a"));
}

TEST_F(Start, AFileWithoutSectionsSaysSo) {
  WillStart("a");
  Write("tend.yaml", "apps: [{name: a, script: ./job.sh}]\n");
  EXPECT_EQ(Type({"start", "tend.yaml"}), ExitCode::kOk) << stage_.err;
  ASSERT_EQ(stage_.observed.size(), 1u);
  EXPECT_THAT(stage_.observed[0], HasSubstr(R"("given":false)"));
}

TEST_F(Start, AFileWithoutSectionsNeedsNoSidecar) {
  WillStart("a");
  Write("tend.yaml", "apps: [{name: a, script: ./job.sh}]\n");
  stage_.observe_answer = Error(Errc::kTimeout, "the sidecar does not answer");
  EXPECT_EQ(Type({"start", "tend.yaml"}), ExitCode::kOk) << stage_.err;
  EXPECT_THAT(stage_.err, HasSubstr("exporters and receivers are as they were"));
}

TEST_F(Start, KindsAreToldApart) {
  AppStatus web;
  web.name = "web";
  EXPECT_EQ(KindOf("ecosystem.config.js", {}), WordKind::kConfigFile);
  EXPECT_EQ(KindOf("tend.yaml", {}), WordKind::kConfigFile);
  EXPECT_EQ(KindOf("server.js", {}), WordKind::kScript);
  EXPECT_EQ(KindOf("web", {web}), WordKind::kKnownApp);
  EXPECT_EQ(KindOf("w*", {web}), WordKind::kKnownApp);
  EXPECT_EQ(KindOf("./web", {web}), WordKind::kScript);
  EXPECT_EQ(KindOf("web", {}), WordKind::kScript);
}

}  // namespace
}  // namespace tend::cli
