#include "supervisor/probes/file_watch.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <utime.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>

#include <gtest/gtest.h>

#include "real_loop.h"

namespace tend::probes {
namespace {

using std::chrono::milliseconds;

// A folder with files, a real loop, and a watch that notes what it says.
class FileWatches : public testing::Test {
 protected:
  void SetUp() override {
    char folder[] = "/tmp/tend-watch-XXXXXX";
    ASSERT_NE(::mkdtemp(folder), nullptr);
    folder_ = folder;
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  std::string Path(const std::string& name) const { return folder_ + '/' + name; }
  void Write(const std::string& name, const std::string& text = "x") const {
    std::ofstream(Path(name)) << text;
  }
  void Mkdir(const std::string& name) const { std::filesystem::create_directories(Path(name)); }

  void Watch(std::vector<std::string> paths, FileWatch::Options options = {}) {
    options.paths = std::move(paths);
    FileWatch::Callbacks callbacks;
    callbacks.on_change = [this](const std::string& path) {
      ++changes_;
      changed_ = path;
    };
    callbacks.on_incomplete = [this](const std::string& why) {
      ++incomplete_;
      why_ = why;
    };
    watch_ = std::make_unique<FileWatch>(*loop_, std::move(options), std::move(callbacks));
    ASSERT_TRUE(loop_.RunUntil([this] { return watch_->settled(); }));
  }
  // What changed first; "" if nothing did within some time after which it would have been said.
  std::string Change() {
    const int before = changes_;
    changed_.clear();
    loop_.RunUntil([&] { return changes_ > before; }, milliseconds(20'000));
    return changed_.starts_with(folder_ + '/') ? changed_.substr(folder_.size() + 1) : changed_;
  }
  bool IsQuiet() {
    const int before = changes_;
    loop_.RunUntil([&] { return changes_ > before; }, milliseconds(250));
    return changes_ == before;
  }

  std::string folder_, changed_, why_;
  RealLoop loop_;
  std::unique_ptr<FileWatch> watch_;
  int changes_ = 0, incomplete_ = 0;
};

TEST_F(FileWatches, FilesThatAreWrittenMadeAndRemoved) {
  Mkdir("src/deep");
  Write("src/deep/a.js");
  Watch({folder_});
  EXPECT_TRUE(IsQuiet());
  Write("src/deep/a.js", "y");
  EXPECT_EQ(Change(), "src/deep/a.js");
  Write("b.js");
  EXPECT_EQ(Change(), "b.js");
  std::filesystem::remove(Path("b.js"));
  EXPECT_EQ(Change(), "b.js");
}

TEST_F(FileWatches, ManyChangesAreOne) {
  Watch({folder_});
  for (int i = 0; i < 50; ++i)
    Write("f" + std::to_string(i));
  EXPECT_EQ(Change(), "f0");
  EXPECT_TRUE(IsQuiet());
  EXPECT_EQ(changes_, 1);
}

TEST_F(FileWatches, NewFoldersArePickedUpWithWhatIsInThem) {
  Watch({folder_});
  Mkdir("new/deeper");
  Write("new/deeper/a.js");
  EXPECT_EQ(Change(), "new");
  ASSERT_TRUE(loop_.RunUntil([this] { return watch_->settled(); }));
  Write("new/deeper/a.js", "y");
  EXPECT_EQ(Change(), "new/deeper/a.js");
}

TEST_F(FileWatches, WhatIsIgnoredIsNotSeen) {
  Mkdir("node_modules/x");
  Mkdir(".git");
  Watch({folder_});
  Write("node_modules/x/a.js");
  Write(".git/index");
  Write(".a.swp");
  EXPECT_TRUE(IsQuiet());
  FileWatch::Options options;
  options.ignore = {"logs", "*.tmp"};
  Mkdir("logs");
  Watch({folder_}, options);
  Write("logs/a.log");
  Write("x.tmp");
  EXPECT_TRUE(IsQuiet());
  Write(".env");
  EXPECT_EQ(Change(), ".env");
}

TEST_F(FileWatches, EditorsThatRenameAreSeenAgainAndAgain) {
  Write("a.js");
  Write("b.js");
  Watch({Path("a.js")});
  for (int round = 0; round < 2; ++round) {
    Write("a.js~", "y");
    std::filesystem::rename(Path("a.js~"), Path("a.js"));
    EXPECT_EQ(Change(), "a.js") << round;
  }
  Write("b.js", "y");
  EXPECT_TRUE(IsQuiet());
}

TEST_F(FileWatches, TouchIsAChangeAndChmodIsNot) {
  Write("a.js");
  const utimbuf old{1000, 1000};
  ASSERT_EQ(::utime(Path("a.js").c_str(), &old), 0);
  Watch({folder_});
  ASSERT_EQ(::chmod(Path("a.js").c_str(), 0600), 0);
  std::ofstream(Path("a.js"), std::ios::app).close();  // opened for writing, as it was
  EXPECT_TRUE(IsQuiet());
  ASSERT_EQ(::utime(Path("a.js").c_str(), nullptr), 0);
  EXPECT_EQ(Change(), "a.js");
}

TEST_F(FileWatches, APathThatAppearsLaterIsWatchedFromThenOn) {
  Watch({Path("a/b/src")});
  Write("other");
  EXPECT_TRUE(IsQuiet());
  Mkdir("a");
  EXPECT_TRUE(IsQuiet());
  Mkdir("a/b/src");
  EXPECT_EQ(Change(), "a/b/src");
  ASSERT_TRUE(loop_.RunUntil([this] { return watch_->settled(); }));
  Write("a/b/src/x.js");
  EXPECT_EQ(Change(), "a/b/src/x.js");
}

TEST_F(FileWatches, AFolderThatGoesAndComesBackIsWatchedStill) {
  Mkdir("src");
  Watch({Path("src")});
  std::filesystem::remove_all(Path("src"));
  EXPECT_EQ(Change(), "src");
  Mkdir("src");
  EXPECT_EQ(Change(), "src");
  ASSERT_TRUE(loop_.RunUntil([this] { return watch_->settled(); }));
  Write("src/a.js");
  EXPECT_EQ(Change(), "src/a.js");
  std::filesystem::rename(Path("src"), Path("old"));
  EXPECT_EQ(Change(), "src");
  ASSERT_TRUE(loop_.RunUntil([this] { return watch_->settled(); }));
  Write("old/a.js", "y");
  EXPECT_TRUE(IsQuiet());
}

TEST_F(FileWatches, AFolderThatMovesIsKnownByItsNewName) {
  Mkdir("src/old");
  Watch({Path("src")});
  std::filesystem::rename(Path("src/old"), Path("src/new"));
  EXPECT_EQ(Change(), "src/old");
  ASSERT_TRUE(loop_.RunUntil([this] { return watch_->settled(); }));
  Write("src/new/a.js");
  EXPECT_EQ(Change(), "src/new/a.js");
}

TEST_F(FileWatches, TheDelayIsCountedFromTheLastChange) {
  FileWatch::Options options;
  options.quiet = milliseconds(400);
  Watch({folder_}, options);
  const Mono begun = (*loop_).Now();
  Write("a");
  EXPECT_EQ(Change(), "a");
  EXPECT_GE((*loop_).Now() - begun, milliseconds(400));
}

TEST_F(FileWatches, TooManyFoldersAreSaidOnce) {
  for (int i = 0; i < 20; ++i)
    Mkdir("d" + std::to_string(i));
  FileWatch::Options options;
  options.folders_max = 5;
  Watch({folder_}, options);
  ASSERT_TRUE(loop_.RunUntil([this] { return incomplete_ > 0; }));
  Write("a");
  EXPECT_EQ(Change(), "a");
  EXPECT_EQ(incomplete_, 1);
  EXPECT_EQ(why_, "more than 5 folders");
}

TEST_F(FileWatches, AQueueThatRunsOverIsAChange) {
  int max = 0;
  std::ifstream("/proc/sys/fs/inotify/max_queued_events") >> max;
  if (max == 0 || max > 50'000) GTEST_SKIP() << "a long queue";
  Write("a");
  Write("b");
  Watch({folder_});
  // Two files in turn: the kernel does not join these.
  Fd a(::open(Path("a").c_str(), O_WRONLY | O_CLOEXEC));
  Fd b(::open(Path("b").c_str(), O_WRONLY | O_CLOEXEC));
  for (int i = 0; i <= max; ++i)
    ASSERT_EQ(::pwrite(i % 2 == 0 ? a.get() : b.get(), "x", 1, 0), 1);
  EXPECT_NE(Change(), "");
  ASSERT_TRUE(loop_.RunUntil([this] { return watch_->settled(); }));
  EXPECT_TRUE(IsQuiet());
  Write("c");
  EXPECT_EQ(Change(), "c");
}

}  // namespace
}  // namespace tend::probes
