#include "base/link.h"

#include <gtest/gtest.h>

namespace tend {
namespace {

// Two ends on one real loop; Turn runs it until nothing is left to do.
class PacketChannelTest : public ::testing::Test {
 protected:
  PacketChannelTest() {
    auto pair = MakePacketPair();
    TEND_CHECK(pair);
    far_ = std::move(pair->second);
    near_ = std::make_unique<PacketChannel>(
        *loop_, std::move(pair->first),
        PacketChannel::Callbacks{[this](std::string_view p) { packets_.emplace_back(p); },
                                 [this] { closed_ = true; }, [this] { ++overflows_; }});
  }
  void Turn() {
    const auto stop = loop_->After(std::chrono::milliseconds(5), [this] { loop_->Stop(); });
    loop_->Run();
  }
  std::size_t ReadAllFromFar() {
    std::size_t count = 0;
    std::string buffer(kLinkPacketMax, '\0');
    for (;; ++count) {
      const auto packet = ReceivePacket(far_.get(), buffer);
      if (!packet || packet->size == 0) return count;
    }
  }

  std::unique_ptr<Loop> loop_ = MakeAsioLoop();
  Fd far_;
  std::unique_ptr<PacketChannel> near_;
  std::vector<std::string> packets_;
  bool closed_ = false;
  int overflows_ = 0;
};

TEST_F(PacketChannelTest, DeliversPacketsInOrder) {
  ASSERT_TRUE(SendPacket(far_.get(), "one"));
  ASSERT_TRUE(SendPacket(far_.get(), "two"));
  Turn();
  EXPECT_EQ(packets_, (std::vector<std::string>{"one", "two"}));
}

TEST_F(PacketChannelTest, QueuesWhatTheSocketRefusesAndSendsItLater) {
  constexpr std::size_t kPackets = 200;
  for (std::size_t i = 0; i < kPackets; ++i)
    near_->Send(std::string(10'000, 'x'));
  EXPECT_GT(near_->queued_bytes(), 0u);
  std::size_t received = 0;
  for (int turn = 0; turn < 100 && received < kPackets; ++turn) {
    received += ReadAllFromFar();
    Turn();
  }
  EXPECT_EQ(received, kPackets);
  EXPECT_EQ(near_->queued_bytes(), 0u);
}

TEST_F(PacketChannelTest, EmptiesAnOverfullQueueAndSaysSo) {
  const std::size_t packets = kLinkQueueMaxBytes / kLinkPacketMax + 20;
  for (std::size_t i = 0; i < packets; ++i)
    near_->Send(std::string(kLinkPacketMax, 'x'));
  EXPECT_LE(near_->queued_bytes(), kLinkQueueMaxBytes);
  Turn();
  EXPECT_EQ(overflows_, 1);
}

TEST_F(PacketChannelTest, TellsWhenThePeerLeaves) {
  far_.Reset();
  Turn();
  EXPECT_TRUE(closed_);
  near_->Send("into the void");
}

TEST_F(PacketChannelTest, CarriesDescriptorsThroughRawPackets) {
  auto pipe = MakePipe();
  ASSERT_TRUE(pipe);
  auto pair = MakePacketPair();
  ASSERT_TRUE(pair);
  const int fds[] = {pipe->write.get()};
  ASSERT_TRUE(SendPacket(pair->first.get(), "take this", fds));
  std::string buffer(64, '\0');
  auto packet = ReceivePacket(pair->second.get(), buffer);
  ASSERT_TRUE(packet);
  EXPECT_EQ(packet->size, 9u);
  ASSERT_EQ(packet->fds.size(), 1u);
  EXPECT_TRUE(packet->fds[0].valid());
}

}  // namespace
}  // namespace tend
