#include "supervisor/sidecar/attached_workers.h"

#include <gtest/gtest.h>

namespace tend::supervisor {
namespace {

using namespace std::chrono_literals;  // NOLINT(google-build-using-namespace)
using Slots = std::vector<int>;

class AttachedWorkersTest : public ::testing::Test {
 protected:
  AttachedWorkers::Changes See(const std::vector<FoundProcess>& found) {
    now_ += 1s;
    return workers_.Update(found, now_, [](const FoundProcess& process) {
      return Wall(std::chrono::seconds(process.start_ticks));
    });
  }
  const WorkerStatus& At(int slot) const { return *workers_.Find(slot); }

  AttachedWorkers workers_;
  Wall now_{1000s};
};

TEST_F(AttachedWorkersTest, AProcessIsAWorker) {
  const auto changes = See({{42, 7}});
  EXPECT_EQ(changes.started, Slots{0});
  EXPECT_EQ(At(0).pid, 42);
  EXPECT_EQ(At(0).state, WorkerState::kOnline);
  EXPECT_EQ(At(0).starts, 1u);
  EXPECT_EQ(At(0).restarts(), 0u);
  EXPECT_EQ(At(0).started, Wall(7s));
  EXPECT_FALSE(At(0).last_exit);
  EXPECT_FALSE(See({{42, 7}}).any());
}

TEST_F(AttachedWorkersTest, ComesBackAsTheSameWorker) {
  See({{42, 7}});
  const auto gone = See({});
  EXPECT_EQ(gone.ended, Slots{0});
  EXPECT_EQ(At(0).state, WorkerState::kStopped);
  EXPECT_EQ(At(0).pid, 0);
  EXPECT_FALSE(At(0).last_exit->known);
  EXPECT_EQ(At(0).last_exit->time, now_);
  EXPECT_FALSE(See({}).any());
  EXPECT_EQ(See({{43, 9}}).started, Slots{0});
  EXPECT_EQ(At(0).starts, 2u);
  EXPECT_EQ(At(0).restarts(), 1u);
  EXPECT_EQ(At(0).incarnation, 2u);
}

TEST_F(AttachedWorkersTest, AnotherProcessWithTheSamePidIsAnother) {
  See({{42, 7}});
  const auto changes = See({{42, 9}});
  EXPECT_EQ(changes.ended, Slots{0});
  EXPECT_EQ(changes.started, Slots{0});
  EXPECT_EQ(At(0).starts, 2u);
}

TEST_F(AttachedWorkersTest, SlotsAreStableWhileProcessesLive) {
  EXPECT_EQ(See({{1, 1}, {2, 2}, {3, 3}}).started, (Slots{0, 1, 2}));
  EXPECT_EQ(See({{3, 3}, {1, 1}}).ended, Slots{1});
  EXPECT_EQ(At(2).pid, 3);
  EXPECT_EQ(See({{1, 1}, {3, 3}, {4, 4}, {5, 5}}).started, (Slots{1, 3}));
  EXPECT_EQ(At(1).pid, 4);
  EXPECT_EQ(At(3).pid, 5);
}

TEST_F(AttachedWorkersTest, FreeSlotsAreForgottenButTheFirst) {
  See({{1, 1}, {2, 2}, {3, 3}});
  See({{3, 3}});
  now_ += AttachedWorkers::kFreeMax;
  EXPECT_EQ(See({{3, 3}}).dropped, Slots{1});
  EXPECT_EQ(workers_.workers().size(), 2u);
  EXPECT_EQ(At(0).state, WorkerState::kStopped);
  EXPECT_EQ(At(2).pid, 3);
  EXPECT_EQ(See({{3, 3}, {4, 4}, {5, 5}}).started, (Slots{0, 1}));
  EXPECT_EQ(At(1).starts, 1u);
}

}  // namespace
}  // namespace tend::supervisor
