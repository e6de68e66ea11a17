#include "rotate/log_store.h"

#include <cerrno>
#include <filesystem>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/loop.h"
#include "rotate/batches.h"
#include "rotate/log_reader.h"
#include "rotate/temp_folder.h"
#include "support/faulty_files.h"

namespace tend::rotate {
namespace {

using std::chrono::seconds;

// The real loop and the real disk thread: the tests wait for callbacks, never for time.
class LogStoreTest : public testing::Test {
 protected:
  LogStoreTest() {
    limits_.min_free = 0;
    LogStore::Options options;
    options.folder = folder_.path();
    options.queue_app_max_bytes = 64 << 10;
    options.on_fact = [this](Fact fact) { facts_.push_back(std::move(fact)); };
    options.on_room = [this](const std::string& app) {
      roomy_.push_back(app);
      loop_->Stop();
    };
    store_ = std::make_unique<LogStore>(*loop_, files_, std::move(options));
  }
  void Publish(const std::vector<std::string>& lines, BatchOf make = {}) {
    make.stamp = NowWall();
    store_->Publish(make(lines));
  }
  // Runs the loop until everything published so far is on disk.
  void Barrier(const std::string& app = "api") {
    store_->Barrier(app, [this] { loop_->Stop(); });
    RunLoop();
  }
  Result<> Wait(void (LogStore::*verb)(const std::string&, LogStore::Done)) {
    Result<> result = Error(Errc::kTimeout, "no answer");
    (store_.get()->*verb)("api", [&](Result<> answer) {
      result = std::move(answer);
      loop_->Stop();
    });
    RunLoop();
    return result;
  }
  void RunLoop() {
    const Loop::Watch deadline = loop_->After(seconds(30), [this] {
      ADD_FAILURE() << "nothing happened";
      loop_->Stop();
    });
    loop_->Run();
  }
  std::vector<std::string> Texts() {
    LogQuery query;
    query.apps = {{"api", store_->FolderOf("api")}};
    LogReader reader(FilesLinux(), query);
    std::vector<std::string> texts;
    do {
      auto lines = reader.Next(1000);
      EXPECT_TRUE(lines);
      if (!lines) break;
      for (StoredLine& line : *lines)
        texts.push_back(std::move(line.text));
    } while (!reader.at_end());
    return texts;
  }

  TempFolder folder_;
  FaultyFiles files_{FilesLinux()};
  std::unique_ptr<Loop> loop_ = MakeAsioLoop();
  config::LogConfig limits_;
  std::vector<Fact> facts_;
  std::vector<std::string> roomy_;
  std::unique_ptr<LogStore> store_;
};

TEST_F(LogStoreTest, EveryLineIsThereOnceAfterManyRotations) {
  limits_.max_size = 20'000;
  limits_.compress_delay = seconds(0);
  ASSERT_TRUE(store_->OpenApp("api", limits_, {}));
  std::vector<std::string> want;
  for (int i = 0; i < 400; ++i) {
    std::vector<std::string> lines;
    for (int k = 0; k < 10; ++k)
      lines.push_back(std::to_string(i * 10 + k));
    want.insert(want.end(), lines.begin(), lines.end());
    if (!store_->HasRoom({.app = "api"})) RunLoop();
    Publish(lines);
  }
  ASSERT_TRUE(store_->Shutdown(seconds(30)));
  EXPECT_EQ(Texts(), want);
  const LogStoreStats stats = store_->Stats();
  EXPECT_EQ(stats.apps.at("api").lines_written, 4000u);
  EXPECT_GT(stats.apps.at("api").rotations[0], 3u);
  EXPECT_GT(stats.file_system_size_bytes, 0u);
  EXPECT_TRUE(folder_.path().starts_with(stats.file_system_mount_point));
  EXPECT_FALSE(stats.file_system_mount_point.empty());
}

TEST_F(LogStoreTest, RefusesAnAppWhoseFolderIsTaken) {
  ASSERT_TRUE(store_->OpenApp("my app", limits_, {}));
  EXPECT_EQ(store_->OpenApp("my app", limits_, {}).error().code(), Errc::kExists);
  EXPECT_EQ(store_->OpenApp("my/app", limits_, {}).error().code(), Errc::kExists);
  store_->CloseApp("my app");
  EXPECT_TRUE(store_->OpenApp("my/app", limits_, {}));
  EXPECT_EQ(store_->Reconfigure("none", limits_, {}).error().code(), Errc::kNotFound);
}

TEST_F(LogStoreTest, AnswersToFlushRotateAndReopen) {
  ASSERT_TRUE(store_->OpenApp("api", limits_, {}));
  Publish({"1"});
  EXPECT_TRUE(Wait(&LogStore::Rotate));
  EXPECT_EQ(folder_.Names("api").size(), 2u);
  EXPECT_TRUE(Wait(&LogStore::Reopen));
  EXPECT_TRUE(Wait(&LogStore::Flush));
  EXPECT_EQ(folder_.Names("api").size(), 1u);
  store_->CloseApp("api");
  EXPECT_EQ(Wait(&LogStore::Flush).error().code(), Errc::kNotFound);
}

TEST_F(LogStoreTest, BlocksWhileTheDiskIsFullAndGoesOnAfterwards) {
  limits_.on_full = config::OnFull::kBlock;
  ASSERT_TRUE(store_->OpenApp("api", limits_, {}));
  Barrier();
  files_.FailAll({"Write"}, ENOSPC);
  int published = 0;
  while (store_->HasRoom({.app = "api"})) {
    Publish({std::to_string(published++) + std::string(1000, 'x')});
    Barrier();
  }
  EXPECT_GT(published, 10);
  EXPECT_TRUE(roomy_.empty());
  files_.Heal();
  RunLoop();
  EXPECT_THAT(roomy_, testing::ElementsAre("api"));
  EXPECT_TRUE(store_->HasRoom({.app = "api"}));
  Barrier();
  EXPECT_EQ(Texts().size(), static_cast<std::size_t>(published));
}

TEST_F(LogStoreTest, StatesFactsOnTheLoop) {
  files_.FailAll({"OpenAppend"}, EACCES);
  ASSERT_TRUE(store_->OpenApp("api", limits_, {}));
  Barrier();
  ASSERT_EQ(facts_.size(), 1u);
  EXPECT_EQ(facts_[0].id, FactId::kLogWriteFailed);
  EXPECT_EQ(facts_[0].app, "api");
  EXPECT_GT(facts_[0].time, Wall{});
}

TEST_F(LogStoreTest, LinesOfAnAppThatIsNotOpenAreCounted) {
  Publish({"1", "2"}, {.app = "ghost"});
  Barrier("ghost");
  Barrier("ghost");
  EXPECT_EQ(store_->Stats().lines_without_app, 2u);
}

TEST_F(LogStoreTest, ClosingWritesWhatWaitsAndForgetsTheNumbers) {
  ASSERT_TRUE(store_->OpenApp("api", limits_, {}));
  for (int i = 0; i < 50; ++i)
    Publish({std::to_string(i)});
  store_->CloseApp("api");
  Barrier();
  EXPECT_EQ(Texts().size(), 50u);
  Barrier();
  EXPECT_EQ(store_->Stats().apps.count("api"), 0u);
}

}  // namespace
}  // namespace tend::rotate
