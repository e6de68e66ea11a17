// Real files in a folder of the test's own; the clock is the test's. What inotify adds is speed,
// which the end-to-end tests look at.
#include "collector/file_follower.h"

#include <fcntl.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <set>

#include <gtest/gtest.h>

#include "rotate/temp_folder.h"
#include "support/fake_loop.h"

namespace tend::collector {
namespace {

using namespace std::chrono_literals;  // NOLINT(google-build-using-namespace)
namespace fs = std::filesystem;

class FollowedLines final : public RecordSink {
 public:
  bool HasRoom(const WorkerRef&) const override { return has_room; }
  void Publish(RecordBatchPtr batch) override {
    for (const LineSpan& line : batch->lines)
      lines.push_back((batch->stream == Stream::kStderr ? "! " : "") +
                      std::string(batch->Text(line)));
    if (consumes) batch->mark.Consume();
    batches.push_back(std::move(batch));
  }
  bool has_room = true;
  bool consumes = true;
  std::vector<std::string> lines;
  std::vector<RecordBatchPtr> batches;
};

class NoReports final : public TelemetrySink {
 public:
  void Report(const WorkerRef&, const TelemetryReport&) override {}
  void Custom(const WorkerRef&, const std::vector<CustomValue>&, std::size_t) override {}
};

using Lines = std::vector<std::string>;

class FileFollowerTest : public ::testing::Test {
 protected:
  std::string At(const std::string& name) const { return folder_.At(name); }
  void Append(const std::string& name, const std::string& text) {
    std::ofstream(At(name), std::ios::app | std::ios::binary) << text;
  }
  void Rename(const std::string& from, const std::string& to) { fs::rename(At(from), At(to)); }

  // Files that are made from now on are seen to be younger than those that are there.
  void NextTick() {
    const auto touch = [&] {
      Append("tick", "x");
      return fs::last_write_time(At("tick"));
    };
    for (const auto before = touch(); touch() <= before;) {
    }
  }

  // A process that begins, as one would after the one before has gone.
  FileFollower& Start() {
    Stop();
    auto positions = FilePositions::Open(At(".positions"));
    EXPECT_TRUE(positions);
    follower_ = std::make_unique<FileFollower>(
        loop_, collector_, WorkerRef{"api", 0, 1}, *positions, options_,
        [this](FactId fact, const auto& fields) {
          facts_.push_back(std::string(RowOf(fact).name) + ' ' +
                           fs::path(fields.front().second).filename().string());
        });
    follower_->Begin();
    Pass();
    return *follower_;
  }
  void Stop() { follower_.reset(); }
  // Two looks at the names, and all that there is to read.
  void Pass() { loop_.Advance(2100ms); }
  Lines Taken() { return std::exchange(shelf_.lines, {}); }
  void Follow(const std::string& pattern, Stream stream = Stream::kStdout) {
    options_.sources.push_back({At(pattern), stream});
  }
  // Lines that were published and not consumed before a kill are published again.
  std::size_t PositionsUsed() {
    Stop();
    auto positions = FilePositions::Open(At(".positions"));
    return (*positions)->Left().size();
  }

  rotate::TempFolder folder_;
  FakeLoop loop_;
  FollowedLines shelf_;
  NoReports reports_;
  Collector collector_{loop_, shelf_, reports_, {}, {}};
  FileFollower::Options options_;
  Lines facts_;
  std::unique_ptr<FileFollower> follower_;
};

TEST_F(FileFollowerTest, TakesWhatIsAppended) {
  Append("app.log", "before\n");
  Follow("app.log");
  Start();
  EXPECT_EQ(Taken(), Lines{});
  Append("app.log", "one\ntw");
  Pass();
  EXPECT_EQ(Taken(), Lines{"one"});
  Append("app.log", "o\nthree\n");
  Pass();
  EXPECT_EQ(Taken(), (Lines{"two", "three"}));
  EXPECT_EQ(collector_.Counters("api", 0).out.lines, 3u);
}

TEST_F(FileFollowerTest, BeginsAtTheStartWhereAskedTo) {
  Append("app.log", "before\n");
  Follow("app.log");
  options_.from_start = true;
  Start();
  EXPECT_EQ(Taken(), Lines{"before"});
}

TEST_F(FileFollowerTest, StreamsAreWhatTheyAreSaidToBe) {
  Follow("out.log");
  Follow("err.log", Stream::kStderr);
  FileFollower& follower = Start();
  EXPECT_EQ(follower.Missing(), (Lines{At("err.log"), At("out.log")}));
  Append("err.log", "bad\n");
  Append("out.log", "good\n");
  Pass();
  const Lines taken = Taken();
  EXPECT_EQ(std::set(taken.begin(), taken.end()), (std::set<std::string>{"! bad", "good"}));
  EXPECT_EQ(collector_.LastStderr("api", 0, 1), Lines{"bad"});
  EXPECT_TRUE(follower.Missing().empty());
}

TEST_F(FileFollowerTest, ReadsARenamedFileToItsEndBeforeTheNewOne) {
  Follow("app.log");
  Append("app.log", "");
  Start();
  Append("app.log", "1\n");
  Rename("app.log", "app.log.1");
  Append("app.log.1", "2\n");
  Append("app.log", "3\n");
  Pass();
  EXPECT_EQ(Taken(), (Lines{"1", "2", "3"}));
  // Whoever has it open may write on until it is told to open the new one.
  Append("app.log.1", "late\nunfinished");
  Append("app.log", "4\n");
  Pass();
  EXPECT_EQ(Taken(), (Lines{"late", "4"}));
  EXPECT_EQ(follower_->open_files(), 2u);
  loop_.Advance(40s);
  EXPECT_EQ(Taken(), Lines{"unfinished"});
  EXPECT_EQ(follower_->open_files(), 1u);
  EXPECT_EQ(PositionsUsed(), 1u);
}

TEST_F(FileFollowerTest, AnEmptiedFileIsReadFromItsStart) {
  Follow("app.log");
  options_.from_start = true;
  Append("app.log", "a long line\nhalf");
  Start();
  EXPECT_EQ(Taken(), Lines{"a long line"});
  fs::resize_file(At("app.log"), 0);
  Append("app.log", "x\n");
  Pass();
  EXPECT_EQ(Taken(), (Lines{"half", "x"}));
  EXPECT_EQ(facts_, Lines{"file_emptied app.log"});
  // Longer than before when it is looked at again.
  fs::resize_file(At("app.log"), 0);
  Append("app.log", "much longer than it was\n");
  Pass();
  EXPECT_EQ(Taken(), Lines{"much longer than it was"});
  EXPECT_EQ(PositionsUsed(), 1u);
}

TEST_F(FileFollowerTest, FilesAndFoldersComeAndGo) {
  Follow("logs/app.log");
  Start();
  fs::create_directory(At("logs"));
  Append("logs/app.log", "1\n");
  Pass();
  EXPECT_EQ(Taken(), Lines{"1"});
  fs::remove_all(At("logs"));
  loop_.Advance(40s);
  EXPECT_EQ(follower_->open_files(), 0u);
  fs::create_directory(At("logs"));
  Append("logs/app.log", "2\n");
  Pass();
  EXPECT_EQ(Taken(), Lines{"2"});
}

TEST_F(FileFollowerTest, FollowsALinkToWhereItPoints) {
  Append("a", "");
  fs::create_symlink(At("a"), At("current"));
  Follow("current");
  Start();
  Append("a", "1\n");
  Pass();
  Append("b", "2\n");
  fs::remove(At("current"));
  fs::create_symlink(At("b"), At("current"));
  Pass();
  EXPECT_EQ(Taken(), (Lines{"1", "2"}));
}

TEST_F(FileFollowerTest, APatternTakesNewFilesAndKnowsRenamedOnes) {
  Append("a.log", "old\n");
  Follow("*.log*");
  Start();
  Append("a.log", "1\n");
  Pass();
  Rename("a.log", "a.log.1");
  Append("a.log", "2\n");
  Append("b.log", "3\n");
  Append("c.log.gz", "packed\n");
  Pass();
  const Lines taken = Taken();
  EXPECT_EQ(std::set(taken.begin(), taken.end()), (std::set<std::string>{"1", "2", "3"}));
  loop_.Advance(100s);
  Append("a.log.1", "4\n");
  Pass();
  EXPECT_EQ(Taken(), Lines{"4"});
  Start();
  EXPECT_EQ(Taken(), Lines{});
  EXPECT_TRUE(facts_.empty());
}

TEST_F(FileFollowerTest, LeavesInTheFileWhatThereIsNoRoomFor) {
  Follow("app.log");
  Append("app.log", "");
  Start();
  shelf_.has_room = false;
  Append("app.log", "1\n2\n");
  Pass();
  EXPECT_EQ(Taken(), Lines{});
  shelf_.has_room = true;
  follower_->Resume();
  EXPECT_EQ(Taken(), (Lines{"1", "2"}));
}

TEST_F(FileFollowerTest, OneFileDoesNotHoldUpAnother) {
  Follow("big");
  Follow("small");
  options_.from_start = true;
  options_.take_max_bytes = 1000;
  std::string many;
  for (int i = 0; i < 1000; ++i)
    many += "big\n";
  Append("big", many);
  Append("small", "small\n");
  Start();
  const Lines taken = Taken();
  EXPECT_EQ(taken.size(), 1001u);
  EXPECT_EQ(std::find(taken.begin(), taken.end(), "small") - taken.begin(), 250);
}

TEST_F(FileFollowerTest, AnotherProcessGoesOnWhereThisOneStopped) {
  Follow("app.log");
  Append("app.log", "old\n");
  Start();
  Append("app.log", "1\nhal");
  Pass();
  Stop();
  Append("app.log", "f\n2\n");
  Start();
  EXPECT_EQ(Taken(), (Lines{"1", "half", "2"}));
}

TEST_F(FileFollowerTest, WhatWasNotConsumedIsTakenAgain) {
  Follow("app.log");
  Append("app.log", "");
  Start();
  Append("app.log", "1\n");
  Pass();
  shelf_.consumes = false;
  Append("app.log", "2\n");
  Pass();
  EXPECT_EQ(Taken(), (Lines{"1", "2"}));
  const SpoolMark announced = shelf_.batches.back()->mark;
  Start();
  EXPECT_EQ(Taken(), Lines{"2"});
  // Announced in the log's journal: the lines will be there, and are not taken again.
  Stop();
  {
    auto positions = FilePositions::Open(At(".positions"));
    (*positions)->Consumed(announced.origin->id(), announced.offset);
    (*positions)->Consumed({.row = 9999, .stream = kFollowedFile, .incarnation = 1}, 5);
  }
  Start();
  EXPECT_EQ(Taken(), Lines{});
}

TEST_F(FileFollowerTest, FindsWhatWasRotatedWhileNobodyLooked) {
  Follow("app.log");
  Append("app.log", "0\n");
  Start();
  Append("app.log", "1\n");
  Pass();
  Stop();
  Append("app.log", "2\n");
  Rename("app.log", "app.log.1");
  Append("app.log", "3\n");
  Start();
  EXPECT_EQ(Taken(), (Lines{"1", "2", "3"}));
  EXPECT_TRUE(facts_.empty());
}

TEST_F(FileFollowerTest, FindsWhatWasRotatedMoreThanOnce) {
  Follow("app.log");
  Append("app.log", "0\n");
  Start();
  Stop();
  Append("app.log", "1\n");
  Rename("app.log", "app.log.1");
  Append("app.log", "2\n");
  Append("app-error.log", "of another app\n");
  Rename("app.log.1", "app.log.2");
  Rename("app.log", "app.log.1");
  Append("app.log", "3\n");
  Start();
  EXPECT_EQ(Taken(), (Lines{"1", "2", "3"}));
  Start();
  EXPECT_EQ(Taken(), Lines{});
  loop_.Advance(40s);
  EXPECT_EQ(PositionsUsed(), 1u);
}

TEST_F(FileFollowerTest, TakesOnceWhatCameAndWentAfterSeveralThatWereRotated) {
  Follow("app.log");
  Append("app.log", "0\n");
  Start();
  for (const std::string name : {"app.log.1", "app.log.2"}) {
    Rename("app.log", name);
    NextTick();
    Append("app.log", "in the file after " + name + '\n');
    if (name == "app.log.1") Pass();
  }
  Stop();
  Rename("app.log", "app.log.3");
  NextTick();
  Append("app.log", "the last\n");
  Taken();
  Start();
  EXPECT_EQ(Taken(), (Lines{"in the file after app.log.2", "the last"}));
}

TEST_F(FileFollowerTest, WhatWasReadToItsEndIsNotTakenAgainForAnOlderFileThatGoesOn) {
  Follow("app.log");
  Append("app.log", "0\n");
  Start();
  for (const std::string name : {"app.log.1", "app.log.2"}) {
    Rename("app.log", name);
    NextTick();
    Append("app.log", "in the file after " + name + '\n');
    Pass();
  }
  for (int second = 0; second < 40; ++second) {
    Append("app.log.1", "from one who does not know\n");
    loop_.Advance(1s);
  }
  EXPECT_EQ(follower_->open_files(), 2u);
  Stop();
  Taken();
  Append("app.log.1", "the last\n");
  Start();
  EXPECT_EQ(Taken(), Lines{"the last"});
}

TEST_F(FileFollowerTest, FindsTheCopyOfWhatWasEmptied) {
  Follow("app.log");
  Append("app.log", std::string(300, 'x') + '\n');
  Start();
  Stop();
  Append("app.log", "1\n");
  fs::copy_file(At("app.log"), At("app__2026-11-21_00-00-00.log"));
  fs::resize_file(At("app.log"), 0);
  Append("app.log", "2\n");
  Start();
  EXPECT_EQ(Taken(), (Lines{"1", "2"}));
  EXPECT_TRUE(facts_.empty());
}

TEST_F(FileFollowerTest, SaysWhenWhatItHadNotReadIsGone) {
  Follow("app.log");
  Append("app.log", "0\n");
  Start();
  Stop();
  fs::remove(At("app.log"));
  // Perhaps with the same inode.
  Append("app.log", "new\n");
  Start();
  EXPECT_EQ(Taken(), Lines{"new"});
  EXPECT_EQ(facts_, Lines{"file_lost app.log"});
  Stop();
  fs::resize_file(At("app.log"), 0);
  Append("app.log", "other and longer\n");
  Start();
  EXPECT_EQ(Taken(), Lines{"other and longer"});
  EXPECT_EQ(PositionsUsed(), 1u);
}

TEST_F(FileFollowerTest, ADamagedTableIsStartedAnew) {
  Append(".positions", "what is this?");
  Follow("app.log");
  Append("app.log", "0\n");
  Start();
  Append("app.log", "1\n");
  Pass();
  EXPECT_EQ(Taken(), Lines{"1"});
}

TEST_F(FileFollowerTest, SaysOnceWhatCannotBeFollowed) {
  fs::create_directory(At("folder"));
  Follow("folder");
  Start();
  loop_.Advance(10s);
  EXPECT_EQ(facts_, Lines{"file_unreadable folder"});
}

TEST_F(FileFollowerTest, FinishTakesTheRestAndLeavesUnfinishedLines) {
  Follow("app.log");
  Append("app.log", "");
  Start();
  Append("app.log", "1\nunfin");
  follower_->Finish();
  EXPECT_EQ(Taken(), Lines{"1"});
  Append("app.log", "ished\n");
  Start();
  EXPECT_EQ(Taken(), Lines{"unfinished"});
}

TEST_F(FileFollowerTest, FollowsAFileWithoutNoticeWhereInotifyIsReady) {
  Follow("app.log");
  Append("app.log", "");
  Start();
  Append("app.log", "now\n");
  int fired = 0;
  for (int fd = 3; fd < 64; ++fd)
    fired += loop_.IsWatched(fd) && loop_.MakeReadable(fd) ? 1 : 0;
  EXPECT_EQ(fired, 1);
  EXPECT_EQ(Taken(), Lines{"now"});
}

}  // namespace
}  // namespace tend::collector
