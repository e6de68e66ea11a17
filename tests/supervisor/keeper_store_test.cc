#include "supervisor/keeper_store.h"

#include <fcntl.h>
#include <unistd.h>

#include <memory>

#include <gtest/gtest.h>

#include "base/fd.h"

namespace tend::supervisor {
namespace {

class Store : public testing::Test {
 protected:
  // Numbers that no descriptor has: the store closes nothing with them.
  static int Number(int i) { return 10'000'000 + i; }
  // Takes what is pending for the role.
  int Tell(RoleId role) {
    int count = 0;
    while (KeeperStore::Entry* const entry = store_->NextPending(role)) {
      entry->pending = false;
      ++count;
    }
    return count;
  }
  std::unique_ptr<KeeperStore> store_ = std::make_unique<KeeperStore>();
};

TEST_F(Store, TellsTheOwnerOfTheKindAndNobodyElse) {
  ASSERT_TRUE(store_->Put(StoreKind::kStdout, 1, Number(1), true));
  ASSERT_TRUE(store_->Put(StoreKind::kPidfd, 1, Number(2), false));
  EXPECT_EQ(store_->NextPending(RoleId::kCore), nullptr);
  ASSERT_NE(store_->NextPending(RoleId::kSidecar), nullptr);
  EXPECT_EQ(store_->NextPending(RoleId::kSidecar)->fd, Number(1));
  EXPECT_EQ(Tell(RoleId::kSidecar), 1);
  EXPECT_EQ(Tell(RoleId::kSidecar), 0);
}

TEST_F(Store, TellsOfWhatIsPutWhereSomethingElseWas) {
  for (std::uint64_t id = 0; id < 3; ++id)
    ASSERT_TRUE(store_->Put(StoreKind::kStdout, id, Number(1), true));
  EXPECT_EQ(Tell(RoleId::kSidecar), 3);
  store_->Drop(StoreKind::kStdout, 0);
  ASSERT_TRUE(store_->Put(StoreKind::kStdout, 9, Number(1), true));
  EXPECT_EQ(Tell(RoleId::kSidecar), 1);
}

TEST_F(Store, ReplaysAllThatIsARolesAndStillThere) {
  for (std::uint64_t id = 0; id < 5; ++id) {
    ASSERT_TRUE(store_->Put(StoreKind::kPidfd, id, Number(1), false));
    ASSERT_TRUE(store_->Put(StoreKind::kStderr, id, Number(1), true));
  }
  Tell(RoleId::kSidecar);
  store_->Drop(StoreKind::kPidfd, 3);
  store_->Replay(RoleId::kCore);
  EXPECT_EQ(Tell(RoleId::kCore), 4);
  EXPECT_EQ(Tell(RoleId::kSidecar), 0);
}

TEST_F(Store, ClosesWhatIsReplacedOrDropped) {
  const Pipe pipe = *MakePipe();
  const int first = Duplicate(pipe.read.get())->Release();
  const int second = Duplicate(pipe.read.get())->Release();
  ASSERT_TRUE(store_->Put(StoreKind::kStdout, 1, first, true));
  ASSERT_TRUE(store_->Put(StoreKind::kStdout, 1, second, true));
  EXPECT_LT(::fcntl(first, F_GETFD), 0);
  EXPECT_EQ(Tell(RoleId::kSidecar), 1);
  store_->Drop(StoreKind::kStdout, 1);
  EXPECT_LT(::fcntl(second, F_GETFD), 0);
}

TEST_F(Store, RefusesWhenItIsFullAndTakesAgainAfterADrop) {
  for (std::uint64_t id = 0; id < kStoreEntries; ++id)
    ASSERT_TRUE(store_->Put(StoreKind::kPidfd, id, Number(1), false));
  EXPECT_FALSE(store_->Put(StoreKind::kStdout, 1, Number(1), true));
  store_->Drop(StoreKind::kPidfd, 77);
  EXPECT_TRUE(store_->Put(StoreKind::kStdout, 1, Number(1), true));
  EXPECT_EQ(Tell(RoleId::kSidecar), 1);
}

}  // namespace
}  // namespace tend::supervisor
