// Rotation by the clock, and when lines are forced onto the disk.
#include <cerrno>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "rotate/worker_fixture.h"
#include "rotate/zone.h"

namespace tend::rotate {
namespace {

using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;
using testing::ElementsAre;

// The fixture's clock begins at 10:31:07 UTC.
class TimedRotationTest : public WorkerFixture {
 protected:
  TimedRotationTest() {
    limits_.rotate = "hourly";
    limits_.timezone = "UTC";
    limits_.compress = false;
  }
  // Wakes the worker only when it asked for it.
  void SleepUntil(Wall time) {
    while (now_.wall < time) {
      const Mono next = worker_->Tick(now_);
      const auto left = time - now_.wall;
      Advance(next == Mono::max() ? left
                                  : std::min<std::chrono::nanoseconds>(left, next - now_.mono));
    }
    worker_->Tick(now_);
  }
  std::uint64_t TimedRotations() {
    return Stats().rotations[static_cast<std::size_t>(RotateReason::kTime)];
  }
  int Syncs() const {
    int count = 0;
    for (const std::string& call : files_.calls())
      count += call.rfind("Sync ", 0) == 0 ? 1 : 0;
    return count;
  }
};

TEST_F(TimedRotationTest, SealsAFileThatFellSilent) {
  Open();
  Write({"1"});
  SleepUntil(At(28 * 60 + 52));  // 10:59:59
  EXPECT_THAT(folder_.Names("api"), ElementsAre("api.log"));
  SleepUntil(At(28 * 60 + 53));
  EXPECT_THAT(folder_.Names("api"), ElementsAre("api.log", "api.log.20261121T110000Z-000001"));
  EXPECT_EQ(TimedRotations(), 1u);
}

TEST_F(TimedRotationTest, NeverSealsAnEmptyFile) {
  Open();
  SleepUntil(At(5 * 3600));
  EXPECT_THAT(folder_.Names("api"), ElementsAre("api.log"));
  Write({"1"});
  SleepUntil(At(5 * 3600 + 60));
  EXPECT_THAT(folder_.Names("api"), ElementsAre("api.log"));
}

TEST_F(TimedRotationTest, LinesAfterTheHourAreInTheNewFile) {
  Open();
  Write({"1"});
  Advance(hours(1));
  Write({"2"});
  EXPECT_THAT(folder_.Names("api"), ElementsAre("api.log", "api.log.20261121T113107Z-000001"));
  EXPECT_THAT(folder_.Content("api/api.log"), testing::HasSubstr(" 2\n"));
  EXPECT_EQ(Ranges(), "1..2");
}

TEST_F(TimedRotationTest, WhatLiesThereFromBeforeIsSealedAtStart) {
  // Written now, which the fixture's clock, a few days at most away, takes for long ago.
  folder_.Put("api/api.log", "2020-11-21T10:31:06.000000000Z stdout F api:0 1\n");
  now_.wall = NowWall() + hours(2);
  Open();
  Write({"2"});
  EXPECT_EQ(folder_.Names("api").size(), 2u);
  EXPECT_EQ(Ranges(), "1..2");
}

TEST_F(TimedRotationTest, KeepsToItsZone) {
  limits_.rotate = "0 20 * * *";
  limits_.timezone = "Asia/Tokyo";  // 9 hours ahead
  Open();
  Write({"1"});
  SleepUntil(At(28 * 60 + 52));
  EXPECT_EQ(TimedRotations(), 0u);
  SleepUntil(At(28 * 60 + 53));
  EXPECT_EQ(TimedRotations(), 1u);
}

TEST_F(TimedRotationTest, AZoneThatIsNotThereIsToldAndIsUtc) {
  limits_.timezone = "Mars/Crater";
  Open();
  EXPECT_EQ(CountFacts(FactId::kLogScheduleFailed), 1);
  Write({"1"});
  SleepUntil(At(28 * 60 + 53));
  EXPECT_EQ(TimedRotations(), 1u);
}

TEST_F(TimedRotationTest, ASealingThatFailsIsTriedAgain) {
  Open();
  Write({"1"});
  files_.FailAll({"RenameNoReplace"}, EACCES);
  SleepUntil(At(28 * 60 + 55));
  EXPECT_EQ(TimedRotations(), 0u);
  files_.Heal();
  SleepUntil(At(31 * 60));
  EXPECT_EQ(TimedRotations(), 1u);
  SleepUntil(At(45 * 60));
  EXPECT_EQ(TimedRotations(), 1u);
}

TEST_F(TimedRotationTest, OfAllFilesOfTheApp) {
  Open("api", {{.path = folder_.At("pm2/out.log")}});
  Write({"1"});
  SleepUntil(At(28 * 60 + 53));
  EXPECT_EQ(folder_.Names("pm2").size(), 2u);
}

TEST_F(TimedRotationTest, AClockSetForwardIsSeenWithinAMinute) {
  Open();
  Write({"1"});
  SleepUntil(At(60));
  now_.wall += hours(3);
  SleepUntil(At(60 + 3 * 3600 + 61));
  EXPECT_EQ(TimedRotations(), 1u);
}

TEST_F(TimedRotationTest, SyncsAsOftenAsAsked) {
  limits_.rotate.clear();
  limits_.max_size = 1 << 20;
  limits_.fsync = seconds(5);
  Open();
  for (int i = 0; i < 40; ++i) {
    Write({"x"});
    SleepUntil(now_.wall + std::chrono::milliseconds(500));
  }
  EXPECT_GE(Syncs(), 3);
  EXPECT_LE(Syncs(), 5);
  // The last lines, too, though nothing comes any more.
  const int before = Syncs();
  Write({"x"});
  SleepUntil(now_.wall + seconds(6));
  EXPECT_EQ(Syncs(), before + 1);
  SleepUntil(now_.wall + minutes(5));
  EXPECT_EQ(Syncs(), before + 1);
}

TEST_F(TimedRotationTest, SyncsWhenSealedOrNever) {
  limits_.rotate.clear();
  Open();
  Write({"1"});
  ASSERT_TRUE(worker_->Rotate("api", now_));
  EXPECT_EQ(Syncs(), 1);
  limits_.fsync = config::kFsyncNever;
  Open();
  Write({"2"});
  ASSERT_TRUE(worker_->Rotate("api", now_));
  EXPECT_EQ(Syncs(), 1);
}

TEST_F(TimedRotationTest, LinesThatDidNotReachTheDiskAreTold) {
  Open();
  Write({"1"});
  files_.FailAll({"Sync"}, EIO);
  ASSERT_TRUE(worker_->Rotate("api", now_));
  EXPECT_EQ(CountFacts(FactId::kLogSyncFailed), 1);
  EXPECT_EQ(folder_.Names("api").size(), 2u);
}

TEST(FindZone, KnowsTheSystemsZones) {
  const auto zone = FindZone("Europe/Berlin");
  ASSERT_TRUE(zone) << zone.error().message();
  EXPECT_EQ((*zone)(At(0)).offset, hours(1));
  const OffsetSpan summer = (*zone)(At(-180 * 86400));
  EXPECT_EQ(summer.offset, hours(2));
  EXPECT_LT(summer.begin, At(-180 * 86400));
  EXPECT_LT(summer.end, At(0));
  EXPECT_TRUE(FindZone(""));
  EXPECT_EQ((*FindZone("UTC"))(At(0)).offset, hours(0));
}

}  // namespace
}  // namespace tend::rotate
