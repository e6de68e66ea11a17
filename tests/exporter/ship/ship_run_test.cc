#include "exporter/ship/ship_run.h"

#include <numeric>
#include <random>
#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "exporter/ship/fake_logs.h"
#include "rotate/temp_folder.h"

namespace tend::exporter {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;

class ShipRunTest : public testing::Test {
 protected:
  ShipRunTest() {
    config_.name = "grafana";
    config_.batch_bytes = 10'000;
  }

  // As after a crash: only the file remains.
  void Restart() {
    run_ = std::make_unique<ShipRun>(FilesLinux(),
                                     ShipRun::Options{.config = config_,
                                                      .state_file = folder_.At("state"),
                                                      .draw = RandomDraw(1),
                                                      .mono = [this] { return mono_; },
                                                      .wall = [this] { return wall_; }},
                                     logs_, receiver_);
  }
  void Write(const std::string& text,
             Stream stream = Stream::kStdout,
             const std::string& app = "api") {
    if (!run_) Restart();
    logs_.Write(app, text, stream, wall_);
    ++written_;
  }
  void Pass(std::chrono::nanoseconds time) {
    const Mono end = mono_ + time;
    while (mono_ < end) {
      const Mono next = run_->Step();
      const auto step = std::clamp<std::chrono::nanoseconds>(next - mono_, 1ms, end - mono_);
      mono_ += step;
      wall_ += step;
    }
    run_->Step();
  }
  const ExportStats& Stats() { return run_->stats(); }
  std::uint64_t Dropped(ExportDrop reason) {
    return Stats().dropped[static_cast<std::size_t>(reason)];
  }
  void ExpectAllAccountedFor() {
    const ExportStats& s = Stats();
    EXPECT_EQ(s.sent_entries + s.filtered_entries + s.queue_entries +
                  std::accumulate(s.dropped.begin(), s.dropped.end(), std::uint64_t{0}),
              written_);
  }

  rotate::TempFolder folder_;
  FakeLogs logs_;
  FakeReceiver receiver_;
  config::ExporterConfig config_;
  Mono mono_ = Mono(1h);
  Wall wall_ = Wall(std::chrono::seconds(1'795'257'067));
  std::uint64_t written_ = 0;
  std::unique_ptr<ShipRun> run_;
};

TEST_F(ShipRunTest, WaitsUntilABatchIsFullOrOldEnough) {
  Write("a");
  Write("b");
  Pass(900ms);
  EXPECT_TRUE(receiver_.requests.empty());
  Pass(200ms);
  EXPECT_THAT(receiver_.Texts(), ElementsAre("a", "b"));
  for (int i = 0; i < 30; ++i)
    Write(std::string(1000, 'x'));
  Pass(1100ms);  // until it looks
  EXPECT_GE(receiver_.requests.size(), 4U);
  EXPECT_EQ(receiver_.got.size(), 32U);
  EXPECT_EQ(Stats().state, "ok");
  EXPECT_EQ(Stats().queue_entries, 0U);
  ExpectAllAccountedFor();
}

TEST_F(ShipRunTest, IsIdleWhenThereIsNothing) {
  Write("a");
  Pass(2s);
  const Mono next = run_->Step();
  EXPECT_GE(next - mono_, 900ms);
  EXPECT_EQ(receiver_.requests.size(), 1U);
}

TEST_F(ShipRunTest, TriesTheSameAgainUntilItIsTaken) {
  receiver_.always = [](auto, auto) { return FakeReceiver::Away(); };
  for (int i = 0; i < 50; ++i)
    Write(std::to_string(i));
  Pass(10min);
  EXPECT_EQ(Stats().state, "waiting");
  EXPECT_EQ(Stats().queue_entries, 50U);
  EXPECT_GT(Stats().lag_seconds, 599);
  EXPECT_EQ(Stats().last_error, "away");
  EXPECT_GT(Stats().retry_in_seconds, 0);
  const std::size_t tries = receiver_.requests.size();
  EXPECT_GT(tries, 5U);
  EXPECT_LT(tries, 60U);
  EXPECT_EQ(Stats().retries, tries - 1);
  ExpectAllAccountedFor();
  receiver_.always = nullptr;
  Pass(6min);
  EXPECT_EQ(receiver_.got.size(), 50U);
  for (const auto& request : receiver_.requests)
    EXPECT_EQ(request[7].entry.time, receiver_.got[7].entry.time);
  EXPECT_EQ(Stats().state, "ok");
  EXPECT_EQ(Stats().last_error, "");
  EXPECT_EQ(Stats().lag_seconds, 0);
  ExpectAllAccountedFor();
}

TEST_F(ShipRunTest, LinesComeWhileItWaitsAndAreCounted) {
  receiver_.always = [](auto, auto) { return FakeReceiver::Away(); };
  Write("a");
  Pass(60s);
  for (int i = 0; i < 1000; ++i)
    Write("more");
  Pass(2s);
  EXPECT_EQ(Stats().queue_entries, 1001U);
  ExpectAllAccountedFor();
}

TEST_F(ShipRunTest, HalvesWhatIsTooMuchAndGivesUpALineThatIsTooMuchAlone) {
  receiver_.always = [](std::size_t, std::size_t bytes) {
    if (bytes <= 1000) return FakeReceiver::Done();
    return SendOutcome{
        .then = SendOutcome::Then::kSplit, .result = SendResult::kBadRequest, .error = "413"};
  };
  for (int i = 0; i < 20; ++i)
    Write(std::string(i == 11 ? 2000 : 300, static_cast<char>('a' + i)));
  Pass(5s);
  EXPECT_EQ(receiver_.got.size(), 19U);
  EXPECT_EQ(Dropped(ExportDrop::kTooLarge), 1U);
  std::set<std::string> each;
  for (const auto& line : receiver_.got)
    EXPECT_TRUE(each.insert(line.entry.text).second);
  ExpectAllAccountedFor();
}

TEST_F(ShipRunTest, ALineAloneIsNotGivenUpForTroubleOfTheReceiver) {
  receiver_.always = [](auto, auto) {
    return SendOutcome{
        .then = SendOutcome::Then::kSplit, .result = SendResult::kServerError, .error = "500"};
  };
  Write("a");
  Write("b");
  Pass(1min);
  EXPECT_EQ(Stats().queue_entries, 2U);
  receiver_.always = nullptr;
  Pass(5min);
  EXPECT_THAT(receiver_.Texts(), ElementsAre("a", "b"));
}

TEST_F(ShipRunTest, SendsLessAtOnceAfterSomeAnswersOfTooMuch) {
  receiver_.always = [](std::size_t entries, std::size_t) {
    return entries > 10 ? FakeReceiver::Away(SendResult::kRateLimited) : FakeReceiver::Done();
  };
  for (int i = 0; i < 64; ++i)
    Write(std::to_string(i));
  Pass(30min);
  EXPECT_EQ(receiver_.got.size(), 64U);
  ExpectAllAccountedFor();
}

TEST_F(ShipRunTest, WhatIsRejectedIsCountedAndNotSentAgain) {
  receiver_.answers.push_back([](auto, auto) {
    return SendOutcome{.then = SendOutcome::Then::kGiveUp,
                       .result = SendResult::kBadRequest,
                       .rejected = 2,
                       .error = "too old"};
  });
  for (int i = 0; i < 5; ++i)
    Write(std::to_string(i));
  Pass(3s);
  EXPECT_EQ(receiver_.requests.size(), 1U);
  EXPECT_EQ(Stats().sent_entries, 3U);
  EXPECT_EQ(Dropped(ExportDrop::kRejected), 2U);
  EXPECT_EQ(Stats().last_error, "too old");
  ExpectAllAccountedFor();
}

TEST_F(ShipRunTest, WhatWasTakenBeforeAFailureIsNotSentAgain) {
  config_.batch_wait = 0s;
  const auto takes_two = [](SendOutcome::Then then) {
    return [then](auto, auto) {
      return SendOutcome{.then = then, .result = SendResult::kTimeout, .taken = 2, .error = "full"};
    };
  };
  receiver_.answers.push_back(takes_two(SendOutcome::Then::kSplit));
  receiver_.answers.push_back(takes_two(SendOutcome::Then::kRetry));
  for (int i = 0; i < 6; ++i)
    Write(std::to_string(i));
  EXPECT_EQ(run_->Step(), mono_) << "at once";
  EXPECT_EQ(Stats().sent_entries, 2U);
  ExpectAllAccountedFor();
  EXPECT_GT(run_->Step(), mono_) << "later";
  EXPECT_EQ(Stats().sent_entries, 4U);
  EXPECT_EQ(Stats().state, "waiting");
  Pass(5s);
  EXPECT_THAT(receiver_.Texts(), ElementsAre("4", "5"));
  EXPECT_EQ(Stats().retries, 2U);
  ExpectAllAccountedFor();
}

TEST_F(ShipRunTest, ALineThatIsTooLargeForADatagramIsGivenUpAlone) {
  std::vector<std::string> taken;
  receiver_.always = [&](auto, auto) {
    const auto& lines = receiver_.requests.back();
    const auto is_large = [](const auto& line) { return line.entry.text.size() > 1000; };
    const auto large = std::find_if(lines.begin(), lines.end(), is_large);
    for (auto at = lines.begin(); at != large; ++at)
      taken.push_back(at->entry.text);
    if (large == lines.end()) return FakeReceiver::Done();
    return SendOutcome{.then = SendOutcome::Then::kSplit,
                       .result = SendResult::kBadRequest,
                       .taken = static_cast<std::size_t>(large - lines.begin()),
                       .error = "too large"};
  };
  for (int i = 0; i < 20; ++i)
    Write(std::string(i % 10 == 7 ? 2000 : 100, static_cast<char>('a' + i)));
  Pass(5s);
  EXPECT_EQ(Dropped(ExportDrop::kTooLarge), 2U);
  EXPECT_EQ(taken.size(), 18U);
  EXPECT_EQ(std::set<std::string>(taken.begin(), taken.end()).size(), 18U);
  EXPECT_EQ(Stats().sent_entries, 18U);
  ExpectAllAccountedFor();
}

TEST_F(ShipRunTest, AWrongPasswordLosesNothingAndIsAskedForHelp) {
  receiver_.always = [](auto, auto) {
    return SendOutcome{.result = SendResult::kBadRequest, .needs_help = true, .error = "401"};
  };
  Write("a");
  Pass(10min);
  EXPECT_EQ(Stats().state, "failing");
  EXPECT_EQ(Stats().queue_entries, 1U);
  EXPECT_GT(receiver_.requests.size(), 20U);  // every 30 s at the latest
  receiver_.always = nullptr;
  Pass(31s);
  EXPECT_THAT(receiver_.Texts(), ElementsAre("a"));
  EXPECT_EQ(Stats().state, "ok");
}

TEST_F(ShipRunTest, LeavesOutWhatIsNotWantedOrTooOld) {
  config_.err = false;
  config_.max_age = 1h;
  config_.apps = {"a*"};
  Write("old");
  wall_ += 2h;
  Write("out");
  Write("err", Stream::kStderr);
  logs_.Write("web", "other", Stream::kStdout, wall_);
  Pass(3s);
  EXPECT_THAT(receiver_.Texts(), ElementsAre("out"));
  EXPECT_EQ(Stats().filtered_entries, 1U);
  EXPECT_EQ(Dropped(ExportDrop::kTooOld), 1U);
  ExpectAllAccountedFor();
}

TEST_F(ShipRunTest, AppsAreMeantAndShownByTheirRealNames) {
  config_.apps = {"@acme/*", "plain"};
  logs_.called = {{"-acme-web", "@acme/web"}, {"-acme-api", "@other/api"}};
  for (const char* app : {"-acme-web", "-acme-api", "plain"})
    Write("a", Stream::kStdout, app);
  Pass(2s);
  ASSERT_EQ(receiver_.got.size(), 2U);
  EXPECT_EQ(receiver_.got[0].app, "@acme/web");
  EXPECT_EQ(receiver_.got[1].app, "plain");
  Restart();
  Pass(2s);
  EXPECT_EQ(receiver_.got.size(), 2U) << "positions are those of the logs";
}

TEST_F(ShipRunTest, GoesOnWhereItWasWithALogWhoseNameWasOutOfReach) {
  config_.apps = {"@acme/*"};
  logs_.called = {{"-acme-web", "@acme/web"}};
  Write("a", Stream::kStdout, "-acme-web");
  Pass(2s);
  const auto called = std::exchange(logs_.called, {});
  Restart();
  Pass(2s);
  logs_.called = called;
  Write("b", Stream::kStdout, "-acme-web");
  Pass(2s);
  EXPECT_THAT(receiver_.Texts(), ElementsAre("a", "b"));
}

TEST_F(ShipRunTest, ALogThatIsCalledOtherwiseIsLeftOutWithItsPositionKept) {
  config_.apps = {"-acme-*"};
  receiver_.answers = {[](auto, auto) { return FakeReceiver::Away(); }};
  Write("a", Stream::kStdout, "-acme-web");
  Pass(1100ms);
  logs_.called["-acme-web"] = "@acme/web";
  Pass(2min);
  Write("b", Stream::kStdout, "-acme-web");
  Pass(2s);
  EXPECT_EQ(Stats().sent_entries + Stats().queue_entries + Dropped(ExportDrop::kQueueFull), 1U);
  config_.apps = {"@acme/*"};
  Restart();
  Pass(2s);
  EXPECT_THAT(receiver_.Texts(), ElementsAre("a", "b"));
}

TEST_F(ShipRunTest, LinesThatAreNotToBeSentAreNotHeldWithoutEnd) {
  config_.err = false;
  config_.batch_wait = 1h;
  Write("first");
  for (int i = 0; i < 200'000; ++i)
    Write("0123456789", Stream::kStderr);
  run_->Step();
  EXPECT_THAT(receiver_.Texts(), ElementsAre("first"));
  EXPECT_LT(Stats().filtered_entries, 50'000U);
  run_->Step();
  EXPECT_LT(Stats().filtered_entries, 100'000U);
  while (run_->Flush()) {
  }
  EXPECT_EQ(Stats().filtered_entries, 200'000U);
  ExpectAllAccountedFor();
}

TEST_F(ShipRunTest, WhatIsLeftOutOfAPartThatWasSentHalfIsCountedOnce) {
  config_.err = false;
  config_.max_age = 1h;
  config_.batch_wait = 0s;
  Write("first");
  run_->Step();
  for (int i = 0; i < 10; ++i)
    Write("gone");
  for (int i = 0; i < 100; ++i) {
    wall_ += i % 5 == 0 ? -2h : 0h;  // a clock that was wrong for a moment
    Write(std::to_string(i), i % 5 == 1 ? Stream::kStderr : Stream::kStdout);
    wall_ += i % 5 == 0 ? 2h : 0h;
  }
  logs_.Prune("api", 11);
  receiver_.always = [](std::size_t entries, std::size_t) {
    return SendOutcome{.then = entries > 7 ? SendOutcome::Then::kSplit : SendOutcome::Then::kDone,
                       .result = SendResult::kSuccess};
  };
  for (int i = 0; i < 100 && receiver_.got.size() < 61; ++i) {
    for (int steps = 0; steps < 6; ++steps)
      run_->Step();
    ExpectAllAccountedFor();
    run_->Save();
    Restart();
  }
  EXPECT_EQ(receiver_.got.size(), 61U);
  EXPECT_EQ(Stats().filtered_entries, 20U);
  EXPECT_EQ(Dropped(ExportDrop::kTooOld), 20U);
  EXPECT_EQ(Dropped(ExportDrop::kQueueFull), 10U);
}

TEST_F(ShipRunTest, KeepsNoMoreThanMayWait) {
  config_.max_behind = 5'000;
  receiver_.always = [](auto, auto) { return FakeReceiver::Away(); };
  for (int i = 0; i < 300; ++i)
    Write(std::to_string(1000 + i) + std::string(96, 'x'));
  Pass(10s);
  EXPECT_GT(Dropped(ExportDrop::kQueueFull), 200U);
  EXPECT_LE(Stats().queue_bytes, 16'000U);
  ExpectAllAccountedFor();
  receiver_.always = nullptr;
  Pass(6min);
  ASSERT_GT(receiver_.got.size(), 40U);
  EXPECT_EQ(receiver_.got.back().entry.text.substr(0, 4), "1299");
  ExpectAllAccountedFor();
}

TEST_F(ShipRunTest, LinesThatWereRemovedBeforeTheyWereSentAreCounted) {
  receiver_.always = [](auto, auto) { return FakeReceiver::Away(); };
  for (int i = 0; i < 500; ++i)
    Write(std::string(100, 'x'));
  Pass(5s);
  logs_.Prune("api", 400);
  receiver_.always = nullptr;
  Pass(6min);
  EXPECT_GE(Dropped(ExportDrop::kQueueFull), 300U);
  EXPECT_EQ(Stats().queue_entries, 0U);
  ExpectAllAccountedFor();
}

TEST_F(ShipRunTest, NoAppWaitsForAnothersBacklog) {
  for (int i = 0; i < 4000; ++i)
    Write(std::string(1000, 'x'));
  Write("hello", Stream::kStdout, "web");
  Pass(1s);
  const auto is_web = [](const auto& line) { return line.app == "web"; };
  const auto at = std::find_if(receiver_.got.begin(), receiver_.got.end(), is_web);
  ASSERT_NE(at, receiver_.got.end());
  EXPECT_LT(at - receiver_.got.begin(), 300);
  ExpectAllAccountedFor();
}

TEST_F(ShipRunTest, GoesOnAfterACrashWhereItWas) {
  for (int i = 0; i < 5; ++i)
    Write(std::to_string(i));
  Pass(2s);
  Restart();
  Write("5");
  Pass(2s);
  EXPECT_THAT(receiver_.Texts(), ElementsAre("0", "1", "2", "3", "4", "5"));
  EXPECT_EQ(Stats().sent_entries, 6U);
  ExpectAllAccountedFor();
}

TEST_F(ShipRunTest, TheCountersThatWereKeptAreThereFromTheBeginning) {
  for (int i = 0; i < 5; ++i)
    Write(std::to_string(i));
  Pass(2s);
  Restart();
  EXPECT_EQ(Stats().sent_entries, 5U);
  EXPECT_EQ(Stats().requests[static_cast<std::size_t>(SendResult::kSuccess)], 1U);
}

TEST_F(ShipRunTest, TimesOfAStreamRiseAndAreTheSameWhenItIsSentAgain) {
  for (int i = 0; i < 10; ++i)
    Write("first " + std::to_string(i));  // all with one stamp
  Pass(2s);
  wall_ -= 10s;  // a clock that was set back
  receiver_.answers.push_back([](auto, auto) { return FakeReceiver::Away(SendResult::kTimeout); });
  for (int i = 0; i < 10; ++i)
    Write("second " + std::to_string(i));
  Pass(1s);
  ASSERT_EQ(receiver_.requests.size(), 2U);
  Restart();
  Pass(3s);
  ASSERT_EQ(receiver_.got.size(), 20U);
  for (std::size_t i = 1; i < 20; ++i)
    EXPECT_GT(receiver_.got[i].entry.time, receiver_.got[i - 1].entry.time);
  for (std::size_t i = 0; i < 10; ++i)
    EXPECT_EQ(receiver_.got[10 + i].entry.time, receiver_.requests[1][i].entry.time);
}

TEST_F(ShipRunTest, AfterAClockThatWasAheadTimesAreRightAgain) {
  wall_ += 24h;
  Write("ahead");
  Pass(2s);
  wall_ -= 24h;
  Write("right");
  const Wall written = wall_;
  Pass(2s);
  ASSERT_EQ(receiver_.got.size(), 2U);
  EXPECT_EQ(receiver_.got[1].entry.time, written);
}

TEST_F(ShipRunTest, ADamagedStateIsPutAsideAndAllIsSentAgain) {
  Write("a");
  Pass(2s);
  folder_.Put("state", folder_.Content("state").replace(20, 1, "7"));
  Restart();
  Pass(2s);
  EXPECT_THAT(receiver_.Texts(), ElementsAre("a", "a"));
  EXPECT_TRUE(folder_.Has("state.damaged"));
}

TEST_F(ShipRunTest, AnAppThatIsGoneIsForgottenButNotForAListThatCannotBeRead) {
  receiver_.always = [](auto, auto) { return FakeReceiver::Away(); };
  for (int i = 0; i < 300; ++i)
    Write(std::string(100, 'x'));
  Write("b", Stream::kStdout, "web");
  Pass(3s);
  logs_.is_blind = true;
  Pass(10min);
  logs_.is_blind = false;
  Pass(5s);
  EXPECT_EQ(Stats().queue_entries, 301U);
  receiver_.always = nullptr;
  logs_.Remove("api");
  Pass(10min);
  EXPECT_EQ(Stats().queue_entries, 0U);
  EXPECT_GT(Dropped(ExportDrop::kQueueFull), 0U);
  ExpectAllAccountedFor();
  EXPECT_EQ(folder_.Content("state").find(" api\n"), std::string::npos);
  EXPECT_NE(folder_.Content("state").find(" web\n"), std::string::npos);
}

TEST_F(ShipRunTest, IsIdleWhenAnAppWithABacklogIsGone) {
  for (int i = 0; i < 300; ++i)
    Write(std::string(100, 'x'));
  run_->Step();
  EXPECT_FALSE(receiver_.got.empty());
  run_->Save();
  logs_.Remove("api");
  mono_ += 1s;
  Pass(5s);
  EXPECT_GE(run_->Step() - mono_, 900ms);
  Restart();
  EXPECT_GE(run_->Step() - mono_, 900ms);
}

TEST_F(ShipRunTest, WaitsForAFileThatCannotBeRead) {
  Write("a");
  logs_.is_stuck = true;
  Pass(10s);
  EXPECT_LT(logs_.reads, 20);
  EXPECT_FALSE(run_->Flush());
  EXPECT_EQ(Stats().queue_entries, 1U);
  EXPECT_EQ(Stats().last_error, "log of api: a file cannot be opened");
  logs_.is_stuck = false;
  Pass(2s);
  EXPECT_THAT(receiver_.Texts(), ElementsAre("a"));
  ExpectAllAccountedFor();
}

TEST_F(ShipRunTest, AFlushSendsWhatIsThereAndEndsAtTheFirstFailure) {
  for (int i = 0; i < 100; ++i)
    Write(std::string(1000, 'x'));
  run_->Step();
  while (run_->Flush()) {
  }
  EXPECT_EQ(receiver_.got.size(), 100U);
  Write("later");
  receiver_.always = [](auto, auto) { return FakeReceiver::Away(); };
  EXPECT_FALSE(run_->Flush());
  run_->Save();
  Restart();
  receiver_.always = nullptr;
  Pass(2s);
  EXPECT_EQ(receiver_.got.size(), 101U);
}

// Whatever the receiver answers, and however often we crash: each line arrives, or is counted.
TEST_F(ShipRunTest, NothingIsLostWhateverHappens) {
  std::mt19937 random(7);
  receiver_.always = [&](std::size_t entries, std::size_t) -> SendOutcome {
    switch (random() % 8) {
      case 0:
        return FakeReceiver::Away();
      case 1:
        return FakeReceiver::Away(SendResult::kRateLimited);
      case 2:
        if (entries == 1) return FakeReceiver::Done();
        return {.then = SendOutcome::Then::kSplit, .result = SendResult::kBadRequest};
      default:
        return FakeReceiver::Done();
    }
  };
  int number = 0;
  for (int i = 0; i < 300; ++i) {
    for (auto n = random() % 40; n > 0; --n)
      Write(std::to_string(++number), random() % 2 == 0 ? Stream::kStdout : Stream::kStderr);
    Pass(std::chrono::milliseconds(random() % 3000));
    if (random() % 10 == 0) Restart();
    if (random() % 3 == 0) {
      Pass(2s);
      ExpectAllAccountedFor();
    }
  }
  receiver_.always = nullptr;
  Pass(10min);
  std::set<int> numbers;
  std::map<std::pair<Stream, Wall>, std::string> stamps;
  int last = 0;
  for (const auto& line : receiver_.got) {
    const int got = std::stoi(line.entry.text);
    if (numbers.insert(got).second) {
      EXPECT_EQ(got, last + 1);
      last = got;
    }
    const auto [at, is_new] =
        stamps.try_emplace({line.entry.stream, line.entry.time}, line.entry.text);
    EXPECT_EQ(at->second, line.entry.text) << "two lines with one stamp";
  }
  EXPECT_EQ(numbers.size(), static_cast<std::size_t>(number));
  ExpectAllAccountedFor();
}

TEST(ShipStateTest, ComesBackAsItWas) {
  ShipState state;
  state.counters.sent_entries = 123;
  state.counters.dropped[3] = 7;
  state.counters.request_seconds_sum = 0.1;
  state.apps["my app"] = {{12, 345, 6, 0xffffffffffffffff}, {Wall(5ns), Wall(-3ns)}};
  const std::string text = EncodeShipState(state);
  const auto back = DecodeShipState(text);
  ASSERT_TRUE(back);
  EXPECT_EQ(back->apps, state.apps);
  EXPECT_EQ(EncodeShipState(*back), text);
  for (std::size_t i = 0; i < text.size(); ++i) {
    std::string damaged = text;
    damaged[i] = static_cast<char>(damaged[i] ^ 1);
    EXPECT_FALSE(DecodeShipState(damaged)) << i;
    EXPECT_FALSE(DecodeShipState(text.substr(0, i)));
  }
}

}  // namespace
}  // namespace tend::exporter
