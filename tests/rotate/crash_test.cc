// The disk worker is killed, for real, at every system call that changes a log, and the next one on
// the way back too: with spools and a journal no line is lost or there twice.
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "base/spool.h"
#include "rotate/batches.h"
#include "rotate/disk_worker.h"
#include "rotate/log_reader.h"
#include "rotate/temp_folder.h"
#include "rotate/write_journal.h"
#include "support/faulty_files.h"
#include "support/kept_spools.h"

namespace tend::rotate {
namespace {

constexpr int kCrashLines = 120;
constexpr int kDied = 9;

// Ends the process at the n-th call that changes something: a write is half done then, and anything
// else is done if n is odd.
class DyingFiles final : public FaultyFiles {
  template <typename Call>
  auto Around(Call call) {
    const bool dies = --left_ == 0;
    if (dies && dies_before_) ::_exit(kDied);
    auto result = call();
    if (dies) ::_exit(kDied);
    return result;
  }

 public:
  explicit DyingFiles(int n) : FaultyFiles(FilesLinux()), left_(n) {}

  Result<Fd> OpenAppend(const std::string& path, unsigned mode) override {
    return Around([&] { return FaultyFiles::OpenAppend(path, mode); });
  }
  Result<Fd> CreateNew(const std::string& path, unsigned mode) override {
    return Around([&] { return FaultyFiles::CreateNew(path, mode); });
  }
  Result<std::size_t> Write(int fd, std::string_view data) override {
    const bool dies = --left_ == 0;
    auto written = FaultyFiles::Write(fd, dies ? data.substr(0, (data.size() + 1) / 2) : data);
    if (dies) ::_exit(kDied);
    return written;
  }
  Result<> RenameNoReplace(const std::string& from, const std::string& to) override {
    return Around([&] { return FaultyFiles::RenameNoReplace(from, to); });
  }
  Result<> Unlink(const std::string& path) override {
    return Around([&] { return FaultyFiles::Unlink(path); });
  }

 private:
  int left_;
  const bool dies_before_ = left_ % 2 == 0;
};

class CrashTest : public ::testing::Test {
 protected:
  CrashTest() {
    limits_.max_size = 400;
    limits_.max_files = 1000;
    limits_.min_free = 0;
    limits_.compress_delay = std::chrono::seconds(0);
    limits_.on_full = config::OnFull::kBlock;
  }

  void Fill() {
    std::filesystem::remove_all(folder_.At("api"));
    std::filesystem::remove_all(folder_.At("spool"));
    std::filesystem::remove_all(folder_.At("raw.log"));
    for (const std::string& name : folder_.Names()) {
      if (name.starts_with("raw.log")) std::filesystem::remove_all(folder_.At(name));
    }
    keeper_ = {};
    auto spool = keeper_.Open(folder_.At("spool"))->Get(1, 0, {"api", 0});
    ASSERT_TRUE(spool);
    auto pipe = MakePipe();
    ASSERT_TRUE(pipe && SetNonBlocking(pipe->read.get()));
    std::string text;
    for (int i = 1; i <= kCrashLines; ++i)
      text += std::to_string(i) + '\n';
    ASSERT_EQ(::write(pipe->write.get(), text.data(), text.size()),
              static_cast<ssize_t>(text.size()));
    std::string taken(text.size(), '\0');
    EXPECT_EQ((*spool)->TakeFrom(pipe->read.get(), taken, now_.wall).bytes, text.size());
    EXPECT_EQ(taken, text);
  }

  // One life: takes what is in the spool and was not seen to, a few lines at a time.
  void Live(Files& files) {
    const std::shared_ptr<SpoolTable> opened = keeper_.Open(folder_.At("spool"));
    SpoolTable& spools = *opened;
    WriteJournal::ConsumeMarks(
        FilesLinux(), spools.folder(),
        [&](const SpoolId& id, std::uint64_t offset) { spools.Consumed(id, offset); });
    keeper_.Replay(spools);
    DiskWorker worker(files, {.folder = folder_.path(), .journals = spools.folder()},
                      {[](Fact) {}, [](const std::string&, std::size_t) {}});
    worker.Configure("api", limits_, {{.path = folder_.At("raw.log")}}, now_);
    auto got = spools.Get(1, 0, {"api", 0});
    if (!got) return;
    const std::shared_ptr<Spool> spool = *std::move(got);
    const std::uint64_t begin = spool->cursor();
    const std::string text = spool->Backlog();
    for (std::size_t at = 0; at < text.size();) {
      std::vector<std::string> lines;
      while (at < text.size() && lines.size() < lines_at_a_time_) {
        const std::size_t end = text.find('\n', at);
        lines.push_back(text.substr(at, end - at));
        at = end + 1;
      }
      BatchOf make;
      make.stamp = now_.wall;
      auto batch = std::make_shared<RecordBatch>(*make(lines));
      batch->mark = {spool, begin + at};
      worker.Write("api", {batch}, now_);
      Settle(worker);
    }
    spools.TakeLeft();
  }

  void Settle(DiskWorker& worker) {
    now_.mono += std::chrono::seconds(1);
    now_.wall += std::chrono::seconds(1);
    for (int i = 0; i < 100; ++i) {
      worker.Tick(now_);
      if (worker.HasSlice(now_)) worker.Slice(now_);
    }
  }

  // True if it died.
  bool LiveInAChild(int dies_at) {
    const pid_t child = ::fork();
    if (child == 0) {
      DyingFiles files(dies_at);
      Live(files);
      ::_exit(0);
    }
    int status = 0;
    ::waitpid(child, &status, 0);
    EXPECT_TRUE(WIFEXITED(status)) << status;
    now_.wall += std::chrono::seconds(100);
    return WEXITSTATUS(status) == kDied;
  }

  std::string Numbers() {
    LogQuery query;
    query.apps = {{"api", folder_.At("api")}};
    LogReader reader(FilesLinux(), std::move(query));
    auto lines = reader.Next(100'000);
    std::string text;
    if (lines) {
      for (const StoredLine& line : *lines)
        text += line.text + '\n';
    }
    return text;
  }
  std::string RawNumbers() {
    std::string text, active;
    for (const std::string& name : folder_.Names()) {
      if (name == "raw.log") {
        active = folder_.Content(name);
      } else if (name.starts_with("raw.log.") && !name.ends_with(".zst")) {
        text += folder_.Content(name);
      }
    }
    return text + active;
  }

  TempFolder folder_;
  KeptSpools keeper_;
  std::size_t lines_at_a_time_ = 17;
  config::LogConfig limits_;
  Moment now_{Mono(std::chrono::hours(1)), At(0)};
};

TEST_F(CrashTest, AKillAtAnyCallLosesAndDoublesNothing) {
  limits_.compress_delay = std::chrono::hours(1000);
  std::string expected;
  for (int i = 1; i <= kCrashLines; ++i)
    expected += std::to_string(i) + '\n';
  int n = 1;
  for (;; ++n) {
    Fill();
    if (!LiveInAChild(n)) break;
    LiveInAChild(1 + n % 7);
    Live(FilesLinux());
    ASSERT_EQ(Numbers(), expected) << "killed at call " << n;
    ASSERT_EQ(RawNumbers(), expected) << "killed at call " << n;
  }
  EXPECT_GT(n, 60) << "that many calls were killed";
}

TEST_F(CrashTest, AKillWhileItCompressesLosesAndDoublesNothing) {
  std::string expected;
  for (int i = 1; i <= kCrashLines; ++i)
    expected += std::to_string(i) + '\n';
  for (int n = 1;; ++n) {
    Fill();
    if (!LiveInAChild(n)) break;
    LiveInAChild(1 + n % 5);
    Live(FilesLinux());
    ASSERT_EQ(Numbers(), expected) << "killed at call " << n;
  }
}

// The disk is full in the middle of a line, and then the process is killed.
TEST_F(CrashTest, AKillOnAFullDiskLosesAndTearsNothing) {
  limits_.compress_delay = std::chrono::hours(1000);
  limits_.max_size = 1 << 20;
  lines_at_a_time_ = 1;
  std::string expected;
  for (int i = 1; i <= kCrashLines; ++i)
    expected += std::to_string(i) + '\n';
  for (std::uint64_t space = 1; space < 400; space += 13) {
    Fill();
    const pid_t child = ::fork();
    if (child == 0) {
      FaultyFiles files(FilesLinux());
      files.LimitSpace(space);
      Live(files);
      ::_exit(0);
    }
    int status = 0;
    ::waitpid(child, &status, 0);
    ASSERT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << status;
    now_.wall += std::chrono::seconds(100);
    Live(FilesLinux());
    ASSERT_EQ(Numbers(), expected) << "with " << space << " bytes of room";
    ASSERT_EQ(RawNumbers(), expected) << "with " << space << " bytes of room";
  }
}

}  // namespace
}  // namespace tend::rotate
