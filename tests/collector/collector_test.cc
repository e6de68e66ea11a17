#include "collector/collector.h"

#include <fcntl.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/fake_loop.h"
#include "support/kept_spools.h"

namespace tend::collector {
namespace {

using namespace std::chrono_literals;  // NOLINT(google-build-using-namespace)
using ::testing::ElementsAre;
using ::testing::IsEmpty;

class Shelf final : public RecordSink {
 public:
  bool HasRoom(const WorkerRef&) const override { return has_room; }
  void Publish(RecordBatchPtr batch) override {
    for (const LineSpan& line : batch->lines) {
      lines.push_back(batch->worker->Name() + ' ' + std::string(StreamName(batch->stream)) + ' ' +
                      std::string(batch->Text(line)));
    }
    batches.push_back(std::move(batch));
  }
  bool has_room = true;
  std::vector<std::string> lines;
  std::vector<RecordBatchPtr> batches;
};

class Reports final : public TelemetrySink {
 public:
  void Report(const WorkerRef& worker, const TelemetryReport& report) override {
    runtimes.push_back(worker.Name() + ' ' + report.runtime);
  }
  void Custom(const WorkerRef& worker,
              const std::vector<CustomValue>& values,
              std::size_t bad) override {
    for (const CustomValue& value : values)
      custom.push_back(worker.Name() + ' ' + value.name);
    refused += bad;
  }
  std::vector<std::string> runtimes, custom;
  std::size_t refused = 0;
};

class CollectorTest : public ::testing::Test {
 protected:
  CollectorTest()
      : collector_(loop_,
                   shelf_,
                   reports_,
                   {[this](std::uint64_t id, PipeKind) { closed_.push_back(id); },
                    [this](std::uint64_t id) { drained_.push_back(id); }},
                   {}) {}

  // The worker's end and the number of ours.
  struct Ends {
    Fd worker;
    int ours;
  };
  Ends Attach(std::uint64_t incarnation, PipeKind kind) {
    auto pipe = MakePipe();
    TEND_CHECK(pipe);
    const int ours = pipe->read.get();
    collector_.Attach(incarnation, kind, std::move(pipe->read));
    return {std::move(pipe->write), ours};
  }
  static void Write(const Ends& ends, std::string_view text) {
    ASSERT_EQ(::write(ends.worker.get(), text.data(), text.size()),
              static_cast<ssize_t>(text.size()));
  }
  // A pipe whose writer has gone already. What it wrote is read by the time this returns.
  void AttachClosed(std::uint64_t incarnation, PipeKind kind, std::string_view text) {
    auto pipe = MakePipe();
    TEND_CHECK(pipe);
    const int ours = pipe->read.get();
    Write({std::move(pipe->write), ours}, text);
    collector_.Attach(incarnation, kind, std::move(pipe->read));
    loop_.MakeReadable(ours);
  }
  void Wake(const Ends& ends) {
    loop_.Advance(10ms);  // Past any rest.
    ASSERT_TRUE(loop_.MakeReadable(ends.ours));
  }

  FakeLoop loop_;
  Shelf shelf_;
  Reports reports_;
  std::vector<std::uint64_t> closed_, drained_;
  Collector collector_;
};

TEST_F(CollectorTest, PublishesWholeLinesWithWorkerAndStream) {
  collector_.Announce({"api", 1, 7});
  const Ends out = Attach(7, PipeKind::kStdout);
  const Ends err = Attach(7, PipeKind::kStderr);
  Write(out, "hello\nunfin");
  Write(err, "oh\n");
  Wake(out);
  Wake(err);
  EXPECT_THAT(shelf_.lines, ElementsAre("api:1 stdout hello", "api:1 stderr oh"));
  EXPECT_EQ(collector_.Counters("api", 1).out.lines, 1u);
  EXPECT_EQ(collector_.Counters("api", 1).out.bytes, 6u);
  EXPECT_EQ(collector_.Counters("api", 1).err.lines, 1u);
}

TEST_F(CollectorTest, HoldsPipesThatComeBeforeTheirAnnouncement) {
  const Ends out = Attach(7, PipeKind::kStdout);
  Write(out, "early\n");
  EXPECT_FALSE(loop_.IsWatched(out.ours));
  collector_.Announce({"api", 0, 7});
  Wake(out);
  EXPECT_THAT(shelf_.lines, ElementsAre("api:0 stdout early"));
}

TEST_F(CollectorTest, TakesTheLastWordsWhenTheWorkerHasEnded) {
  collector_.Announce({"api", 0, 7});
  Ends out = Attach(7, PipeKind::kStdout);
  Ends err = Attach(7, PipeKind::kStderr);
  Write(out, "a\nlast words without newline");
  Write(err, "panic\n");
  out.worker.Reset();
  err.worker.Reset();
  collector_.Ended(7);
  EXPECT_THAT(shelf_.lines, ElementsAre("api:0 stdout a", "api:0 stdout last words without newline",
                                        "api:0 stderr panic"));
  EXPECT_THAT(drained_, ElementsAre(7));
  EXPECT_THAT(closed_, ElementsAre(7, 7));
  EXPECT_EQ(collector_.open_pipes(), 0u);
}

TEST_F(CollectorTest, DrainsPipesThatComeAfterTheEnd) {
  collector_.Ended(7);
  EXPECT_THAT(drained_, IsEmpty());
  collector_.Announce({"api", 0, 7});
  AttachClosed(7, PipeKind::kStdout, "late\n");
  EXPECT_THAT(shelf_.lines, ElementsAre("api:0 stdout late"));
  EXPECT_THAT(drained_, IsEmpty());
  AttachClosed(7, PipeKind::kStderr, "panic\n");
  EXPECT_THAT(drained_, ElementsAre(7));
  EXPECT_THAT(collector_.LastStderr("api", 0, 7), ElementsAre("panic"));
}

TEST_F(CollectorTest, TakesAPipeThatComesAfterTheOthersWereClosed) {
  collector_.Announce({"api", 0, 7});
  AttachClosed(7, PipeKind::kStdout, "out\n");
  collector_.Ended(7);
  ASSERT_THAT(closed_, ElementsAre(7));
  EXPECT_FALSE(collector_.IsDrained(7));
  AttachClosed(7, PipeKind::kStderr, "panic\n");
  EXPECT_TRUE(collector_.IsDrained(7));
  AttachClosed(7, PipeKind::kTelemetry, "{\"v\":1,\"rt\":\"node 20\"}\n");
  EXPECT_THAT(shelf_.lines, ElementsAre("api:0 stdout out", "api:0 stderr panic"));
  EXPECT_THAT(reports_.runtimes, ElementsAre("api:0 node 20"));
  EXPECT_THAT(closed_, ElementsAre(7, 7, 7));
}

TEST_F(CollectorTest, HoldsWhatEndedBeforeItWasAnnounced) {
  Ends err = Attach(7, PipeKind::kStderr);
  Write(err, "panic");
  err.worker.Reset();
  collector_.Ended(7);
  loop_.Advance(1min);
  EXPECT_THAT(shelf_.lines, IsEmpty());
  EXPECT_THAT(drained_, IsEmpty());
  collector_.Announce({"api", 0, 7});
  EXPECT_THAT(shelf_.lines, ElementsAre("api:0 stderr panic"));
  EXPECT_THAT(drained_, ElementsAre(7));
  EXPECT_EQ(collector_.open_pipes(), 0u);
}

TEST_F(CollectorTest, DoesNotWaitForEverForAPipeThatNeverComes) {
  collector_.Announce({"api", 0, 7});
  AttachClosed(7, PipeKind::kStdout, "");
  collector_.Ended(7);
  EXPECT_THAT(drained_, IsEmpty());
  loop_.Advance(2s);
  EXPECT_THAT(drained_, ElementsAre(7));
  EXPECT_EQ(loop_.timers(), 0u);
}

TEST_F(CollectorTest, KeepsReadingAPipeThatAGrandchildHoldsOpen) {
  collector_.Announce({"api", 0, 7});
  AttachClosed(7, PipeKind::kStderr, "");
  const Ends out = Attach(7, PipeKind::kStdout);
  Write(out, "half");
  collector_.Ended(7);
  EXPECT_THAT(drained_, ElementsAre(7));
  EXPECT_THAT(shelf_.lines, IsEmpty());
  loop_.Advance(3s);
  EXPECT_THAT(shelf_.lines, ElementsAre("api:0 stdout half"));
  Write(out, "from the grandchild\n");
  ASSERT_TRUE(loop_.MakeReadable(out.ours));
  EXPECT_EQ(shelf_.lines.back(), "api:0 stdout from the grandchild");
  EXPECT_FALSE(loop_.IsWatched(out.ours)) << "it may be a busy one: it rests as any other";
  EXPECT_THAT(closed_, ElementsAre(7));
  EXPECT_TRUE(collector_.HasPipes("api"));
}

TEST_F(CollectorTest, PublishesAnUnfinishedLineThatHadNoRoomDuringTheLinger) {
  collector_.Announce({"api", 0, 7});
  const Ends out = Attach(7, PipeKind::kStdout);
  Write(out, "half");
  shelf_.has_room = false;
  collector_.Ended(7);
  loop_.Advance(3s);
  EXPECT_THAT(shelf_.lines, IsEmpty());
  shelf_.has_room = true;
  collector_.Resume("api");
  ASSERT_TRUE(loop_.MakeReadable(out.ours));
  EXPECT_THAT(shelf_.lines, ElementsAre("api:0 stdout half"));
}

TEST_F(CollectorTest, LeavesBytesInThePipeWhileThereIsNoRoom) {
  collector_.Announce({"api", 0, 7});
  const Ends out = Attach(7, PipeKind::kStdout);
  shelf_.has_room = false;
  Write(out, "waits\n");
  Wake(out);
  EXPECT_THAT(shelf_.lines, IsEmpty());
  EXPECT_FALSE(loop_.IsWatched(out.ours));
  shelf_.has_room = true;
  collector_.Resume("other");
  EXPECT_FALSE(loop_.IsWatched(out.ours));
  collector_.Resume("api");
  ASSERT_TRUE(loop_.MakeReadable(out.ours));
  EXPECT_THAT(shelf_.lines, ElementsAre("api:0 stdout waits"));
}

TEST_F(CollectorTest, DrainsAnEndedWorkerOnceThereIsRoomAgain) {
  collector_.Announce({"api", 0, 7});
  AttachClosed(7, PipeKind::kStderr, "");
  Ends out = Attach(7, PipeKind::kStdout);
  shelf_.has_room = false;
  Write(out, "waits\n");
  out.worker.Reset();
  collector_.Ended(7);
  EXPECT_THAT(drained_, IsEmpty());
  shelf_.has_room = true;
  collector_.Resume("api");
  ASSERT_TRUE(loop_.MakeReadable(out.ours));
  EXPECT_THAT(shelf_.lines, ElementsAre("api:0 stdout waits"));
  EXPECT_THAT(drained_, ElementsAre(7));
}

TEST_F(CollectorTest, RestsAfterASmallTake) {
  collector_.Announce({"api", 0, 7});
  const Ends out = Attach(7, PipeKind::kStdout);
  Write(out, "one\n");
  ASSERT_TRUE(loop_.MakeReadable(out.ours));
  EXPECT_FALSE(loop_.IsWatched(out.ours));
  Write(out, "two\nthree\n");
  loop_.Advance(5ms);
  EXPECT_EQ(shelf_.batches.size(), 2u);
  EXPECT_FALSE(loop_.IsWatched(out.ours));
  loop_.Advance(5ms);
  EXPECT_TRUE(loop_.IsWatched(out.ours)) << "there was nothing";
}

// A worker that writes as fast as it can must not wait for the ends of our rests.
TEST_F(CollectorTest, TheFasterThePipeFillsTheShorterTheRests) {
  collector_.Announce({"api", 0, 7});
  const Ends out = Attach(7, PipeKind::kStdout);
  const std::string block = std::string(50'000, 'x') + '\n';
  int takes = 0;
  for (; takes < 10 && !loop_.IsWatched(out.ours); ++takes) {
    Write(out, block);
    loop_.Advance(5ms);
  }
  Write(out, block);
  ASSERT_TRUE(loop_.MakeReadable(out.ours)) << "it rests no more";
  for (int i = 0; i < 10; ++i) {
    Write(out, "slow\n");
    loop_.MakeReadable(out.ours);
    loop_.Advance(5ms);
  }
  Write(out, "slow\n");
  loop_.MakeReadable(out.ours);
  loop_.Advance(4ms);
  EXPECT_FALSE(loop_.IsWatched(out.ours)) << "it rests again";
}

TEST_F(CollectorTest, NeverStampsAnAppBackwards) {
  collector_.Announce({"api", 0, 7});
  const Ends out = Attach(7, PipeKind::kStdout);
  Write(out, "one\n");
  Wake(out);
  loop_.SetWall(loop_.WallNow() - 1h);
  Write(out, "two\n");
  Wake(out);
  ASSERT_EQ(shelf_.batches.size(), 2u);
  EXPECT_GE(shelf_.batches[1]->stamp, shelf_.batches[0]->stamp);
}

TEST_F(CollectorTest, RemembersTheNewestStderrLinesOfAnIncarnation) {
  collector_.Announce({"api", 0, 7});
  const Ends err = Attach(7, PipeKind::kStderr);
  for (int i = 0; i < 30; ++i)
    Write(err, "line " + std::to_string(i) + "\n");
  Wake(err);
  const auto lines = collector_.LastStderr("api", 0, 7);
  ASSERT_EQ(lines.size(), 20u);
  EXPECT_EQ(lines.front(), "line 10");
  EXPECT_EQ(lines.back(), "line 29");
  EXPECT_THAT(collector_.LastStderr("api", 0, 8), IsEmpty());

  Write(err, std::string(50'000, 'x') + "\n");
  Wake(err);
  std::size_t bytes = 0;
  for (const auto& line : collector_.LastStderr("api", 0, 7))
    bytes += line.size();
  EXPECT_LE(bytes, 4096u);
  EXPECT_GT(bytes, 0u);
}

TEST_F(CollectorTest, SecretsAreGoneFromWhatIsRemembered) {
  collector_.SetRedactor("api", std::make_shared<const Redactor>(std::vector<std::string>{"s3c"}));
  collector_.Announce({"api", 0, 7});
  collector_.Announce({"web", 0, 8});
  const Ends err = Attach(7, PipeKind::kStderr);
  const Ends other = Attach(8, PipeKind::kStderr);
  Write(err, "key s3c\nfine\n");
  Write(other, "s3c\n");
  Wake(err);
  Wake(other);
  EXPECT_THAT(collector_.LastStderr("api", 0, 7), ElementsAre("key [redacted]", "fine"));
  EXPECT_EQ(collector_.Counters("api", 0).err.bytes, 13u) << "as the worker wrote them";
  collector_.SetRedactor("api", nullptr);
  Write(err, "s3c\n");
  Wake(err);
  EXPECT_THAT(collector_.LastStderr("api", 0, 7), ElementsAre("key [redacted]", "fine", "s3c"));
}

TEST_F(CollectorTest, RemembersTheStderrOfIncarnationsThatWereFollowedByOthers) {
  std::vector<Ends> ends;
  const auto live = [&](std::uint64_t incarnation) {
    collector_.Announce({"api", 0, incarnation});
    ends.push_back(Attach(incarnation, PipeKind::kStderr));
    Write(ends.back(), "of " + std::to_string(incarnation) + "\n");
    Wake(ends.back());
  };
  for (const std::uint64_t incarnation : {7u, 8u, 10u, 11u})
    live(incarnation);
  EXPECT_THAT(collector_.LastStderr("api", 0, 7), ElementsAre("of 7"));
  EXPECT_THAT(collector_.LastStderr("api", 0, 11), ElementsAre("of 11"));
  EXPECT_THAT(collector_.LastStderr("api", 0, 12), IsEmpty());
  Write(ends[0], "late\n");
  Wake(ends[0]);
  EXPECT_THAT(collector_.LastStderr("api", 0, 7), ElementsAre("of 7", "late"));
  live(12);
  live(13);
  EXPECT_THAT(collector_.LastStderr("api", 0, 7), ElementsAre("of 10")) << "the next that is there";
}

TEST_F(CollectorTest, CountsLinesThatWereCut) {
  collector_.Announce({"api", 0, 7});
  Ends out = Attach(7, PipeKind::kStdout);
  ASSERT_GE(::fcntl(out.worker.get(), F_SETPIPE_SZ, 1 << 20), 1 << 20);
  Write(out, std::string(600'000, 'x') + "\nshort\n");
  Wake(out);
  Wake(out);
  Wake(out);
  const StreamCounters counters = collector_.Counters("api", 0).out;
  EXPECT_EQ(counters.lines, 2u);
  EXPECT_EQ(counters.split_lines, 1u);
  EXPECT_EQ(counters.bytes, 600'007u);
}

TEST_F(CollectorTest, ReadsTelemetryAndCountsWhatIsNone) {
  collector_.Announce({"api", 0, 7});
  const Ends pipe = Attach(7, PipeKind::kTelemetry);
  Write(pipe, "{\"v\":1,\"rt\":\"node 20\"}\nnonsense\n\n{}\nrequests:1|c\n");
  Wake(pipe);
  EXPECT_THAT(reports_.runtimes, ElementsAre("api:0 node 20"));
  EXPECT_THAT(reports_.custom, ElementsAre("api:0 requests"));
  EXPECT_EQ(reports_.refused, 2u);
  EXPECT_THAT(shelf_.lines, IsEmpty());
}

TEST_F(CollectorTest, TakesEverythingOnTheWayOut) {
  collector_.Announce({"api", 0, 7});
  const Ends out = Attach(7, PipeKind::kStdout);
  Write(out, "whole\nhalf");
  collector_.DrainAll();
  EXPECT_THAT(shelf_.lines, ElementsAre("api:0 stdout whole", "api:0 stdout half"));
  // The worker lives, and the next sidecar reads the rest of its line.
  EXPECT_EQ(shelf_.batches.back()->lines.back().flags, kLinePartial);
}

// A collector that dies without a word, and the next one on the same spools.
class RecordingCollectorTest : public ::testing::Test {
 protected:
  RecordingCollectorTest() {
    const bool has_shm = ::access("/dev/shm", W_OK | X_OK) == 0;
    path_ = (has_shm ? "/dev/shm/" : testing::TempDir()) + std::string("collector-XXXXXX");
    TEND_CHECK(::mkdtemp(path_.data()) != nullptr);
    auto pipe = MakePipe();
    TEND_CHECK(pipe);
    ends_ = *std::move(pipe);
    loop_.SetWall(std::chrono::floor<std::chrono::microseconds>(NowWall()) + 1h);
    Restart();
  }
  ~RecordingCollectorTest() override {
    if (spools_) spools_->TakeLeft();
    std::filesystem::remove_all(path_);
  }
  void Restart() {
    collector_.reset();
    shelf_.batches.clear();
    shelf_.lines.clear();
    spools_ = keeper_.Reopen(path_);
    Collector::Options options;
    options.spools = spools_;
    collector_ =
        std::make_unique<Collector>(loop_, shelf_, reports_, Collector::Callbacks(), options);
  }
  void Attach() {
    auto copy = Duplicate(ends_.read.get());  // the keeper's
    TEND_CHECK(copy);
    ours_ = copy->get();
    collector_->Attach(1, PipeKind::kStdout, *std::move(copy));
  }
  void Write(std::string_view text) {
    ASSERT_EQ(::write(ends_.write.get(), text.data(), text.size()),
              static_cast<ssize_t>(text.size()));
    loop_.Advance(10ms);
    ASSERT_TRUE(loop_.MakeReadable(ours_));
  }
  void SeeToAll() {
    for (const RecordBatchPtr& batch : shelf_.batches)
      batch->mark.Consume();
  }

  std::string path_;
  Pipe ends_;
  int ours_ = -1;
  FakeLoop loop_;
  Shelf shelf_;
  Reports reports_;
  KeptSpools keeper_;
  std::shared_ptr<SpoolTable> spools_;
  std::unique_ptr<Collector> collector_;
};

TEST_F(RecordingCollectorTest, WhatWasNotSeenToIsPublishedAgainWithTheTimeItWasTaken) {
  collector_->Announce({"api", 0, 1});
  Attach();
  Write("one\ntw");
  SeeToAll();
  Write("o\nthree\nfo");
  EXPECT_THAT(shelf_.lines,
              ElementsAre("api:0 stdout one", "api:0 stdout two", "api:0 stdout three"));
  const Wall before = loop_.WallNow();

  Restart();
  loop_.Advance(1h);
  Attach();
  EXPECT_THAT(shelf_.lines, IsEmpty()) << "it is not known whose it is";
  collector_->Announce({"api", 0, 1});
  EXPECT_THAT(shelf_.lines, ElementsAre("api:0 stdout two", "api:0 stdout three"));
  EXPECT_LE(shelf_.batches[0]->stamp, before) << "of then, not of now";
  Write("ur\n");
  EXPECT_EQ(shelf_.lines.back(), "api:0 stdout four");
}

TEST_F(RecordingCollectorTest, OutputOfAPipeThatIsGoneIsPublishedAndItsSpoolRemoved) {
  collector_->Announce({"api", 3, 1});
  Attach();
  Write("last words\nno newline");
  Restart();
  EXPECT_THAT(collector_->AppsWithLeft(), ElementsAre("api"));
  collector_->PublishLeft();
  EXPECT_THAT(shelf_.lines, ElementsAre("api:3 stdout last words", "api:3 stdout no newline"));
  EXPECT_EQ(keeper_.count(), 1u);
  SeeToAll();
  EXPECT_EQ(keeper_.count(), 0u);
}

TEST_F(RecordingCollectorTest, APipeOfWhichNobodyTellsIsReadUnderTheNameOfItsSpool) {
  collector_->Announce({"api", 0, 1});
  Attach();
  Write("one\n");
  Restart();
  Attach();
  collector_->PublishLeft();
  EXPECT_THAT(shelf_.lines, ElementsAre("api:0 stdout one"));
  Write("two\n");
  EXPECT_EQ(shelf_.lines.back(), "api:0 stdout two");
}

TEST_F(RecordingCollectorTest, ASpoolIsGoneWithItsPipe) {
  collector_->Announce({"api", 0, 1});
  Attach();
  Write("one\ntwo");
  ends_.write.Reset();
  loop_.Advance(10ms);
  loop_.MakeReadable(ours_);
  EXPECT_THAT(shelf_.lines, ElementsAre("api:0 stdout one", "api:0 stdout two"));
  SeeToAll();
  EXPECT_EQ(keeper_.count(), 0u);
}

// What the worker writes is taken until the spool is full of lines that nobody has seen to.
TEST_F(RecordingCollectorTest, AFullSpoolHoldsThePipeBackUntilLinesAreSeenTo) {
  collector_->Announce({"api", 0, 1});
  Attach();
  const std::string block = std::string(4095, 'x') + '\n';
  std::size_t written = 0;
  while (loop_.IsWatched(ours_)) {
    Write(block);
    ++written;
    loop_.Advance(10ms);
    ASSERT_LT(written, 10'000u);
  }
  EXPECT_GT(written, 15u);
  EXPECT_LT(shelf_.lines.size(), written);
  EXPECT_EQ(keeper_.room_for, 0u);
  SeeToAll();
  EXPECT_EQ(keeper_.room_for, 1u);
  collector_->SpoolHasRoom(1);
  ASSERT_TRUE(loop_.MakeReadable(ours_));
  EXPECT_EQ(shelf_.lines.size(), written);
}

TEST_F(RecordingCollectorTest, ALongLineInManyPiecesOutlivesUs) {
  collector_->Announce({"api", 0, 1});
  Attach();
  std::string line;
  for (int i = 0; i < 3000; ++i) {
    line += static_cast<char>('a' + i % 26);
    Write(std::string_view(line).substr(line.size() - 1));
  }
  Restart();
  Attach();
  collector_->Announce({"api", 0, 1});
  Write("!\n");
  EXPECT_THAT(shelf_.lines, ElementsAre("api:0 stdout " + line + "!"));
}

// The longest lines there are, and none ends.
TEST_F(RecordingCollectorTest, AWorkerWithoutNewlinesIsNotHeldUp) {
  collector_->Announce({"api", 0, 1});
  Attach();
  const std::string block(32 << 10, 'x');
  for (int i = 0; i < 100; ++i) {
    Write(block);
    SeeToAll();
    collector_->SpoolHasRoom(1);
    loop_.Advance(10ms);
  }
  std::size_t bytes = 0;
  for (const RecordBatchPtr& batch : shelf_.batches)
    bytes += batch->bytes.size();
  EXPECT_GE(bytes, (100 * 32u - 256) << 10);
}

TEST_F(RecordingCollectorTest, WaitsUntilTheSpoolIsKept) {
  keeper_.is_kept = false;
  collector_->Announce({"api", 0, 1});
  Attach();
  Write("one\n");
  EXPECT_THAT(shelf_.lines, IsEmpty());
  keeper_.is_kept = true;
  loop_.Advance(10ms);
  ASSERT_TRUE(loop_.MakeReadable(ours_));
  EXPECT_THAT(shelf_.lines, ElementsAre("api:0 stdout one"));
}

}  // namespace
}  // namespace tend::collector
