#include "supervisor/sidecar/run_book.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "supervisor/sidecar/log_routes.h"
#include "supervisor/sidecar/run_events.h"

namespace tend::supervisor {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

Wall RunAt(int seconds) {
  return Wall(std::chrono::seconds(1'000'000 + seconds));
}

WorkerStatus Running(std::uint64_t incarnation, int started, std::optional<int> last_exit = {}) {
  WorkerStatus worker;
  worker.slot = 1;
  worker.incarnation = incarnation;
  worker.pid = 100 + static_cast<int>(incarnation);
  worker.started = RunAt(started);
  if (last_exit) worker.last_exit = ExitStatus{.code = 3, .signal = {}, .time = RunAt(*last_exit)};
  return worker;
}

WorkerStatus Ended(std::uint64_t incarnation, int ended) {
  WorkerStatus worker = Running(incarnation, 0, ended);
  worker.pid = 0;
  worker.started = Wall{};
  return worker;
}

std::vector<std::string> TextsOf(const std::vector<RunEvent>& events) {
  std::vector<std::string> texts;
  for (const RunEvent& event : events)
    texts.push_back(std::to_string((event.time - RunAt(0)) / std::chrono::seconds(1)) + ' ' +
                    event.text);
  return texts;
}

TEST(RunBook, KnowsWhenEachRunBeganAndEnded) {
  RunBook book;
  book.Update("api", Running(1, 10));
  book.Update("api", Running(1, 10));  // another state
  book.Update("api", Ended(1, 20));
  book.Update("api", Ended(1, 20));
  book.Update("api", Running(2, 21, 20));
  book.Update("api", Running(3, 31, 30));  // its end was told together with the next start
  const auto runs = book.RunsOf("api", 1);
  ASSERT_EQ(runs.size(), 3u);
  EXPECT_EQ(runs[0].started, RunAt(10));
  EXPECT_EQ(runs[0].ended, RunAt(20));
  EXPECT_EQ(runs[1].ended, RunAt(30));
  EXPECT_FALSE(runs[2].ended);
  std::uint64_t from = 0;
  EXPECT_THAT(TextsOf(book.EventsFrom(from)),
              ElementsAre("10 started, pid 101", "20 exit code 3", "21 started, pid 102",
                          "30 exit code 3", "31 started, pid 103"));
  EXPECT_THAT(book.EventsFrom(from), IsEmpty());
}

// As a sidecar that was started anew is told.
TEST(RunBook, KnowsTheEndOfARunWhoseStartItMissed) {
  RunBook book;
  book.Update("api", Running(7, 10, 5));
  EXPECT_EQ(book.RunsOf("api", 1).size(), 1u);
  std::uint64_t from = 0;
  EXPECT_THAT(TextsOf(book.EventsFrom(from)), ElementsAre("5 exit code 3", "10 started, pid 107"));
}

TEST(RunBook, IsBounded) {
  RunBook book;
  constexpr int kCount = 5000;
  for (int i = 1; i <= kCount; ++i)
    book.Update("api", Running(static_cast<std::uint64_t>(i), 2 * i, 2 * i - 1));
  EXPECT_EQ(book.RunsOf("api", 1).size(), kRunsKept);
  std::uint64_t from = 0;
  EXPECT_EQ(book.EventsFrom(from).size(), kRunEventsKept);
  book.Forget("api");
  EXPECT_THAT(book.SlotsOf("api"), IsEmpty());
}

TEST(ChooseRun, IsARangeOfTimesOfEachWorker) {
  RunBook book;
  book.Update("api", Running(1, 10));
  book.Update("api", Ended(1, 20));
  book.Update("api", Running(2, 21, 20));
  rotate::LogQuery query;
  query.apps = {{"api", "/x"}, {"other", "/y"}};
  ASSERT_TRUE(ChooseRun(book, 1, query));
  ASSERT_EQ(query.apps.size(), 1u);
  ASSERT_EQ(query.apps[0].windows.size(), 1u);
  EXPECT_EQ(query.apps[0].windows[0].slot, 1);
  EXPECT_EQ(query.since, RunAt(10));
  EXPECT_GE(query.until, RunAt(20));
  EXPECT_LT(query.until, RunAt(21));
  rotate::LogQuery latest;
  latest.apps = {{"api", "/x"}};
  ASSERT_TRUE(ChooseRun(book, 0, latest));
  EXPECT_EQ(latest.since, RunAt(21));
  EXPECT_FALSE(latest.until);
  EXPECT_FALSE(ChooseRun(book, 2, latest));
}

std::vector<RunEvent> Three() {
  return {{RunAt(10), "api", 0, "a", RunAt(10)},
          {RunAt(20), "api", 0, "b", RunAt(20)},
          {RunAt(30), "api", 0, "c", RunAt(30)}};
}

TEST(RunEvents, StandBetweenTheLines) {
  RunEvents events({});
  events.Learn(Three());
  EXPECT_THAT(TextsOf(events.Before(RunAt(5))), IsEmpty());
  EXPECT_THAT(TextsOf(events.Before(RunAt(20))), ElementsAre("10 a", "20 b"));
  EXPECT_THAT(TextsOf(events.Rest(RunAt(29))), IsEmpty());
  EXPECT_THAT(TextsOf(events.Rest(Wall::max())), ElementsAre("30 c"));
}

TEST(RunEvents, AnEndStandsBehindLastWordsButBeforeTheNextStart) {
  RunBook book;
  book.Update("api", Running(1, 10));
  book.Update("api", Ended(1, 20));
  for (const bool is_restarted : {false, true}) {
    if (is_restarted) book.Update("api", Running(2, 20, 20));
    std::uint64_t from = 0;
    RunEvents events({});
    events.Learn(book.EventsFrom(from));
    const auto before = TextsOf(events.Before(RunAt(20) + std::chrono::milliseconds(9)));
    EXPECT_EQ(before.size(), is_restarted ? 3u : 1u);
    EXPECT_EQ(events.Rest(Wall::max()).size(), is_restarted ? 0u : 1u);
  }
}

TEST(RunEvents, BeforeTheLastLinesAreNotAskedFor) {
  RunEvents events({.last = 2});
  events.Learn(Three());
  EXPECT_THAT(TextsOf(events.Before(RunAt(15))), IsEmpty());
  EXPECT_THAT(TextsOf(events.Before(RunAt(25))), ElementsAre("20 b"));
  RunEvents back({.last = 2, .reverse = true});
  back.Learn(Three());
  EXPECT_THAT(TextsOf(back.Before(RunAt(25))), ElementsAre("30 c"));
  EXPECT_THAT(TextsOf(back.Before(RunAt(15))), ElementsAre("20 b"));
  EXPECT_THAT(TextsOf(back.Rest(Wall::max())), IsEmpty());
}

TEST(RunEvents, OfWorkersThatSaidNothingTheLatestAreShown) {
  RunEvents events({.last = 2});
  events.Learn(Three());
  EXPECT_THAT(TextsOf(events.Rest(Wall::max())), ElementsAre("20 b", "30 c"));
  RunEvents within({.since = RunAt(15), .until = RunAt(25)});
  within.Learn(Three());
  EXPECT_THAT(TextsOf(within.Rest(Wall::max())), ElementsAre("20 b"));
}

}  // namespace
}  // namespace tend::supervisor
