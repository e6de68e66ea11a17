#include "cli/port_holder.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <gtest/gtest.h>

#include "base/fd.h"

namespace tend::cli {
namespace {

TEST(PortInUse, ReadsWhatNodePythonAndNginxSay) {
  EXPECT_EQ(PortInUse({"Error: listen EADDRINUSE: address already in use :::3000"}), 3000);
  EXPECT_EQ(PortInUse({"Error: listen EADDRINUSE: address already in use 127.0.0.1:8080"}), 8080);
  EXPECT_EQ(PortInUse({"nginx: [emerg] bind() to 0.0.0.0:80 failed (98: Address already in use)"}),
            80);
  EXPECT_EQ(PortInUse({"OSError: [Errno 98] Address already in use"}), -1);
  EXPECT_EQ(
      PortInUse({"  code: 'EADDRINUSE',", "  errno: -98,", "  address: '::',", "  port: 3000"}),
      3000);
  EXPECT_EQ(PortInUse({"TypeError: x is not a function", "port: 3000"}), 0);
  EXPECT_EQ(PortInUse({}), 0);
}

TEST(PortHolder, FindsThisProcess) {
  const Fd socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  ASSERT_EQ(::bind(socket.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  ASSERT_EQ(::listen(socket.get(), 1), 0);
  socklen_t size = sizeof address;
  ASSERT_EQ(::getsockname(socket.get(), reinterpret_cast<sockaddr*>(&address), &size), 0);
  EXPECT_EQ(PortHolder(ntohs(address.sin_port)), ::getpid());
  EXPECT_EQ(ProcessName(::getpid()), "cli_test");
}

TEST(PortHolder, IsNobodyWhenThereIsNothingToRead) {
  EXPECT_EQ(PortHolder(3000, "/nowhere"), 0);
  EXPECT_EQ(ProcessName(1, "/nowhere"), "");
}

}  // namespace
}  // namespace tend::cli
