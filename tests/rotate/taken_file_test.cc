// Somebody else moves, removes or empties a log file that is being written.
#include <cerrno>
#include <filesystem>
#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "rotate/worker_fixture.h"

namespace tend::rotate {
namespace {

using std::chrono::seconds;
using testing::ElementsAre;

class TakenFileTest : public WorkerFixture {};

// Ways to take a log file away, and what is to be found under its name afterwards, when lines 1 and
// 2 were seen there, 3 and 4 were written before anybody noticed, and 5 came later.
struct Taken {
  const char* name;
  void (*take)(const std::string& path);
  const char* left;
  const char* what;
};
class TakenAway : public TakenFileTest, public testing::WithParamInterface<Taken> {};

TEST_P(TakenAway, LosesAndDoublesNothingThatIsWrittenAfterwards) {
  limits_.max_size = 1 << 20;
  Open();
  WriteNumbers(1, 2);
  AdvanceAndSettle(seconds(1));
  GetParam().take(folder_.At("api/api.log"));
  WriteNumbers(3, 4);
  AdvanceAndSettle(seconds(1));
  WriteNumbers(5, 5);
  EXPECT_EQ(Ranges(), GetParam().left);
  EXPECT_EQ(CountFacts(FactId::kLogFileTaken), 1);
  for (const Fact& fact : facts_) {
    if (fact.id != FactId::kLogFileTaken) continue;
    EXPECT_EQ(fact.fields[1].second, GetParam().what);
  }
  // Noticed once, and never again.
  AdvanceAndSettle(seconds(1));
  WriteNumbers(6, 6);
  AdvanceAndSettle(seconds(1));
  EXPECT_EQ(CountFacts(FactId::kLogFileTaken), 1);
}

INSTANTIATE_TEST_SUITE_P(
    BySomebodyElse,
    TakenAway,
    testing::Values(
        Taken{"Removed", [](const std::string& path) { std::filesystem::remove(path); }, "3..5",
              "removed"},
        Taken{"RemovedAndMadeAnew",
              [](const std::string& path) {
                std::filesystem::remove(path);
                std::ofstream(path).flush();
              },
              "3..5", "removed"},
        // The lines are in the file that was moved.
        Taken{"Moved", [](const std::string& path) { std::filesystem::rename(path, path + ".1"); },
              "3..5", "moved"},
        Taken{"MovedAndMadeAnew",
              [](const std::string& path) {
                std::filesystem::rename(path, path + ".1");
                std::ofstream(path).flush();
              },
              "3..5", "moved"},
        Taken{"Emptied", [](const std::string& path) { std::filesystem::resize_file(path, 0); },
              "3..5", "emptied"}),
    [](const auto& test) { return std::string(test.param.name); });

TEST_F(TakenFileTest, WhatARemovedFileTookWithItIsWrittenWhenThatCanBe) {
  limits_.max_size = 1 << 20;
  Open();
  WriteNumbers(1, 2);
  AdvanceAndSettle(seconds(1));
  WriteNumbers(3, 4);
  std::filesystem::remove(folder_.At("api/api.log"));
  files_.LimitSpace(0);
  AdvanceAndSettle(seconds(1));
  EXPECT_TRUE(Stats().failing);
  WriteNumbers(5, 6);
  files_.Heal();
  AdvanceAndSettle(seconds(1));
  WriteNumbers(7, 7);
  EXPECT_EQ(Ranges(), "3..4 7");
  EXPECT_EQ(Stats().Dropped(DropReason::kDiskFull), 2u);
}

TEST_F(TakenFileTest, AFileThatCannotBeMadeAnewIsTriedAgain) {
  Open();
  WriteNumbers(1, 2);
  std::filesystem::remove(folder_.At("api/api.log"));
  files_.FailAll({"OpenAppend"}, EROFS);
  AdvanceAndSettle(seconds(1));
  EXPECT_TRUE(Stats().failing);
  files_.Heal();
  AdvanceAndSettle(seconds(1));
  WriteNumbers(3, 3);
  EXPECT_EQ(Ranges(), "1..3");
}

TEST_F(TakenFileTest, AFastWriterLooksAtThePathOften) {
  limits_.max_size = 64 << 20;
  Open();
  std::filesystem::remove(folder_.At("api/api.log"));
  const std::string line(64 << 10, 'x');
  for (int i = 0; i < 200; ++i)
    Write({line});
  AdvanceAndSettle(seconds(1));
  EXPECT_EQ(Texts().size(), 200u);
}

TEST_F(TakenFileTest, RemovingTheFileOfAFullDiskGivesItsSpaceBack) {
  limits_.min_free = 1 << 20;
  Open();
  Write({"1"});
  files_.PretendSpace({.size = 100 << 20, .available = 1 << 19});
  AdvanceAndSettle(seconds(1));
  Write({"2"});
  std::filesystem::remove(folder_.At("api/api.log"));
  AdvanceAndSettle(seconds(1));
  EXPECT_TRUE(Stats().failing);
  EXPECT_EQ(Stats().active.bytes, 0u);
  EXPECT_TRUE(folder_.Has("api/api.log"));
}

TEST_F(TakenFileTest, SealsNothingThatSomebodyElsePutThere) {
  Open();
  WriteNumbers(1, 2);
  std::filesystem::rename(folder_.At("api/api.log"), folder_.At("api/moved"));
  folder_.Put("api/api.log", "not ours\n");
  ASSERT_TRUE(worker_->Rotate("api", now_));
  WriteNumbers(3, 3);
  EXPECT_THAT(folder_.Names("api"), ElementsAre("api.log", "moved"));
  EXPECT_THAT(Texts(), ElementsAre("not ours", "3"));
}

}  // namespace
}  // namespace tend::rotate
