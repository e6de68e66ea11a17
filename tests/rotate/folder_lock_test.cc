#include "rotate/folder_lock.h"

#include <unistd.h>

#include <filesystem>

#include "rotate/worker_fixture.h"

namespace tend::rotate {
namespace {

TEST(FolderLock, OneHasItAtATime) {
  TempFolder folder;
  auto first = LockFolder(folder.path());
  ASSERT_TRUE(first);
  const auto second = LockFolder(folder.path());
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code(), Errc::kBusy);
  EXPECT_TRUE(second.error().message().ends_with("writes the log in " + folder.path()));
  first->Reset();
  EXPECT_TRUE(LockFolder(folder.path()));
  EXPECT_EQ(LockFolder(folder.At("none")).error().code(), Errc::kNotFound);
}

class LockingWorkerTest : public WorkerFixture {
 protected:
  LockingWorkerTest() {
    worker_ = std::make_unique<DiskWorker>(
        files_, DiskWorker::Options{.folder = folder_.path(), .locks = true},
        DiskWorker::Hooks{[this](Fact fact) { facts_.push_back(std::move(fact)); },
                          [](const std::string&, std::size_t) {}});
  }
};

TEST_F(LockingWorkerTest, HoldsTheFolderOfAnOpenApp) {
  Open();
  EXPECT_FALSE(LockFolder(folder_.At("api")));
  worker_->Close("api", now_);
  EXPECT_TRUE(LockFolder(folder_.At("api")));
}

TEST_F(LockingWorkerTest, WritesAndSaysSoWhereSomebodyElseDoes) {
  std::filesystem::create_directory(folder_.At("api"));
  auto other = LockFolder(folder_.At("api"));
  Open();
  Write({"1"});
  EXPECT_EQ(CountFacts(FactId::kLogShared), 1);
  EXPECT_EQ(Lines().size(), 1u);
  // Once that one is gone it is ours.
  other->Reset();
  AdvanceAndSettle(std::chrono::seconds(61));
  Write({"2"});
  AdvanceAndSettle(std::chrono::seconds(61));
  EXPECT_FALSE(LockFolder(folder_.At("api")));
  EXPECT_EQ(CountFacts(FactId::kLogShared), 1);
}

}  // namespace
}  // namespace tend::rotate
