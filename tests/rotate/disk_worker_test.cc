#include "rotate/disk_worker.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "rotate/worker_fixture.h"

namespace tend::rotate {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::ElementsAre;
using testing::HasSubstr;

class DiskWorkerTest : public WorkerFixture {};

TEST_F(DiskWorkerTest, WritesLinesIntoTheActiveFile) {
  Open();
  Write({"one", "two"}, {.slot = 1, .stream = Stream::kStderr});
  EXPECT_EQ(folder_.Content("api/api.log"),
            "2026-11-21T10:31:07.000000000Z stderr F api:1 one\n"
            "2026-11-21T10:31:07.000000000Z stderr F api:1 two\n");
  EXPECT_EQ(released_["api"], queued_);
  EXPECT_EQ(Stats().lines_written, 2u);
  EXPECT_EQ(Stats().bytes_written, folder_.Content("api/api.log").size());
}

TEST_F(DiskWorkerTest, SealsBeforeALineWouldMakeTheSegmentTooLarge) {
  Open();
  WriteNumbers(1, 40);
  const auto names = folder_.Names("api");
  ASSERT_GT(names.size(), 4u);
  EXPECT_EQ(names[0], "api.log");
  EXPECT_EQ(names[1], "api.log.20261121T103107Z-000001");
  for (const auto& name : names) {
    EXPECT_LE(folder_.Content("api/" + name).size(), 400u);
    EXPECT_EQ(folder_.Content("api/" + name).back(), '\n');
  }
  EXPECT_EQ(Ranges(), "1..40");
  EXPECT_EQ(Stats().rotations[0], names.size() - 1);
  EXPECT_EQ(CountFacts(FactId::kLogRotated), static_cast<int>(names.size()) - 1);
}

TEST_F(DiskWorkerTest, ABatchLargerThanASegmentIsSplitAtLineEnds) {
  Open();
  std::vector<std::string> lines;
  for (int i = 1; i <= 100; ++i)
    lines.push_back(std::to_string(i));
  Write(lines);
  EXPECT_GT(folder_.Names("api").size(), 10u);
  EXPECT_EQ(Ranges(), "1..100");
}

TEST_F(DiskWorkerTest, ALineLargerThanASegmentStaysWhole) {
  Open();
  Write({"1"});
  Write({std::string(5000, '2')});
  Write({"3"});
  EXPECT_THAT(Texts(), ElementsAre("1", std::string(5000, '2'), "3"));
  EXPECT_EQ(folder_.Names("api").size(), 3u);
}

TEST_F(DiskWorkerTest, SequenceNumbersGoOnAfterARestart) {
  Open();
  WriteNumbers(1, 20);
  Restart();
  Open();
  WriteNumbers(21, 40);
  std::set<std::string> sequences;
  for (const auto& name : folder_.Names("api")) {
    if (name != "api.log") sequences.insert(name.substr(name.size() - 6));
  }
  EXPECT_EQ(sequences.size(), folder_.Names("api").size() - 1);
  EXPECT_EQ(Ranges(), "1..40");
}

TEST_F(DiskWorkerTest, ATornLastLineGetsItsEndAtStart) {
  folder_.Put("api/api.log", "2026-11-21T10:31:06.000000000Z stdout F api:0 wh");
  Open();
  Write({"next"});
  EXPECT_THAT(Texts(), ElementsAre("wh", "next"));
}

TEST_F(DiskWorkerTest, StampsDoNotDecreaseOverARestartWithTheClockSetBack) {
  Open();
  Write({"1"});
  Restart();
  now_.wall -= hours(1);
  Open();
  Write({"2"});
  EXPECT_EQ(Ranges(), "1..2");
  EXPECT_EQ(Lines()[1].time, At(0));
}

TEST_F(DiskWorkerTest, CompressesTheNewestSegmentOnlyAfterTheDelay) {
  Open();
  WriteNumbers(1, 20);
  const auto plain = folder_.Names("api");
  ASSERT_EQ(plain.size(), 3u);
  Settle();
  EXPECT_THAT(folder_.Names("api"), ElementsAre("api.log", plain[1] + ".zst", plain[2]));
  AdvanceAndSettle(seconds(59));
  EXPECT_TRUE(folder_.Has("api/" + plain[2]));
  AdvanceAndSettle(seconds(2));
  EXPECT_THAT(folder_.Names("api"), ElementsAre("api.log", plain[1] + ".zst", plain[2] + ".zst"));
  EXPECT_EQ(Ranges(), "1..20");
  const AppLogStats stats = Stats();
  EXPECT_EQ(stats.compressed.files, 2u);
  EXPECT_EQ(stats.rotated.files, 0u);
  EXPECT_GT(stats.compress_in_bytes, stats.compress_out_bytes);
}

TEST_F(DiskWorkerTest, TakesMoreTimeToCompressTheMoreThereIsToCompress) {
  limits_.compress_delay = std::chrono::seconds(0);
  Open();
  EXPECT_EQ(worker_->SliceTime(), seconds(0));
  WriteNumbers(1, 40);
  const auto many = worker_->SliceTime();
  EXPECT_GT(many, seconds(0));
  EXPECT_LE(many, std::chrono::milliseconds(100));
  Settle();
  EXPECT_EQ(worker_->SliceTime(), seconds(0));
}

TEST_F(DiskWorkerTest, CanLeaveSegmentsUncompressed) {
  limits_.compress = false;
  Open();
  WriteNumbers(1, 40);
  const auto before = folder_.Names("api");
  AdvanceAndSettle(hours(1));
  EXPECT_EQ(folder_.Names("api"), before);
}

TEST_F(DiskWorkerTest, PrunesByCountAndAgeAndBytes) {
  limits_.max_files = 4;
  Open();
  WriteNumbers(1, 200);
  Settle();
  EXPECT_LE(folder_.Names("api").size(), 5u);
  EXPECT_GT(Stats().expired_files[static_cast<std::size_t>(ExpireReason::kCount)], 0u);
  limits_.max_files = 100;
  limits_.max_total = 1000;
  Open();
  Settle();
  EXPECT_LE(Stats().active.bytes + Stats().rotated.bytes + Stats().compressed.bytes, 1000u);
  EXPECT_GT(Stats().expired_files[static_cast<std::size_t>(ExpireReason::kBytes)], 0u);
  EXPECT_EQ(stats_.expired_at_limit, 0u) << "which is that of all apps";
  EXPECT_EQ(Stats().expired_at_total, 0u) << "likewise";
  AdvanceAndSettle(hours(24 * 8));
  EXPECT_THAT(folder_.Names("api"), ElementsAre("api.log"));
  EXPECT_GT(Stats().expired_files[static_cast<std::size_t>(ExpireReason::kAge)], 0u);
  EXPECT_GT(CountFacts(FactId::kLogPruned), 0);
}

TEST_F(DiskWorkerTest, CountsWhatWentForTheLimitOfAllApps) {
  worker_->SetLogsTotal(1000);
  Open("web");
  Open();
  WriteNumbers(1, 60);
  AdvanceAndSettle(seconds(1));
  const AppLogStats stats = Stats();
  EXPECT_LE(stats.active.bytes + stats.rotated.bytes + stats.compressed.bytes, 1000u);
  EXPECT_GT(stats_.expired_at_limit, 0u);
  EXPECT_EQ(stats_.expired_at_limit,
            stats.expired_files[static_cast<std::size_t>(ExpireReason::kBytes)]);
  EXPECT_EQ(stats.expired_at_total, stats_.expired_at_limit) << "all of them of the largest";
  EXPECT_EQ(Stats("web").expired_at_total, 0u);
}

TEST_F(DiskWorkerTest, TheBudgetOfAllAppsTakesFromTheLargest) {
  limits_.compress = false;
  Open("api");
  Open("web");
  WriteNumbers(1, 100);
  for (int i = 0; i < 30; ++i)
    Write({"x"}, {.app = "web"});
  const auto web = folder_.Names("web");
  worker_->SetLogsTotal(4000);
  AdvanceAndSettle(seconds(61));
  EXPECT_EQ(folder_.Names("web"), web);
  EXPECT_LE(Stats("api").rotated.bytes + Stats("web").rotated.bytes, 4000u);
}

TEST_F(DiskWorkerTest, FlushEmptiesEverything) {
  Open();
  WriteNumbers(1, 50);
  Settle();
  ASSERT_TRUE(worker_->Flush("api"));
  EXPECT_THAT(folder_.Names("api"), ElementsAre("api.log"));
  EXPECT_EQ(folder_.Content("api/api.log"), "");
  Write({"7"});
  EXPECT_EQ(Ranges(), "7");
  EXPECT_EQ(worker_->Flush("none").error().code(), Errc::kNotFound);
}

TEST_F(DiskWorkerTest, RotatesOnDemandButNeverAnEmptyFile) {
  Open();
  Write({"1"});
  ASSERT_TRUE(worker_->Rotate("api", now_));
  ASSERT_TRUE(worker_->Rotate("api", now_));
  EXPECT_EQ(folder_.Names("api").size(), 2u);
  EXPECT_EQ(folder_.Content("api/api.log"), "");
}

TEST_F(DiskWorkerTest, NoticesThatTheFileWasMovedOrTheFolderRemoved) {
  Open();
  Write({"1"});
  std::filesystem::rename(folder_.At("api/api.log"), folder_.At("api/moved"));
  AdvanceAndSettle(seconds(1));
  Write({"2"});
  EXPECT_EQ(Ranges(), "2");
  EXPECT_EQ(Stats().rotations[static_cast<std::size_t>(RotateReason::kExternal)], 1u);
  std::filesystem::remove_all(folder_.At("api"));
  AdvanceAndSettle(seconds(1));
  // It was written after the file had last been seen.
  Write({"3"});
  EXPECT_EQ(Ranges(), "2..3");
}

TEST_F(DiskWorkerTest, ReopensOnDemand) {
  Open();
  Write({"1"});
  std::filesystem::rename(folder_.At("api/api.log"), folder_.At("api/moved"));
  ASSERT_TRUE(worker_->Reopen("api", now_));
  Write({"2"});
  EXPECT_EQ(Ranges(), "2");
}

TEST_F(DiskWorkerTest, ExtraFilesTakeTheirStreamsAndWorkers) {
  const std::string out = folder_.At("pm2/out.log"), one = folder_.At("pm2/one.log");
  Open("api", {{.path = out, .err = false},
               {.path = one, .out = false, .slot = 1},
               {.path = one, .err = false, .slot = 1},
               {.path = "/dev/null"},
               {.path = ""}});
  Write({"a"});
  Write({"b"}, {.slot = 1, .stream = Stream::kStderr});
  Write({"c"}, {.slot = 1});
  EXPECT_EQ(folder_.Content("pm2/out.log"), "a\nc\n");
  EXPECT_EQ(folder_.Content("pm2/one.log"), "b\nc\n");
  EXPECT_THAT(Texts(), ElementsAre("a", "b", "c"));
  Open("api", {{.path = out, .err = false}});
  Write({"d"}, {.slot = 1});
  EXPECT_EQ(folder_.Content("pm2/out.log"), "a\nc\nd\n");
  EXPECT_EQ(folder_.Content("pm2/one.log"), "b\nc\n");
}

TEST_F(DiskWorkerTest, AFullDiskDropsCountsAndLeavesOneGapLine) {
  Open();
  Write({"1"});
  files_.LimitSpace(0);
  for (int i = 2; i <= 11; ++i) {
    Write({std::to_string(i)});
    AdvanceAndSettle(milliseconds(300));
  }
  EXPECT_EQ(released_["api"], queued_);
  EXPECT_TRUE(Stats().failing);
  EXPECT_EQ(Stats().Dropped(DropReason::kDiskFull), 10u);
  EXPECT_EQ(CountFacts(FactId::kLogWriteFailed), 1);
  files_.Heal();
  AdvanceAndSettle(seconds(1));
  Write({"12"});
  const auto texts = Texts();
  ASSERT_EQ(texts.size(), 3u);
  EXPECT_THAT(texts[1], HasSubstr("[tend: 10 lines ("));
  EXPECT_THAT(texts[1], HasSubstr("bytes) were not written: No space left on device]"));
  EXPECT_EQ(Ranges(), "1 12");
  EXPECT_FALSE(Stats().failing);
  EXPECT_EQ(CountFacts(FactId::kLinesDropped), 1);
  EXPECT_EQ(CountFacts(FactId::kLogWriteResumed), 1);
}

TEST_F(DiskWorkerTest, ALineThatAFullDiskCutOffIsFinishedLater) {
  Open();
  files_.LimitSpace(60);
  Write({"1", "2", "3"});
  EXPECT_EQ(folder_.Content("api/api.log").size(), 60u);
  files_.Heal();
  AdvanceAndSettle(seconds(1));
  Write({"4"});
  EXPECT_EQ(Ranges(), "1..2 4");
  EXPECT_EQ(Stats().Dropped(DropReason::kDiskFull), 1u);
  EXPECT_EQ(Stats().lines_written, 3u);
}

TEST_F(DiskWorkerTest, HoldsLinesBackOnAFullDiskIfAskedTo) {
  limits_.on_full = config::OnFull::kBlock;
  Open();
  files_.LimitSpace(60);
  for (int i = 1; i <= 10; ++i)
    Write({std::to_string(i)});
  EXPECT_LT(released_["api"], queued_);
  AdvanceAndSettle(seconds(5));
  EXPECT_LT(released_["api"], queued_);
  files_.Heal();
  AdvanceAndSettle(seconds(1));
  EXPECT_EQ(released_["api"], queued_);
  EXPECT_EQ(Ranges(), "1..10");
  EXPECT_EQ(Stats().Dropped(DropReason::kDiskFull), 0u);
}

TEST_F(DiskWorkerTest, LinesThatAreHeldWhenTheirAppGoesAreCounted) {
  limits_.on_full = config::OnFull::kBlock;
  Open();
  files_.LimitSpace(0);
  Write({"1", "2"});
  Write({"3"});
  worker_->Close("api", now_);
  EXPECT_EQ(released_["api"], queued_);
  worker_->Export(stats_);
  EXPECT_EQ(stats_.lines_without_app, 3u);
}

TEST_F(DiskWorkerTest, HeldLinesThatFitOnlyInPartsAreWrittenOnce) {
  limits_.on_full = config::OnFull::kBlock;
  limits_.max_size = 1 << 20;  // Nothing is sealed: a full disk would prune it.
  Open();
  files_.LimitSpace(60);
  std::vector<std::string> lines;
  for (int i = 1; i <= 20; ++i)
    lines.push_back(std::to_string(i));
  Write(lines);
  // Each try finds room for two lines and a part of the third.
  for (int i = 0; i < 5; ++i) {
    files_.LimitSpace(130);
    AdvanceAndSettle(seconds(1));
    EXPECT_TRUE(Stats().failing);
  }
  files_.Heal();
  AdvanceAndSettle(seconds(1));
  EXPECT_EQ(Ranges(), "1..20");
  EXPECT_EQ(Stats().lines_written, 20u);
  EXPECT_FALSE(Stats().failing);
  EXPECT_EQ(released_["api"], queued_);
}

TEST_F(DiskWorkerTest, TellsThatAFileRecoveredWithoutWaitingForTheNextLine) {
  Open();
  files_.FailAll({"Write"}, EIO);
  Write({"1"});
  EXPECT_TRUE(Stats().failing);
  files_.Heal();
  AdvanceAndSettle(seconds(1));
  EXPECT_FALSE(Stats().failing);
}

TEST_F(DiskWorkerTest, TriesAFailingFileAtMostOnceASecond) {
  Open();
  files_.FailAll({"Write"}, EIO);
  const int before = files_.calls_made();
  for (int i = 0; i < 500; ++i) {
    Write({"x"});
    Advance(milliseconds(2));
  }
  EXPECT_LT(files_.calls_made() - before, 10);
  EXPECT_EQ(Stats().Dropped(DropReason::kWriteError), 500u);
}

TEST_F(DiskWorkerTest, AFolderThatCannotBeMadeIsTriedAgain) {
  files_.FailAll({"MakeDirectories"}, EROFS);
  Open();
  Write({"1"});
  EXPECT_EQ(CountFacts(FactId::kLogWriteFailed), 1);
  files_.Heal();
  AdvanceAndSettle(seconds(1));
  Write({"2"});
  EXPECT_EQ(Ranges(), "2");
}

TEST_F(DiskWorkerTest, KeepsAPartOfTheDiskFree) {
  limits_.min_free = 1 << 20;
  Open();
  WriteNumbers(1, 40);
  Settle();
  ASSERT_GT(folder_.Names("api").size(), 2u);
  files_.PretendSpace({.size = 100 << 20, .available = 1 << 19});
  Write({"41"});
  AdvanceAndSettle(seconds(1));
  EXPECT_THAT(folder_.Names("api"), ElementsAre("api.log"));
  EXPECT_GT(Stats().expired_files[static_cast<std::size_t>(ExpireReason::kDiskLow)], 0u);
  Write({"42"});
  EXPECT_EQ(Stats().Dropped(DropReason::kDiskFull), 1u);
  files_.PretendSpace({.size = 100 << 20, .available = 50 << 20});
  AdvanceAndSettle(seconds(1));
  Write({"43"});
  EXPECT_FALSE(Stats().failing);
  const auto texts = Texts();
  EXPECT_EQ(texts.back(), "43");
  EXPECT_THAT(texts[texts.size() - 2], HasSubstr("[tend: 1 lines"));
}

TEST_F(DiskWorkerTest, LooksAtTheFreeSpaceBeforeItCanBeUsedUp) {
  limits_.min_free = 1 << 20;
  files_.PretendSpace({.size = 100 << 20, .available = 3 << 20});
  Open();
  WriteNumbers(1, 40);
  limits_.max_size = 100 << 20;  // A segment that is full is a reason to look, too.
  Open();
  Settle();
  files_.PretendSpace({.size = 100 << 20, .available = (1 << 20) - 1});
  const std::string line(1 << 10, 'x');
  int lines = 0;
  for (; Stats().expired_files[static_cast<std::size_t>(ExpireReason::kDiskLow)] == 0; ++lines) {
    ASSERT_LT(lines, 1100);
    Write({line});
    Settle();
  }
  EXPECT_GT(lines, 900);  // half of what was free above the floor
}

TEST_F(DiskWorkerTest, LinesRefusedByTheQueueLeaveAGapLine) {
  Open();
  Write({"1"});
  worker_->NoteLost("api", {.lines = 5, .bytes = 100, .why = "there was no room"}, now_);
  EXPECT_THAT(Texts()[1], HasSubstr("[tend: 5 lines (100 bytes) were not written"));
  EXPECT_THAT(Texts()[1], HasSubstr("there was no room"));
  EXPECT_EQ(Stats().Dropped(DropReason::kQueueFull), 5u);
  worker_->NoteLost(
      "api", {.lines = 2, .bytes = 9, .reason = DropReason::kRateLimit, .why = "too fast"}, now_);
  EXPECT_EQ(Texts()[2], "[tend: 2 lines (9 bytes) were not written: too fast]");
  EXPECT_EQ(Stats().Dropped(DropReason::kRateLimit), 2u);
  EXPECT_EQ(Stats().Dropped(DropReason::kQueueFull), 5u);
}

TEST_F(DiskWorkerTest, SleepsWhenThereIsNothingToDo) {
  Open();
  Write({"1"});
  AdvanceAndSettle(seconds(1));
  AdvanceAndSettle(seconds(1));
  EXPECT_EQ(worker_->Tick(now_), Mono::max());
  const int before = files_.calls_made();
  AdvanceAndSettle(hours(1));
  EXPECT_EQ(files_.calls_made(), before);
}

TEST_F(DiskWorkerTest, ShortWritesTearNothing) {
  Open();
  files_.LimitWrites(7);
  WriteNumbers(1, 60);
  EXPECT_EQ(Ranges(), "1..60");
}

TEST_F(DiskWorkerTest, TheNewFileIsThereBeforeAnythingIsRemoved) {
  limits_.max_files = 1;
  limits_.compress_delay = seconds(0);
  Open();
  WriteNumbers(1, 100);
  Settle();
  bool created = true;
  for (const std::string& call : files_.calls()) {
    if (call.rfind("RenameNoReplace", 0) == 0) created = false;
    if (call.rfind("CreateNew", 0) == 0 && call.rfind("api.log") == call.size() - 7) created = true;
    const bool unlinks = call.rfind("Unlink", 0) == 0;
    EXPECT_TRUE(created || !unlinks) << call;
    EXPECT_NE(call.rfind("Truncate", 0), 0u) << call;
  }
}

// The same life, once for every call that it makes: a crash at that call, then a new worker that
// goes on behind the last line on disk.
TEST_F(DiskWorkerTest, ACrashAtAnyCallLosesAndDoublesNothing) {
  limits_.on_full = config::OnFull::kBlock;
  limits_.max_files = 1000;
  limits_.compress_delay = seconds(0);
  const auto live = [&](int from) {
    Open();
    for (int i = from; i <= 60; ++i) {
      Write({std::to_string(i)});
      if (i % 5 == 0) AdvanceAndSettle(seconds(1));
    }
    AdvanceAndSettle(seconds(61));
  };
  for (int n = 1;; ++n) {
    std::filesystem::remove_all(folder_.At("api"));
    FaultyFiles faulty(FilesLinux());
    faulty.FailAt(n, EIO, FailFor::kEver);
    {
      DiskWorker doomed(faulty, {.folder = folder_.path()},
                        {[](Fact) {}, [](const std::string&, std::size_t) {}});
      doomed.Configure("api", limits_, {}, now_);
      for (int i = 1; i <= 60; ++i) {
        BatchOf make;
        make.stamp = now_.wall;
        doomed.Write("api", {make({std::to_string(i)})}, now_);
        if (i % 5 != 0) continue;
        Advance(seconds(1));
        for (int k = 0; k < 30; ++k) {
          doomed.Tick(now_);
          if (doomed.HasSlice(now_)) doomed.Slice(now_);
        }
      }
    }
    if (faulty.calls_made() < n) break;
    const auto texts = Texts();
    for (std::size_t i = 0; i < texts.size(); ++i)
      ASSERT_EQ(texts[i], std::to_string(i + 1)) << n;
    Restart();
    live(static_cast<int>(texts.size()) + 1);
    ASSERT_EQ(Ranges(), "1..60") << "crash at call " << n << ": "
                                 << faulty.calls()[static_cast<std::size_t>(n - 1)];
    for (const auto& name : folder_.Names("api")) {
      ASSERT_EQ(name.find(".tmp"), std::string::npos) << n;
    }
  }
}

// The same again, but only that one call fails and the worker has to go on by itself.
TEST_F(DiskWorkerTest, AFailureOfAnyCallLosesAndDoublesNothing) {
  limits_.on_full = config::OnFull::kBlock;
  limits_.compress_delay = seconds(0);
  for (int n = 1;; ++n) {
    std::filesystem::remove_all(folder_.At("api"));
    FaultyFiles faulty(FilesLinux());
    faulty.FailAt(n, ENOSPC);
    DiskWorker worker(faulty, {.folder = folder_.path()},
                      {[](Fact) {}, [](const std::string&, std::size_t) {}});
    worker.Configure("api", limits_, {}, now_);
    for (int i = 1; i <= 70; ++i) {
      BatchOf make;
      make.stamp = now_.wall;
      if (i <= 60) worker.Write("api", {make({std::to_string(i)})}, now_);
      if (i % 5 != 0) continue;
      Advance(seconds(i > 60 ? 61 : 1));
      for (int k = 0; k < 60; ++k) {
        worker.Tick(now_);
        if (worker.HasSlice(now_)) worker.Slice(now_);
      }
    }
    ASSERT_EQ(Ranges(), "1..60") << "failure at call " << n;
    if (faulty.calls_made() < n) break;
    int plain = 0;
    for (const auto& name : folder_.Names("api")) {
      plain += name.find(".zst") == std::string::npos ? 1 : 0;
    }
    ASSERT_EQ(plain, 1) << "failure at call " << n << ": "
                        << faulty.calls()[static_cast<std::size_t>(n - 1)];
  }
}

}  // namespace
}  // namespace tend::rotate
