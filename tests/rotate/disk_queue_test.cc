#include "rotate/disk_queue.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "rotate/app_log.h"
#include "rotate/batches.h"

namespace tend::rotate {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

RecordBatchPtr Bytes(const std::string& app, std::size_t size) {
  const std::size_t own = sizeof(RecordBatch) + sizeof(LineSpan);
  return BatchOf{.app = app}({std::string(size - own, 'x')});
}

class DiskQueueTest : public testing::Test {
 protected:
  DiskQueue queue_{{.bytes_max = 1 << 20, .lane_bytes_max = 512 << 10}};
};

TEST_F(DiskQueueTest, KeepsTheOrderOfBatchesAndCommandsOfAnApp) {
  std::string order;
  queue_.Command("a", [&] { order += '1'; });
  queue_.Push("a", Bytes("a", 1000));
  queue_.Command("a", [&] { order += '2'; });
  auto all = queue_.Take(Mono{});
  ASSERT_EQ(all.size(), 1u);
  ASSERT_EQ(all[0].items.size(), 3u);
  all[0].items[0].command();
  EXPECT_TRUE(all[0].items[1].batch);
  all[0].items[2].command();
  EXPECT_EQ(order, "12");
  EXPECT_THAT(queue_.Take(Mono{}), IsEmpty());
}

TEST_F(DiskQueueTest, ALaneIsFullAtItsLimitAndRoomIsAnnouncedOnce) {
  EXPECT_TRUE(queue_.HasRoom("a"));
  queue_.Push("a", Bytes("a", 512 << 10));
  EXPECT_FALSE(queue_.HasRoom("a"));
  EXPECT_FALSE(queue_.HasRoom("a"));
  EXPECT_TRUE(queue_.HasRoom("b"));
  queue_.Take(Mono{});
  EXPECT_FALSE(queue_.HasRoom("a"));
  EXPECT_THAT(queue_.Release("a", 100 << 10), IsEmpty());
  EXPECT_THAT(queue_.Release("a", 412 << 10), ElementsAre("a"));
  EXPECT_THAT(queue_.Release("a", 0), IsEmpty());
  EXPECT_TRUE(queue_.HasRoom("a"));
}

TEST_F(DiskQueueTest, AnAppThatIsHeldBackDoesNotStarveTheOthers) {
  for (const char* app : {"a", "b"})
    queue_.Push(app, Bytes(app, 512 << 10));
  queue_.Take(Mono{});
  EXPECT_TRUE(queue_.HasRoom("c"));
  queue_.Push("c", Bytes("c", 200 << 10));
  EXPECT_FALSE(queue_.HasRoom("c"));
  EXPECT_THAT(queue_.Release("c", 200 << 10), ElementsAre("c"));
}

TEST_F(DiskQueueTest, CountsWhatIsPushedWithoutAsking) {
  for (int i = 0; i < 6; ++i)
    queue_.Push("a", Bytes("a", 512 << 10));
  const auto all = queue_.Take(Mono{});
  ASSERT_EQ(all.size(), 1u);
  EXPECT_EQ(all[0].items.size(), 4u);
  EXPECT_EQ(all[0].lost_lines, 2u);
  EXPECT_GT(all[0].lost_bytes, 0u);
}

TEST_F(DiskQueueTest, WhatItRefusesIsDoneWithAllTheSame) {
  for (int i = 0; i < 4; ++i)
    queue_.Push("a", Bytes("a", 512 << 10));
  auto refused = std::make_shared<RecordBatch>(*Bytes("a", 1000));
  refused->mark.offset = 77;
  queue_.Push("a", refused);
  const auto all = queue_.Take(Mono{});
  ASSERT_EQ(all[0].items.size(), 5u);
  EXPECT_EQ(all[0].lost_lines, 1u);
  EXPECT_TRUE(all[0].items[4].batch->lines.empty());
  EXPECT_EQ(all[0].items[4].batch->mark.offset, 77u);
}

TEST_F(DiskQueueTest, AStopWakesWhoWaitsForWork) {
  queue_.Stop();
  EXPECT_THAT(queue_.Take(Mono::max()), IsEmpty());
  EXPECT_TRUE(queue_.stopping());
  EXPECT_FALSE(queue_.WaitFinished(Mono{}));
  queue_.Finish();
  EXPECT_TRUE(queue_.WaitFinished(Mono{}));
}

}  // namespace
}  // namespace tend::rotate
