#include "cli/table.h"

#include <gtest/gtest.h>

#include "cli/state_view.h"
#include "cli/text.h"

namespace tend::cli {
namespace {

Style Piped() {
  return {};
}

Style Narrow(int width) {
  Style style;
  style.width = width;
  style.unicode = true;
  return style;
}

TEST(Text, CountsColumnsNotBytes) {
  EXPECT_EQ(DisplayWidth("web"), 3u);
  EXPECT_EQ(DisplayWidth("● é"), 3u);
  EXPECT_EQ(DisplayWidth("日本"), 4u);
  EXPECT_EQ(DisplayWidth("e\u0301"), 1u);
  EXPECT_EQ(DisplayWidth("\xff\xfe"), 2u);
  EXPECT_EQ(DisplayWidth("\xe6\x97"), 2u);  // cut in the middle of a character
}

TEST(Text, CutsWithAMarkAndNeverInsideACharacter) {
  EXPECT_EQ(CutToWidth("日本語", 5, true), "日本…");
  EXPECT_EQ(CutToWidth("日本語", 4, true), "日…");
  EXPECT_EQ(CutToWidth("abcdef", 5, false), "ab...");
  EXPECT_EQ(CutToWidth("abc", 3, false), "abc");
}

TEST(Text, SizesHaveAtMostThreeDigits) {
  EXPECT_EQ(HumanSize(0), "0 B");
  EXPECT_EQ(HumanSize(1023), "1023 B");
  EXPECT_EQ(HumanSize(1024), "1.0 KiB");
  EXPECT_EQ(HumanSize(10 * 1024 - 1), "10 KiB");
  EXPECT_EQ(HumanSize(999 * 1024 + 1000), "1.0 MiB");
  EXPECT_EQ(HumanSize(212ull << 20), "212 MiB");
  EXPECT_EQ(HumanSize(~0ull), "16 EiB");
}

TEST(Text, AgesShowTheLargestUnits) {
  using namespace std::chrono_literals;
  EXPECT_EQ(HumanAge(-5s), "0s");
  EXPECT_EQ(HumanAge(59s), "59s");
  EXPECT_EQ(HumanAge(41min + 59s), "41m");
  EXPECT_EQ(HumanAge(19h), "19h");
  EXPECT_EQ(HumanAge(76h + 5min), "3d 4h");
  EXPECT_EQ(HumanSpan(1234ms), "1.2s");
  EXPECT_EQ(HumanSpan(59'960ms), "1m 0s");
}

TEST(Text, MakesControlCharactersHarmless) {
  EXPECT_EQ(Harmless("a\tb"), "a\tb");
  EXPECT_EQ(Harmless("\x1b[2J\r\n"), "\\x1b[2J\\x0d\\x0a");
  EXPECT_EQ(Harmless(std::string_view("\0", 1)), "\\x00");
  EXPECT_EQ(Harmless("\xc2\x9b"
                     "1m"),
            "\\u009b1m");
  EXPECT_EQ(Harmless("é\xff"), "é\xff");
}

TEST(Table, PutsNumbersToTheRightAndLeavesNoBlanksAtTheEnd) {
  Table table({{"APP"}, {"MEM", true}, {"NOTE"}});
  table.Add({{"web"}, {"9 MiB"}, {""}});
  table.Add({{"日本"}, {"212 MiB"}, {"here"}});
  EXPECT_EQ(table.Render(Piped()),
            "APP       MEM  NOTE\n"
            "web     9 MiB\n"
            "日本  212 MiB  here\n");
}

TEST(Table, DropsTheLeastImportantColumnUntilItFits) {
  Table table({{"APP"}, {"CPU", true, 1}, {"UPTIME", true, 2}});
  table.Add({{"application"}, {"12%"}, {"3d 4h"}});
  EXPECT_EQ(table.Render(Narrow(20)), "APP          CPU\napplication  12%\n");
  EXPECT_EQ(table.Render(Narrow(5)), "APP\napplication\n");
}

TEST(Table, CutsTheLastColumnOnATerminalOnly) {
  Table table({{"APP"}, {"NOTE", false, 1}});
  table.Add({{"web"}, {"a rather long explanation"}});
  EXPECT_EQ(table.Render(Narrow(20)), "APP  NOTE\nweb  a rather long …\n");
  EXPECT_EQ(table.Render(Piped()), "APP  NOTE\nweb  a rather long explanation\n");
}

TEST(Table, PaintsWithoutMovingColumns) {
  Style style;
  style.colour = true;
  Table table({{"A"}, {"B"}});
  table.Add({{"x", Colour::kRed}, {"y"}});
  EXPECT_EQ(table.Render(style), "\x1b[2mA\x1b[0m  \x1b[2mB\x1b[0m\n\x1b[31mx\x1b[0m  y\n");
}

AppStatus App(std::string name, std::vector<WorkerState> states) {
  AppStatus app;
  app.name = std::move(name);
  for (const WorkerState state : states) {
    WorkerStatus worker;
    worker.slot = worker.id = static_cast<int>(app.workers.size());
    worker.state = state;
    worker.incarnation = app.workers.size() + 1;
    app.workers.push_back(worker);
  }
  return app;
}

TEST(AppsTable, LooksLikeThis) {
  const Wall now(std::chrono::seconds(1'800'000'000));
  AppStatus web = App("web", {WorkerState::kOnline, WorkerState::kOnline});
  for (WorkerStatus& worker : web.workers) {
    worker.pid = 100;
    worker.started = now - std::chrono::hours(76);
    worker.cpu_ratio = 0.19;
    worker.rss_bytes = 106ull << 20;
  }
  web.log_bytes = 990ull << 20;
  web.log_limit_bytes = 1ull << 30;
  AppStatus api = App("api", {WorkerState::kOnline, WorkerState::kBackoff});
  api.log_bytes = 48 << 10;
  api.log_limit_bytes = 0;
  api.workers[0].pid = 7;
  api.workers[0].started = now - std::chrono::minutes(6);
  api.workers[1].restarts_by_reason[0] = 14;
  api.workers[1].backoff_seconds = 2;
  api.workers[1].last_exit = ExitStatus{1, std::nullopt, true, now - std::chrono::seconds(4)};
  AppStatus mailer = App("mailer", {WorkerState::kErrored});
  mailer.workers[0].last_exit = ExitStatus{std::nullopt, 9, true, now - std::chrono::seconds(12)};
  const AppStatus nightly = App("nightly", {WorkerState::kStopped});
  EXPECT_EQ(AppsTable({web, api, mailer, nightly}, Piped(), now).Render(Piped()),
            "   APP       UP  STATE     CPU      MEM  RESTARTS  UPTIME             LOGS  NOTE\n"
            "*  web      2/2  online    38%  212 MiB         0   3d 4h  990 MiB/1.0 GiB\n"
            "!  api      1/2  degraded    -        -        14      6m           48 KiB  api:1 "
            "exit code 1, 4s ago, "
            "next in 2.0s\n"
            "x  mailer   0/1  errored     -        -         0       -                -  killed by "
            "SIGKILL, 12s ago, "
            "see below\n"
            "-  nightly  0/1  stopped     -        -         0       -                -\n");
}

TEST(WorkersTable, HasARowForEachWorker) {
  const Wall now(std::chrono::seconds(1'800'000'000));
  AppStatus web = App("web", {WorkerState::kOnline, WorkerState::kStopped});
  web.workers[0].pid = 11803;
  web.workers[0].started = now - std::chrono::seconds(5);
  web.workers[0].eventloop_lag_p99_seconds = 0.0011;
  EXPECT_EQ(WorkersTable({web}, Piped(), now).Render(Piped()),
            "   WORKER  ID    PID  STATE    CPU  MEM     LAG  RESTARTS  UPTIME  NOTE\n"
            "*  web:0    0  11803  online     -    -  1.1 ms         0      5s\n"
            "-  web:1    1      -  stopped    -    -       -         0       -\n");
}

}  // namespace
}  // namespace tend::cli
