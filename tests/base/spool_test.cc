#include "base/spool.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <random>
#include <string>

#include <gtest/gtest.h>

#include "base/check.h"

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

std::shared_ptr<SpoolFolder> Open(const std::string& path) {
  auto folder = SpoolFolder::Open(path);
  TEND_CHECK(folder);
  return *std::move(folder);
}

std::shared_ptr<Spool> Get(SpoolFolder& folder, std::uint64_t incarnation) {
  auto spool = folder.Get(incarnation, 0, {"api", 1});
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

std::string Read(const Spool& spool, std::uint64_t from) {
  std::string text(spool.size() - from, '\0');
  text.resize(spool.ReadAt(text, from));
  return text;
}

std::size_t CountFiles(const std::string& path) {
  std::size_t count = 0;
  for (const auto& entry : std::filesystem::directory_iterator(path)) {
    count += entry.path().filename() == "cursors" ? 0 : 1;
  }
  return count;
}

class SpoolTest : public ::testing::Test {
 protected:
  Folder folder_{::access("/dev/shm", W_OK | X_OK) == 0 ? "/dev/shm" : testing::TempDir()};
};

TEST_F(SpoolTest, TakesWhatIsInThePipeAndTellsItsEnd) {
  const auto spools = Open(folder_.path());
  const auto spool = Get(*spools, 7);
  Pipe pipe = MakeOpenPipe();
  EXPECT_TRUE(spool->TakeFrom(pipe.read.get(), 100).is_empty);
  Write(pipe.write.get(), "one\ntwo\n");
  const Spool::Taken taken = spool->TakeFrom(pipe.read.get(), 100);
  EXPECT_EQ(taken.bytes, 8u);
  EXPECT_TRUE(taken.is_empty);
  EXPECT_FALSE(taken.at_end);
  EXPECT_EQ(Read(*spool, 4), "two\n");
  pipe.write.Reset();
  EXPECT_TRUE(spool->TakeFrom(pipe.read.get(), 100).at_end);
}

TEST_F(SpoolTest, TheNextProcessGoesOnBehindWhatIsConsumed) {
  Pipe pipe = MakeOpenPipe();
  {
    const auto spools = Open(folder_.path());
    const auto spool = Get(*spools, 7);
    Write(pipe.write.get(), "one\ntwo\n");
    spool->TakeFrom(pipe.read.get(), 100);
    spool->Consumed(4);
    spool->Consumed(2);  // Never back.
  }
  const auto spools = Open(folder_.path());
  ASSERT_EQ(spools->OwnersLeft().size(), 1u);
  EXPECT_EQ(spools->OwnersLeft()[0].second.app, "api");
  EXPECT_TRUE(spools->HasLeft(7, 0));
  EXPECT_FALSE(spools->HasLeft(7, 1));
  const auto spool = Get(*spools, 7);
  EXPECT_FALSE(spools->HasLeft(7, 0));
  EXPECT_EQ(spool->cursor(), 4u);
  EXPECT_EQ(spool->owner().slot, 1);
  Write(pipe.write.get(), "three\n");
  spool->TakeFrom(pipe.read.get(), 100);
  EXPECT_EQ(Read(*spool, spool->cursor()), "two\nthree\n");
}

TEST_F(SpoolTest, IsGoneWhenItIsClosedAndConsumedInWhicheverOrder) {
  const auto spools = Open(folder_.path());
  for (const bool close_first : {true, false}) {
    const auto spool = Get(*spools, close_first ? 1 : 2);
    Pipe pipe = MakeOpenPipe();
    Write(pipe.write.get(), "line\n");
    spool->TakeFrom(pipe.read.get(), 100);
    EXPECT_EQ(CountFiles(folder_.path()), 1u);
    if (close_first) spool->Close();
    spool->Consumed(5);
    EXPECT_EQ(CountFiles(folder_.path()), close_first ? 0u : 1u);
    if (!close_first) spool->Close();
    EXPECT_EQ(CountFiles(folder_.path()), 0u);
  }
  EXPECT_EQ(Get(*spools, 3)->id().row, 0u) << "rows are used again";
}

TEST_F(SpoolTest, HoldsNoMoreMemoryThanWhatIsUnread) {
  const auto spools = Open(folder_.path());
  const auto spool = Get(*spools, 1);
  Pipe pipe = MakeOpenPipe();
  const std::string block(50'000, 'x');
  for (int i = 0; i < 100; ++i) {
    Write(pipe.write.get(), block);
    spool->TakeFrom(pipe.read.get(), block.size());
    spool->Consumed(spool->size());
  }
  EXPECT_EQ(spool->size(), 5'000'000u);
  std::uintmax_t blocks = 0;
  for (const auto& entry : std::filesystem::directory_iterator(folder_.path())) {
    struct stat info {};
    ASSERT_EQ(::stat(entry.path().c_str(), &info), 0);
    if (entry.path().filename() != "cursors") blocks += static_cast<std::uintmax_t>(info.st_blocks);
  }
  EXPECT_LE(blocks * 512, 8192u);
}

TEST_F(SpoolTest, AnyNameOfAnAppComesBack) {
  const std::string odd = "a/b%41.c%";
  { TEND_CHECK(Open(folder_.path())->Get(1, 0, {odd, 2})); }
  const auto spools = Open(folder_.path());
  ASSERT_EQ(spools->OwnersLeft().size(), 1u);
  EXPECT_EQ(spools->OwnersLeft()[0].second.app, odd);
  EXPECT_FALSE(spools->Get(2, 0, {std::string(300, 'x'), 0}));
  spools->TakeLeft();
}

// The rule that everything else rests on: what splice(2) took from the pipe is in the file, and
// nothing else is, whenever the process is killed.
void KillOften(const std::string& above, int kills) {
  const Folder folder(above);
  if (folder.path().empty()) GTEST_SKIP() << above << " cannot be written";
  Pipe pipe = MakeOpenPipe();
  constexpr std::uint32_t kNumbers = 4'000'000'000;
  const pid_t writer = ::fork();
  if (writer == 0) {
    std::uint32_t block[1000];
    for (std::uint32_t i = 0; i < kNumbers;) {
      for (std::uint32_t& number : block)
        number = i++;
      if (::write(pipe.write.get(), block, sizeof block) < 0) break;
    }
    ::_exit(0);
  }
  std::mt19937 random(1);
  std::uint32_t expected = 0;
  for (int kill = 0; kill < kills; ++kill) {
    const pid_t reader = ::fork();
    if (reader == 0) {
      const auto spools = Open(folder.path());
      const auto spool = Get(*spools, 1);
      for (;;)
        spool->TakeFrom(pipe.read.get(), 64 << 10);
    }
    ::poll(nullptr, 0, 1 + static_cast<int>(random() % 3));
    ::kill(reader, SIGKILL);
    ::waitpid(reader, nullptr, 0);
    const auto spools = Open(folder.path());
    const auto spool = Get(*spools, 1);
    std::string text = Read(*spool, spool->cursor());
    const std::size_t whole = text.size() / 4 * 4;
    for (std::size_t at = 0; at < whole; at += 4, ++expected) {
      std::uint32_t number = 0;
      text.copy(reinterpret_cast<char*>(&number), 4, at);  // NOLINT: bytes of a number
      if (number != expected) {
        ::kill(writer, SIGKILL);
        FAIL() << number << " instead of " << expected << " after kill " << kill;
      }
    }
    spool->Consumed(spool->cursor() + whole);
  }
  ::kill(writer, SIGKILL);
  ::waitpid(writer, nullptr, 0);
  EXPECT_GT(expected, static_cast<std::uint32_t>(kills) * 100);
  std::printf("%s: %d kills, %u numbers\n", above.c_str(), kills, expected);
}

int Kills() {
  const char* kills = std::getenv("TEND_SPLICE_KILLS");  // NOLINT(concurrency-mt-unsafe)
  return kills == nullptr ? 100 : std::atoi(kills);
}

TEST(SpliceTest, IsAllOrNothingUnderKillsOnTmpfs) {
  KillOften("/dev/shm", Kills());
}

TEST(SpliceTest, IsAllOrNothingUnderKillsOnADisk) {
  const char* folder = std::getenv("TEND_SPLICE_FOLDER");  // NOLINT(concurrency-mt-unsafe)
  KillOften(folder == nullptr ? "/var/tmp" : folder, Kills());
}

}  // namespace
}  // namespace tend
