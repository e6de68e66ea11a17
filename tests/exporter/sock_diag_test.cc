#include "exporter/sock_diag.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>

#include <gtest/gtest.h>

#include "base/fd.h"
#include "exporter/process_numbers.h"

namespace tend::exporter {
namespace {

// Two clients of a listening socket that nobody accepts from.
TEST(SockDiag, FindsAListeningSocketAndWhoWaitsAtIt) {
  const Fd listening(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  auto* const generic = reinterpret_cast<sockaddr*>(&address);
  socklen_t size = sizeof address;
  ASSERT_EQ(::bind(listening.get(), generic, size), 0);
  ASSERT_EQ(::listen(listening.get(), 8), 0);
  ASSERT_EQ(::getsockname(listening.get(), generic, &size), 0);
  const std::array<Fd, 2> clients = {Fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)),
                                     Fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0))};
  for (const Fd& client : clients)
    ASSERT_EQ(::connect(client.get(), generic, size), 0);
  const auto sockets = ListTcp();
  if (!sockets) GTEST_SKIP() << sockets.error().message();
  struct stat status {};
  ASSERT_EQ(::fstat(listening.get(), &status), 0);
  const auto found = std::find_if(sockets->begin(), sockets->end(), [&](const TcpSocket& socket) {
    return socket.inode == status.st_ino;
  });
  ASSERT_NE(found, sockets->end());
  EXPECT_EQ(found->state, TCP_LISTEN);
  EXPECT_EQ(found->port, ntohs(address.sin_port));
  EXPECT_EQ(found->queue, 2u);
}

TEST(SockDiag, WhatIsNoMessageEndsTheList) {
  std::vector<TcpSocket> sockets;
  EXPECT_FALSE(ParseDiag(std::string(100, '\0'), sockets));
  EXPECT_FALSE(ParseDiag(std::string(100, '\xff'), sockets));
  EXPECT_TRUE(ParseDiag("short", sockets));
  EXPECT_TRUE(sockets.empty());
}

TEST(SockDiag, StatesAreGrouped) {
  EXPECT_EQ(kTcpStates[TcpStateIndex(TCP_ESTABLISHED)], "established");
  EXPECT_EQ(kTcpStates[TcpStateIndex(TCP_SYN_SENT)], "connecting");
  EXPECT_EQ(kTcpStates[TcpStateIndex(TCP_CLOSE_WAIT)], "close_wait");
  EXPECT_EQ(kTcpStates[TcpStateIndex(TCP_LAST_ACK)], "closing");
  EXPECT_EQ(TcpStateIndex(TCP_LISTEN), kTcpStates.size());
}

}  // namespace
}  // namespace tend::exporter
