#include <arpa/inet.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>
#include <optional>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "config/address.h"
#include "real_loop.h"
#include "supervisor/probes/http_check.h"
#include "supervisor/probes/tcp_check.h"

namespace tend::probes {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::HasSubstr;

// Listens on a free port of 127.0.0.1 (or ::1), and answers each connection with what it was given.
class Server {
 public:
  explicit Server(Loop& loop, std::string answer = {}, int family = AF_INET)
      : loop_(loop), answer_(std::move(answer)) {
    socket_.Reset(::socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    sockaddr_storage storage{};
    socklen_t size = 0;
    if (family == AF_INET) {
      sockaddr_in address{};
      address.sin_family = AF_INET;
      address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
      std::memcpy(&storage, &address, size = sizeof address);
    } else {
      sockaddr_in6 address{};
      address.sin6_family = AF_INET6;
      address.sin6_addr = in6addr_loopback;
      std::memcpy(&storage, &address, size = sizeof address);
    }
    auto* any = reinterpret_cast<sockaddr*>(&storage);
    works_ = ::bind(socket_.get(), any, size) == 0 && ::listen(socket_.get(), 8) == 0 &&
             ::getsockname(socket_.get(), any, &size) == 0;
    sockaddr_in head{};  // the port is at the same place in both
    std::memcpy(&head, &storage, sizeof head);
    port_ = ntohs(head.sin_port);
    watch_ = loop_.OnReadable(socket_.get(), [this] { Accept(); });
  }

  bool works() const { return works_; }
  std::uint16_t port() const { return port_; }
  const std::string& heard() const { return heard_; }
  bool is_closed() const { return closed_; }

 private:
  void Accept() {
    connection_.Reset(::accept4(socket_.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (!connection_.valid()) return;
    reads_ = loop_.OnReadable(connection_.get(), [this] {
      char buffer[512];
      const ssize_t size = ::recv(connection_.get(), buffer, sizeof buffer, 0);
      if (size <= 0) {
        closed_ = true;
        reads_.reset();
        return;
      }
      heard_.append(buffer, static_cast<std::size_t>(size));
      if (!heard_.ends_with("\r\n\r\n") || answer_.empty()) return;
      (void)::send(connection_.get(), answer_.data(), answer_.size(), MSG_NOSIGNAL);
    });
  }

  Loop& loop_;
  const std::string answer_;
  std::string heard_;
  Fd socket_, connection_;
  bool works_ = false, closed_ = false;
  std::uint16_t port_ = 0;
  Loop::Watch watch_, reads_;
};

config::Address At(std::uint16_t port, const std::string& host = "127.0.0.1") {
  return {host, port, ""};
}

class ConnectionChecks : public testing::Test {
 protected:
  CheckDone Done() {
    return [this](CheckResult result) { result_ = std::move(result); };
  }
  // "good", or why not.
  std::string Wait() {
    EXPECT_TRUE(loop_.RunUntil([this] { return result_.has_value(); }));
    if (!result_) return "nothing";
    return result_->is_good() ? "good" : result_->why;
  }
  std::string Get(const Server& server, const std::string& path = "/health") {
    result_.reset();
    const HttpCheck check(*loop_, At(server.port()), path, seconds(5), Done());
    return Wait();
  }

  RealLoop loop_;
  std::optional<CheckResult> result_;
};

TEST_F(ConnectionChecks, APortThatListensIsGood) {
  const Server server(*loop_);
  const TcpCheck check(*loop_, At(server.port()), seconds(5), Done());
  EXPECT_EQ(Wait(), "good");
}

TEST_F(ConnectionChecks, APortThatDoesNotIsBadAtOnce) {
  std::uint16_t port = 0;
  {
    const Server server(*loop_);
    port = server.port();
  }
  const TcpCheck check(*loop_, At(port, "localhost"), seconds(5), Done());
  EXPECT_THAT(Wait(), HasSubstr("connect"));
}

TEST_F(ConnectionChecks, LocalhostIsBothFamilies) {
  const Server server(*loop_, "HTTP/1.1 204 No Content\r\n\r\n", AF_INET6);
  if (!server.works()) GTEST_SKIP() << "there is no IPv6";
  const HttpCheck check(*loop_, At(server.port(), "localhost"), "/", seconds(5), Done());
  EXPECT_EQ(Wait(), "good");
}

TEST_F(ConnectionChecks, OnlyAStatusOf2xxIsGood) {
  const std::pair<const char*, const char*> cases[] = {
      {"HTTP/1.1 200 OK\r\n\r\n", "good"},
      {"HTTP/1.0 204\r\n", "good"},
      {"HTTP/1.1 503 Service Unavailable\r\n\r\n", "status 503"},
      {"HTTP/1.1 302 Found\r\n", "status 302"},
      {"SSH-2.0-OpenSSH\r\n", "the answer is no HTTP"},
      {"HTTP/1.1 2000\r\n", "the answer is no HTTP"},
  };
  for (const auto& [answer, said] : cases) {
    const Server server(*loop_, answer);
    EXPECT_EQ(Get(server), said) << answer;
  }
  const Server endless(*loop_, std::string(5000, 'x'));
  EXPECT_EQ(Get(endless), "the answer is no HTTP");
}

TEST_F(ConnectionChecks, ARequestIsWhatServersExpect) {
  const Server server(*loop_, "HTTP/1.1 200 OK\r\n\r\n");
  EXPECT_EQ(Get(server, "/health?deep=1"), "good");
  EXPECT_THAT(server.heard(), HasSubstr("GET /health?deep=1 HTTP/1.1\r\nHost: 127.0.0.1:"));
  EXPECT_THAT(server.heard(), HasSubstr("Connection: close\r\n"));
  EXPECT_TRUE(loop_.RunUntil([&] { return server.is_closed(); }));
}

TEST_F(ConnectionChecks, OneThatNeverAnswersIsGivenUpAtTheDeadline) {
  const Server server(*loop_);
  const HttpCheck check(*loop_, At(server.port()), "/", milliseconds(30), Done());
  EXPECT_EQ(Wait(), "no answer within 30ms");
  EXPECT_TRUE(loop_.RunUntil([&] { return server.is_closed(); }));
}

TEST_F(ConnectionChecks, AConnectionThatIsThereAlreadyIsUsed) {
  int pair[2];
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
  Fd ours(pair[0]), theirs(pair[1]);
  const HttpCheck check(*loop_, std::move(ours), "/h", seconds(5), Done());
  const std::string answer = "HTTP/1.1 200 OK\r\n";
  ASSERT_EQ(::send(theirs.get(), answer.data(), answer.size(), 0),
            static_cast<ssize_t>(answer.size()));
  EXPECT_EQ(Wait(), "good");
  char buffer[512];
  const ssize_t size = ::recv(theirs.get(), buffer, sizeof buffer, 0);
  ASSERT_GT(size, 0);
  EXPECT_THAT(std::string(buffer, static_cast<std::size_t>(size)), HasSubstr("GET /h HTTP/1.1"));
}

TEST_F(ConnectionChecks, AConnectionThatIsClosedIsBad) {
  int pair[2];
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
  Fd ours(pair[0]);
  Fd(pair[1]).Reset();
  const HttpCheck check(*loop_, std::move(ours), "/h", seconds(5), Done());
  EXPECT_NE(Wait(), "good");
}

TEST_F(ConnectionChecks, UnixSocketsAreReached) {
  char folder[] = "/tmp/tend-probes-XXXXXX";
  ASSERT_NE(::mkdtemp(folder), nullptr);
  const std::string path = std::string(folder) + "/x.sock";
  Fd listener(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path.copy(address.sun_path, sizeof address.sun_path - 1);
  ASSERT_EQ(::bind(listener.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  ASSERT_EQ(::listen(listener.get(), 1), 0);
  {
    const TcpCheck check(*loop_, *config::ParsePeer("unix:" + path), seconds(5), Done());
    EXPECT_EQ(Wait(), "good");
  }
  ::unlink(path.c_str());
  result_.reset();
  const TcpCheck check(*loop_, *config::ParsePeer("unix:" + path), seconds(5), Done());
  EXPECT_THAT(Wait(), HasSubstr("No such file"));
  ::rmdir(folder);
}

TEST_F(ConnectionChecks, OneThatNobodyWantsAnyMoreSaysNothing) {
  const Server server(*loop_, "HTTP/1.1 200 OK\r\n");
  { const HttpCheck check(*loop_, At(server.port()), "/", seconds(5), Done()); }
  bool later = false;
  const auto timer = (*loop_).After(milliseconds(20), [&] { later = true; });
  EXPECT_TRUE(loop_.RunUntil([&] { return later; }));
  EXPECT_FALSE(result_.has_value());
}

TEST_F(ConnectionChecks, ACheckMayBeDestroyedByWhoeverIsTold) {
  const Server server(*loop_, "HTTP/1.1 200 OK\r\n");
  std::unique_ptr<HttpCheck> check;
  bool told = false;
  check = std::make_unique<HttpCheck>(*loop_, At(server.port()), "/", seconds(5),
                                      [&](const CheckResult& result) {
                                        told = result.is_good();
                                        check.reset();
                                      });
  EXPECT_TRUE(loop_.RunUntil([&] { return told; }));
}

}  // namespace
}  // namespace tend::probes
