#include "cli/commands.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/revision.h"
#include "cli/fake_core.h"
#include "cli/secrets.h"

namespace tend::cli {
namespace {

using testing::HasSubstr;
using testing::Not;

ExitCode Type(Stage& stage, std::vector<std::string> args) {
  return Dispatch(stage.context, std::move(args));
}

TEST(Dispatch, WithoutACommandShowsWhatToTryAndIsAMistake) {
  Stage stage;
  EXPECT_EQ(Type(stage, {}), ExitCode::kUsage);
  EXPECT_THAT(stage.err, HasSubstr("tend start"));
  EXPECT_EQ(stage.out, "");
}

TEST(Dispatch, AnUnknownCommandGetsASuggestion) {
  Stage stage;
  EXPECT_EQ(Type(stage, {"lst"}), ExitCode::kUsage);
  EXPECT_EQ(stage.err,
            "error: unknown command \"lst\"\n"
            "  help: did you mean \"list\"?  `tend help` shows all commands\n");
}

TEST(Dispatch, AnUnknownOptionGetsASuggestion) {
  Stage stage;
  EXPECT_EQ(Type(stage, {"list", "--jsn"}), ExitCode::kUsage);
  EXPECT_EQ(stage.err, "error: `tend list` has no option \"--jsn\"; did you mean --json?\n");
}

TEST(Dispatch, AnOptionWithoutItsValueIsAMistake) {
  Stage stage;
  EXPECT_EQ(Type(stage, {"logs", "api", "-n"}), ExitCode::kUsage);
  EXPECT_EQ(stage.err, "error: --lines needs a value\n");
}

TEST(Dispatch, HelpOfACommandIsDataAndNeedsNoDaemon) {
  Stage stage;
  stage.core.Gone();
  EXPECT_EQ(Type(stage, {"logs", "--help"}), ExitCode::kOk);
  EXPECT_THAT(stage.out, HasSubstr("usage: tend logs"));
  EXPECT_THAT(stage.out, HasSubstr("-f, --follow"));
}

TEST(Reading, WithoutADaemonSaysSoAndStartsNone) {
  for (const char* verb : {"list", "ping", "save"}) {
    Stage stage;
    stage.core.Gone();
    EXPECT_EQ(Type(stage, {verb}), ExitCode::kUnreachable) << verb;
    EXPECT_THAT(stage.err, HasSubstr("error: the tend daemon is not running")) << verb;
    EXPECT_THAT(stage.err, HasSubstr("/tmp/x/tend.sock")) << verb;
    EXPECT_EQ(stage.daemon_starts, 0) << verb;
  }
}

TEST(List, ShowsAllApps) {
  Stage stage;
  stage.core.Answer(With(AppPackets("api", "online", 2), Done()));
  EXPECT_EQ(Type(stage, {"ls"}), ExitCode::kOk);
  EXPECT_EQ(stage.out,
            "   APP   UP  STATE   CPU  MEM  RESTARTS  UPTIME  LOGS  NOTE\n"
            "*  api  2/2  online    -    -         0       -     -\n"
            "\n1 app, 2 of 2 workers up.\n");
}

TEST(List, WithoutAppsSaysHowToGetOne) {
  Stage stage;
  stage.core.Answer({Done()});
  EXPECT_EQ(Type(stage, {"list"}), ExitCode::kOk);
  EXPECT_EQ(stage.out, "");
  EXPECT_THAT(stage.err, HasSubstr("tend start"));
}

TEST(List, JsonIsOneObjectWithASchema) {
  Stage stage;
  stage.core.Answer({Done()});
  EXPECT_EQ(Type(stage, {"list", "--json"}), ExitCode::kOk);
  EXPECT_EQ(stage.out, "{\"schema\":\"tend.list/1\",\"apps\":[]}\n");
}

TEST(List, CheckIsThreeWhenSomethingIsNotOnline) {
  Stage stage;
  stage.core.Answer(With(AppPackets("api", "backoff", 1), Done()));
  EXPECT_EQ(Type(stage, {"list", "--check"}), ExitCode::kUnhealthy);
  stage.core.Answer(With(AppPackets("api", "online", 1), Done()));
  EXPECT_EQ(Type(stage, {"list", "--check"}), ExitCode::kOk);
}

TEST(List, OfAnUnknownAppNamesTheNearOne) {
  Stage stage;
  stage.core.Answer(With(AppPackets("web", "online", 1), Done()));
  EXPECT_EQ(Type(stage, {"list", "wbe"}), ExitCode::kNoSuchApp);
  EXPECT_EQ(stage.err,
            "error: there is no app \"wbe\"\n  help: did you mean \"web\"?  Known: web\n");
}

TEST(List, OfAnAppShowsItsWorkersAndOfAWorkerOnlyThat) {
  Stage stage;
  stage.core.Answer(With(AppPackets("web", "online", 3), Done()));
  EXPECT_EQ(Type(stage, {"list", "web:1"}), ExitCode::kOk);
  EXPECT_THAT(stage.out, HasSubstr("web:1"));
  EXPECT_THAT(stage.out, Not(HasSubstr("web:0")));
}

TEST(Restart, SaysWhatHasBecomeOfTheApp) {
  Stage stage;
  stage.core.Answer(With(AppPackets("web", "online", 2, 1), Done()));  // what is known
  stage.core.Answer(With(AppPackets("web", "online", 2, 1), Done()));  // before
  stage.core.Answer({Done()});
  stage.core.Answer(With(AppPackets("web", "online", 2, 8), Done()));  // after
  EXPECT_EQ(Type(stage, {"restart", "web"}), ExitCode::kOk);
  EXPECT_THAT(stage.out, HasSubstr("restarted web: 2 workers online in 0."));
  EXPECT_EQ(stage.core.Requests()[2], R"({"verb":"restart","wait":true,"select":["web"]})");
}

TEST(Restart, OfACrashingAppTellsTheTruth) {
  Stage stage;
  stage.core.Answer(With(AppPackets("web", "online", 1), Done()));
  stage.core.Answer(With(AppPackets("web", "online", 1), Done()));
  stage.core.Answer({R"({"event":"failed","app":"web","slot":0,"incarnation":2,)"
                     R"("why":"ended early","exit":{"code":3,"signal":null}})",
                     Done(7, "web did not come up")});
  stage.core.Answer(With(AppPackets("web", "backoff", 1), Done()));
  EXPECT_EQ(Type(stage, {"restart", "web"}), ExitCode::kNotReady);
  EXPECT_EQ(stage.out, "");
  EXPECT_THAT(stage.err, HasSubstr("error: web:0 did not come up: ended early (exit code 3)\n"));
  EXPECT_THAT(stage.err, HasSubstr("`tend logs web`"));
}

TEST(Stop, OfAnUnknownAppIsFour) {
  Stage stage;
  stage.core.Answer(With(AppPackets("web", "online", 1), Done()));
  stage.core.Answer({Done(4, "there is no app")});
  stage.core.Answer(With(AppPackets("web", "online", 1), Done()));
  stage.core.Answer(With(AppPackets("web", "online", 1), Done()));
  EXPECT_EQ(Type(stage, {"stop", "webb"}), ExitCode::kNoSuchApp);
  EXPECT_THAT(stage.err, HasSubstr("there is no app \"webb\""));
  EXPECT_THAT(stage.err, HasSubstr("did you mean \"web\"?"));
}

TEST(Stop, WithoutAnAppIsAMistake) {
  Stage stage;
  EXPECT_EQ(Type(stage, {"stop"}), ExitCode::kUsage);
  EXPECT_THAT(stage.err, HasSubstr("which app?"));
}

TEST(Scale, TakesSignedNumbersAndNothingElse) {
  for (const char* count : {"-1", "+2", "4"}) {
    Stage stage;
    stage.core.Answer(With(AppPackets("web", "online", 2), Done()));
    stage.core.Answer({Done()});
    stage.core.Answer(With(AppPackets("web", "online", 1), Done()));
    EXPECT_EQ(Type(stage, {"scale", "web", count}), ExitCode::kOk) << count;
    EXPECT_THAT(stage.core.Requests()[1], HasSubstr(R"("instances":")" + std::string(count) + '"'));
  }
  for (const char* count : {"two", "", "+", "--1", "1x", "123456"}) {
    Stage stage;
    EXPECT_EQ(Type(stage, {"scale", "web", count}), ExitCode::kUsage) << count;
  }
}

TEST(Signal, KnowsSignalsByName) {
  Stage stage;
  stage.core.Answer({Done()});
  EXPECT_EQ(Type(stage, {"sendSignal", "USR2", "web"}), ExitCode::kOk);
  EXPECT_THAT(stage.core.Requests()[0], HasSubstr(R"("signal":"SIGUSR2")"));
  EXPECT_EQ(Type(stage, {"signal", "SIGNOTHING", "web"}), ExitCode::kUsage);
}

TEST(Flush, AsksForAnApp) {
  Stage stage;
  EXPECT_EQ(Type(stage, {"flush"}), ExitCode::kUsage);
  EXPECT_THAT(stage.err, HasSubstr("--all"));
  stage.core.Answer({Done()});
  EXPECT_EQ(Type(stage, {"flush", "--all"}), ExitCode::kOk);
  EXPECT_THAT(stage.core.Requests()[0], HasSubstr(R"("select":["all"])"));
}

TEST(LogsRotate, AsksForAllAppsUnlessOneIsNamed) {
  Stage all;
  all.core.Answer({Done()});
  EXPECT_EQ(Type(all, {"logs", "rotate"}), ExitCode::kOk);
  EXPECT_THAT(all.core.Requests()[0], HasSubstr(R"("verb":"rotate")"));
  EXPECT_THAT(all.core.Requests()[0], HasSubstr(R"("select":["all"])"));
  Stage one;
  one.core.Answer({Done()});
  EXPECT_EQ(Type(one, {"log", "rotate", "web"}), ExitCode::kOk);
  EXPECT_THAT(one.core.Requests()[0], HasSubstr(R"("select":["web"])"));
  EXPECT_THAT(one.out, HasSubstr("rotated the logs of web"));
}

TEST(LogsReopen, IsPm2sReloadLogs) {
  for (const std::vector<std::string>& typed :
       {std::vector<std::string>{"logs", "reopen"}, std::vector<std::string>{"reloadLogs"}}) {
    Stage stage;
    stage.core.Answer({Done()});
    EXPECT_EQ(Type(stage, typed), ExitCode::kOk);
    EXPECT_THAT(stage.core.Requests()[0], HasSubstr(R"("verb":"reopen")"));
  }
}

TEST(Env, MasksSecretsUnlessTold) {
  const std::string packet =
      R"({"event":"env","app":"web","env":{"HOME":"/srv","API_KEY":"abc","DB":"pg://u:p@h/x"}})";
  Stage stage;
  stage.core.Answer({packet, Done()});
  EXPECT_EQ(Type(stage, {"env", "web"}), ExitCode::kOk);
  EXPECT_EQ(stage.out, "API_KEY=********\nDB=********\nHOME=/srv\n");
  EXPECT_THAT(stage.err, HasSubstr("2 values masked"));
  Stage open;
  open.core.Answer({packet, Done()});
  EXPECT_EQ(Type(open, {"env", "web", "--reveal"}), ExitCode::kOk);
  EXPECT_EQ(open.out, "API_KEY=abc\nDB=pg://u:p@h/x\nHOME=/srv\n");
}

TEST(LooksSecret, GoesByNameAndByUrl) {
  EXPECT_TRUE(LooksSecret("github_token", "x"));
  EXPECT_TRUE(LooksSecret("URL", "redis://:pw@host"));
  EXPECT_FALSE(LooksSecret("URL", "http://host/a:b@c"));
  EXPECT_FALSE(LooksSecret("PWD", "/srv"));
  EXPECT_FALSE(LooksSecret("NODE_ENV", "production"));
}

TEST(Kill, OfNothingIsAGoalReached) {
  Stage stage;
  stage.core.Gone();
  EXPECT_EQ(Type(stage, {"kill"}), ExitCode::kOk);
  EXPECT_THAT(stage.err, HasSubstr("was not running"));
}

TEST(Wait, EndsAtOnceWhenItIsHopeless) {
  Stage stage;
  stage.core.Answer(With(AppPackets("web", "errored", 1), Done()));
  EXPECT_EQ(Type(stage, {"wait", "web"}), ExitCode::kUnhealthy);
  EXPECT_THAT(stage.err, HasSubstr("web:0 is errored"));
}

TEST(Wait, GivesUpWithItsOwnCode) {
  Stage stage;
  stage.core.Answer(With(AppPackets("web", "starting", 1), Done()));
  EXPECT_EQ(Type(stage, {"wait", "web", "--timeout", "0s"}), ExitCode::kTimeout);
}

TEST(Version, NamesTheDaemonIfThereIsOne) {
  Stage stage;
  stage.core.Answer({Done()});
  EXPECT_EQ(Type(stage, {"version", "--json"}), ExitCode::kOk);
  const std::string revision(Revision());
  EXPECT_EQ(stage.out, "{\"schema\":\"tend.version/1\",\"version\":\"0.1.0\",\"revision\":\"" +
                           revision + "\",\"daemon\":{\"version\":\"0.1.0\",\"pid\":77}}\n");
  Stage alone;
  alone.core.Gone();
  EXPECT_EQ(Type(alone, {"version"}), ExitCode::kOk);
  EXPECT_THAT(alone.out, HasSubstr("tend 0.1.0 (" + revision + ")\n"));
  EXPECT_THAT(alone.out, HasSubstr("no daemon at /nowhere/tend.sock"));
}

TEST(Resurrect, StartsTheDaemon) {
  Stage stage;
  stage.core.Gone();
  stage.core.Answer({Done()});
  stage.core.Answer(With(AppPackets("web", "online", 1), Done()));
  EXPECT_EQ(Type(stage, {"resurrect"}), ExitCode::kOk);
  EXPECT_EQ(stage.daemon_starts, 1);
  EXPECT_EQ(stage.out, "resurrected 1 app\n");
}

TEST(Logs, OfAnUnknownAppIsFourAndDoesNotHang) {
  Stage stage;
  stage.core.Answer(With(AppPackets("web", "online", 1), Done()));
  EXPECT_EQ(Type(stage, {"logs", "-f", "wbe"}), ExitCode::kNoSuchApp);
}

TEST(Logs, RefusesWhatItCannotRead) {
  for (const std::vector<std::string>& args : {std::vector<std::string>{"logs", "-n", "many"},
                                               {"logs", "--since", "soon"},
                                               {"logs", "-o", "xml"},
                                               {"logs", "--stream", "both"},
                                               {"logs", "-C", "some"},
                                               {"logs", "-f", "--reverse"},
                                               {"logs", "-g", "a", "-F", "b"}}) {
    Stage stage;
    EXPECT_EQ(Type(stage, args), ExitCode::kUsage) << args[1];
  }
}

TEST(Pipe, ChecksSizesBeforeItBegins) {
  Stage stage;
  EXPECT_EQ(Type(stage, {"pipe", "web", "--max-size", "bananas"}), ExitCode::kUsage);
  EXPECT_THAT(stage.err, HasSubstr("--max-size: not a size: bananas"));
  EXPECT_EQ(Type(stage, {"pipe"}), ExitCode::kUsage);
}

TEST(Startup, PrintsAUnitWithoutTouchingAnything) {
  Stage stage;
  EXPECT_EQ(Type(stage, {"startup", "--print"}), ExitCode::kOk);
  EXPECT_THAT(stage.out, HasSubstr("Type=notify\n"));
  EXPECT_THAT(stage.out, HasSubstr("KillMode=process\n"));
  EXPECT_THAT(stage.out, HasSubstr("Delegate=yes\n"));
  EXPECT_THAT(stage.out, HasSubstr("/tendd\" --foreground\n"));
  EXPECT_THAT(stage.out, HasSubstr("Environment=TEND_RESURRECT=1\n"));
}

}  // namespace
}  // namespace tend::cli
