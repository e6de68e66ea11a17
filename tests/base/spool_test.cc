#include "base/spool.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <random>
#include <span>
#include <string>

#include <gtest/gtest.h>

#include "base/check.h"
#include "support/kept_spools.h"

namespace tend {
namespace {

class Folder {
 public:
  explicit Folder(std::string above) : path_(std::move(above) + "/spool-XXXXXX") {
    if (::mkdtemp(path_.data()) == nullptr) path_.clear();
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  ~Folder() {
    if (!path_.empty()) std::filesystem::remove_all(path_);
  }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

constexpr std::size_t kTake = 64 << 10;

std::shared_ptr<Spool> Get(SpoolTable& table, std::uint64_t incarnation) {
  auto spool = table.Get(incarnation, 0, {"api", 1});
  TEND_CHECK(spool);
  return *std::move(spool);
}

Pipe MakeOpenPipe() {
  auto pipe = MakePipe();
  TEND_CHECK(pipe);
  TEND_CHECK(SetNonBlocking(pipe->read.get()));
  return *std::move(pipe);
}

void Write(int fd, std::string_view text) {
  ASSERT_EQ(::write(fd, text.data(), text.size()), static_cast<ssize_t>(text.size()));
}

class SpoolTest : public ::testing::Test {
 protected:
  // What was taken.
  std::string Take(Spool& spool, std::size_t bytes_max = kTake) {
    std::string text(bytes_max, '\0');
    last_ = spool.TakeFrom(pipe_.read.get(), text, Wall(std::chrono::seconds(9)));
    text.resize(last_.bytes);
    return text;
  }
  void WriteAndTake(Spool& spool, std::string_view text) {
    Write(pipe_.write.get(), text);
    ASSERT_EQ(Take(spool), text);
  }
  void FillUp(Spool& spool) {
    const std::string block(kTake, 'x');
    do {
      if (!last_.no_room) Write(pipe_.write.get(), block);
      Take(spool);
    } while (!last_.no_room);
  }

  Folder folder_{::access("/dev/shm", W_OK | X_OK) == 0 ? "/dev/shm" : testing::TempDir()};
  KeptSpools keeper_;
  Pipe pipe_ = MakeOpenPipe();
  Spool::Taken last_;
};

TEST_F(SpoolTest, TakesWhatIsInThePipeAndTellsItsEnd) {
  const auto table = keeper_.Open(folder_.path());
  const auto spool = Get(*table, 7);
  EXPECT_EQ(Take(*spool), "");
  EXPECT_TRUE(last_.is_empty);
  EXPECT_FALSE(last_.at_end);
  Write(pipe_.write.get(), "one\ntwo\n");
  EXPECT_EQ(Take(*spool, 4), "one\n");
  EXPECT_FALSE(last_.is_empty);
  EXPECT_EQ(Take(*spool), "two\n");
  EXPECT_TRUE(last_.is_empty);
  EXPECT_EQ(spool->size(), 8u);
  EXPECT_EQ(spool->taken_at(), Wall(std::chrono::seconds(9)));
  pipe_.write.Reset();
  Take(*spool);
  EXPECT_TRUE(last_.at_end);
}

TEST_F(SpoolTest, TheNextProcessGoesOnBehindWhatIsConsumed) {
  {
    const auto spool = Get(*keeper_.Open(folder_.path()), 7);
    WriteAndTake(*spool, "one\ntwo\n");
    spool->Consumed(4);
    spool->Consumed(2);  // Never back.
  }
  const auto table = keeper_.Reopen(folder_.path());
  ASSERT_EQ(table->OwnersLeft().size(), 1u);
  EXPECT_EQ(table->OwnersLeft()[0].second.app, "api");
  EXPECT_TRUE(table->HasLeft(7, 0));
  EXPECT_FALSE(table->HasLeft(7, 1));
  const auto spool = Get(*table, 7);
  EXPECT_FALSE(table->HasLeft(7, 0));
  EXPECT_EQ(spool->cursor(), 4u);
  EXPECT_EQ(spool->owner().slot, 1);
  EXPECT_EQ(spool->Backlog(), "two\n");
  EXPECT_EQ(spool->Backlog(), "two\n") << "it stays until it is consumed";
  WriteAndTake(*spool, "three\n");
  EXPECT_EQ(spool->Backlog(), "two\nthree\n");
  EXPECT_EQ(spool->size(), 14u);
}

TEST_F(SpoolTest, WhatWasAnnouncedIsConsumedBeforeItIsAdopted) {
  SpoolId id;
  {
    const auto spool = Get(*keeper_.Open(folder_.path()), 7);
    WriteAndTake(*spool, "one\ntwo\n");
    id = spool->id();
  }
  const auto table = keeper_.Open(folder_.path());
  table->Consumed(id, 4);
  table->Consumed({id.row, id.stream, 8}, 6);  // Of another life of the row.
  table->Consumed({99'999, 0, 7}, 6);
  keeper_.Replay(*table);
  EXPECT_EQ(Get(*table, 7)->Backlog(), "two\n");
}

TEST_F(SpoolTest, IsGoneWhenItIsClosedAndConsumedInWhicheverOrder) {
  const auto table = keeper_.Open(folder_.path());
  for (const bool close_first : {true, false}) {
    const auto spool = Get(*table, close_first ? 1 : 2);
    WriteAndTake(*spool, "line\n");
    EXPECT_EQ(keeper_.count(), 1u);
    if (close_first) spool->Close();
    spool->Consumed(5);
    EXPECT_EQ(keeper_.count(), close_first ? 0u : 1u);
    if (!close_first) spool->Close();
    EXPECT_EQ(keeper_.count(), 0u);
  }
  EXPECT_EQ(Get(*table, 3)->id().row, 0u) << "rows are used again";
}

// A pipe that nobody kept, and its row. The same incarnation may get another.
TEST_F(SpoolTest, ARowWithoutAPipeIsForgotten) {
  {
    const auto spool = Get(*keeper_.Open(folder_.path()), 7);
    WriteAndTake(*spool, "gone\n");
    spool->Consumed(3);
  }
  keeper_.Forget();
  {
    const auto spool = Get(*keeper_.Reopen(folder_.path()), 7);
    EXPECT_EQ(spool->id().row, 0u);
    WriteAndTake(*spool, "one\ntwo\n");
    spool->Consumed(4);
  }
  EXPECT_EQ(Get(*keeper_.Reopen(folder_.path()), 7)->Backlog(), "two\n");
}

TEST_F(SpoolTest, APipeOfWhichNothingIsKnownIsRefused) {
  const auto table = keeper_.Open(folder_.path());
  EXPECT_FALSE(table->Adopt(7, 0, std::move(pipe_.read)));
}

TEST_F(SpoolTest, TakesNothingBeforeItIsKept) {
  const auto table = keeper_.Open(folder_.path());
  keeper_.is_kept = false;
  const auto spool = Get(*table, 7);
  Write(pipe_.write.get(), "one\n");
  EXPECT_EQ(Take(*spool), "");
  EXPECT_TRUE(last_.too_early);
  keeper_.is_kept = true;
  EXPECT_EQ(Take(*spool), "one\n");
}

TEST_F(SpoolTest, GrowsThenWaitsUntilSomethingIsConsumed) {
  const auto table = keeper_.Open(folder_.path());
  const auto spool = Get(*table, 7);
  FillUp(*spool);
  EXPECT_EQ(spool->MakeRoom(1), Spool::Room::kNow);
  while (spool->MakeRoom(1) == Spool::Room::kNow)
    FillUp(*spool);
  EXPECT_GE(spool->size(), 64u << 10);
  EXPECT_EQ(keeper_.room_for, 0u);
  const std::uint64_t before = spool->size();
  spool->Consumed(100'000);
  EXPECT_EQ(keeper_.room_for, 7u);
  EXPECT_FALSE(Take(*spool).empty());
  EXPECT_GT(spool->size(), before);
}

// Each byte has a page of its own, as a worker that writes byte by byte makes them.
TEST_F(SpoolTest, ALongLineInSmallPiecesIsPacked) {
  const auto table = keeper_.Open(folder_.path());
  const auto spool = Get(*table, 7);
  std::string line;
  for (int i = 0; i < 5000; ++i) {
    const char c = static_cast<char>('a' + i % 26);
    line += c;
    Write(pipe_.write.get(), std::string(1, c));
    Take(*spool);
    if (last_.bytes == 1) continue;
    ASSERT_TRUE(last_.no_room);
    ASSERT_EQ(spool->MakeRoom(0), Spool::Room::kNow);
    ASSERT_EQ(Take(*spool), std::string(1, c));
  }
  EXPECT_EQ(spool->Backlog(), line);
  const auto next = keeper_.Reopen(folder_.path());
  EXPECT_EQ(Get(*next, 7)->Backlog(), line);
}

TEST_F(SpoolTest, ALineThatFillsItAllIsTold) {
  const auto table = keeper_.Open(folder_.path());
  const auto spool = Get(*table, 7);
  FillUp(*spool);
  while (spool->MakeRoom(0) == Spool::Room::kNow)
    FillUp(*spool);
  EXPECT_EQ(spool->MakeRoom(0), Spool::Room::kNone);
}

TEST_F(SpoolTest, AnyNameOfAnAppComesBack) {
  const std::string odd = "a/b%41.c%";
  { TEND_CHECK(keeper_.Open(folder_.path())->Get(1, 0, {odd, 2})); }
  const auto table = keeper_.Reopen(folder_.path());
  ASSERT_EQ(table->OwnersLeft().size(), 1u);
  EXPECT_EQ(table->OwnersLeft()[0].second.app, odd);
  EXPECT_FALSE(table->Get(2, 0, {std::string(300, 'x'), 0}));
  table->TakeLeft();
}

TEST_F(SpoolTest, ThousandsHaveRowsAndAreFoundAgain) {
  constexpr std::uint64_t kCount = 1000;
  {
    const auto table = keeper_.Open(folder_.path());
    for (std::uint64_t i = 1; i <= kCount; ++i)
      Get(*table, i);
  }
  const auto table = keeper_.Reopen(folder_.path());
  EXPECT_EQ(table->OwnersLeft().size(), kCount);
  table->TakeLeft();
}

// The rule that everything else rests on: each byte that left the pipe is in the spool until it is
// consumed, whenever the process is killed.
TEST_F(SpoolTest, LosesAndRepeatsNothingUnderKills) {
  const char* more = std::getenv("TEND_SPLICE_KILLS");  // NOLINT(concurrency-mt-unsafe)
  const int kills = more == nullptr ? 200 : std::atoi(more);
  const pid_t writer = ::fork();
  if (writer == 0) {
    std::uint32_t block[1000];
    for (std::uint32_t i = 0;;) {
      for (std::uint32_t& number : block)
        number = i++;
      if (::write(pipe_.write.get(), block, sizeof block) < 0) break;
    }
    ::_exit(0);
  }
  // The keeper's copy is there before the first child that takes anything.
  Get(*keeper_.Open(folder_.path()), 1);
  std::mt19937 random(1);
  std::uint32_t expected = 0;
  // On a busy machine many a reader dies before it has read anything.
  const auto give_up = std::chrono::steady_clock::now() + std::chrono::seconds(60);
  const auto is_enough = [&] { return expected > static_cast<std::uint32_t>(kills) * 100; };
  for (int kill = 0; kill < kills || (!is_enough() && std::chrono::steady_clock::now() < give_up);
       ++kill) {
    const pid_t reader = ::fork();
    if (reader == 0) {
      const auto table = keeper_.Reopen(folder_.path());
      const auto spool = Get(*table, 1);
      std::string buffer(kTake, '\0');
      // What the parent has seen is consumed in steps, while more comes.
      const std::uint64_t seen = std::uint64_t{expected} * 4;
      for (;;) {
        (void)spool->TakeFrom(pipe_.read.get(), std::span(buffer).first(7000), Wall());
        if (spool->cursor() < seen) spool->Consumed(std::min(seen, spool->cursor() + 5001));
      }
    }
    const timespec life{0, static_cast<long>(random() % 3'000'000)};
    ::ppoll(nullptr, 0, &life, nullptr);
    ::kill(reader, SIGKILL);
    ::waitpid(reader, nullptr, 0);
    const auto table = keeper_.Reopen(folder_.path());
    const auto spool = Get(*table, 1);
    const std::string text = spool->Backlog();
    const std::uint64_t from = spool->cursor();
    for (std::uint64_t at = std::uint64_t{expected} * 4; at + 4 <= spool->size();
         at += 4, ++expected) {
      std::uint32_t number = 0;
      ASSERT_GE(at, from);
      text.copy(reinterpret_cast<char*>(&number), 4, at - from);  // NOLINT: bytes of a number
      if (number != expected) {
        ::kill(writer, SIGKILL);
        FAIL() << number << " instead of " << expected << " after kill " << kill;
      }
    }
  }
  ::kill(writer, SIGKILL);
  ::waitpid(writer, nullptr, 0);
  EXPECT_TRUE(is_enough()) << expected;
  std::printf("%d kills, %u numbers\n", kills, expected);
}

}  // namespace
}  // namespace tend
