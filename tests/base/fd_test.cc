#include "base/fd.h"

#include <sys/socket.h>

#include <array>
#include <string>

#include <gtest/gtest.h>

namespace tend {
namespace {

TEST(Inode, IsTheSameForBothEndsOfAPipeAndForNoOther) {
  const auto one = MakePipe(), other = MakePipe();
  ASSERT_TRUE(one && other);
  EXPECT_NE(Inode(one->read.get()), 0u);
  EXPECT_EQ(Inode(one->read.get()), Inode(one->write.get()));
  EXPECT_NE(Inode(one->read.get()), Inode(other->read.get()));
  EXPECT_EQ(Inode(-1), 0u);
}

TEST(SendSome, SaysWhatWentAndWhenNothingDoes) {
  int ends[2];
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
  const Fd near(ends[0]);
  Fd far(ends[1]);
  const std::string much(8u << 20, 'x');
  const auto some = SendSome(near.get(), much, {}, MSG_DONTWAIT);
  ASSERT_TRUE(some);
  EXPECT_GT(*some, 0u);
  EXPECT_LT(*some, much.size());
  const auto full = SendSome(near.get(), much, {}, MSG_DONTWAIT);
  ASSERT_FALSE(full);
  EXPECT_EQ(full.error().code(), Errc::kBusy);
  far.Reset();
  const auto gone = SendSome(near.get(), "x", {}, MSG_DONTWAIT);
  ASSERT_FALSE(gone);
  EXPECT_EQ(gone.error().code(), Errc::kUnreachable);
}

TEST(SendSome, TakesDescriptorsAlong) {
  const auto pair = MakePacketPair();
  const auto pipe = MakePipe();
  ASSERT_TRUE(pair && pipe);
  const std::array fds{pipe->read.get(), pipe->write.get()};
  const auto sent = SendSome(pair->first.get(), "two", fds);
  ASSERT_TRUE(sent);
  EXPECT_EQ(*sent, 3u);
  std::array<char, 8> buffer{};
  const auto packet = ReceivePacket(pair->second.get(), buffer);
  ASSERT_TRUE(packet);
  ASSERT_EQ(packet->fds.size(), 2u);
  EXPECT_EQ(Inode(packet->fds[1].get()), Inode(pipe->write.get()));
}

}  // namespace
}  // namespace tend
