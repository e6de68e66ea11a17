#include "supervisor/keeper_client.h"

#include <chrono>
#include <cstring>
#include <memory>
#include <optional>
#include <vector>

#include <gtest/gtest.h>

namespace tend::supervisor {
namespace {

// The client with the test at the keeper's end of its socket.
class Client : public testing::Test {
 protected:
  Client() {
    client_.emplace(*loop_, pair_.first.Release(),
                    KeeperClient::Callbacks{[this](StoreKind kind, std::uint64_t id, Fd fd) {
                                              EXPECT_EQ(kind, StoreKind::kPidfd);
                                              EXPECT_TRUE(fd.valid());
                                              got_.push_back(id);
                                            },
                                            [this] { ++replay_ends_; },
                                            [this] {
                                              ++closed_;
                                              loop_->Stop();
                                            }});
  }

  // nullopt: nothing is there.
  std::optional<KeeperMessage> Receive() {
    KeeperMessage message;
    char bytes[sizeof message];
    const auto packet = ReceivePacket(pair_.second.get(), bytes);
    if (!packet || packet->size != sizeof message) return std::nullopt;
    std::memcpy(&message, bytes, sizeof message);
    EXPECT_EQ(packet->fds.size(), message.op == KeeperOp::kPut ? 1u : 0u);
    return message;
  }
  void SendAsKeeper(KeeperOp op, std::uint64_t id, std::vector<int> fds = {}) {
    KeeperMessage message;
    message.op = op;
    message.kind = StoreKind::kPidfd;
    message.id = id;
    char bytes[sizeof message];
    std::memcpy(bytes, &message, sizeof message);
    ASSERT_TRUE(SendPacket(pair_.second.get(), {bytes, sizeof bytes}, fds));
  }

  std::unique_ptr<Loop> loop_ = MakeAsioLoop();
  SocketPair pair_ = *MakePacketPair();
  std::optional<KeeperClient> client_;
  std::vector<std::uint64_t> got_;
  int replay_ends_ = 0, closed_ = 0;
};

TEST_F(Client, QueuesWhatTheKeeperDoesNotTakeAndKeepsTheOrder) {
  std::uint64_t count = 0;
  while (client_->queued() < 100)
    ASSERT_TRUE(client_->Put(StoreKind::kStdout, count++, pair_.second.get()));
  std::uint64_t next = 0;
  const auto deadline = loop_->After(std::chrono::seconds(20), [this] { loop_->Stop(); });
  const auto reader = loop_->OnReadable(pair_.second.get(), [&] {
    while (const auto message = Receive()) {
      EXPECT_EQ(message->id, next);
      ++next;
    }
    if (next == count) loop_->Stop();
  });
  loop_->Run();
  EXPECT_EQ(next, count);
  EXPECT_EQ(client_->queued(), 0u);
}

TEST_F(Client, RefusesMoreThanItsQueueHolds) {
  Result<> last;
  for (int i = 0; i < 100'000 && last; ++i)
    last = client_->Drop(StoreKind::kStdout, 1);
  ASSERT_FALSE(last);
  EXPECT_EQ(last.error().code(), Errc::kLimit);
  EXPECT_EQ(client_->queued(), KeeperClient::kQueueMax);
}

TEST_F(Client, HandsOnWhatTheKeeperSaysUntilItIsGone) {
  SendAsKeeper(KeeperOp::kPut, 7, {pair_.second.get()});
  SendAsKeeper(KeeperOp::kPut, 8);  // without a descriptor it is none
  SendAsKeeper(KeeperOp::kReplayEnd, 0);
  ASSERT_TRUE(SendPacket(pair_.second.get(), "what?"));
  pair_.second.Reset();
  loop_->Run();
  EXPECT_EQ(got_, std::vector<std::uint64_t>{7});
  EXPECT_EQ(replay_ends_, 1);
  EXPECT_EQ(closed_, 1);
  EXPECT_EQ(client_->Ready().error().code(), Errc::kUnreachable);
}

}  // namespace
}  // namespace tend::supervisor
