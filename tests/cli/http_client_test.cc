#include "cli/http_client.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <ostream>
#include <thread>

#include <gtest/gtest.h>

#include "base/fd.h"

namespace tend::cli {
namespace {

struct Parsed {
  Result<> result;
  int status = 0;
  bool complete = false;
  std::string body;
};

// Feeds `text` in pieces of `step` bytes; the peer closes afterwards if nothing is missing.
Parsed Parse(std::string_view text, std::size_t step) {
  Parsed parsed{Result<>(), 0, false, {}};
  HttpResponse response([&](std::string_view bytes) { parsed.body.append(bytes); });
  for (std::size_t at = 0; at < text.size() && parsed.result; at += step)
    parsed.result = response.Feed(text.substr(at, step));
  if (parsed.result) parsed.result = response.End();
  parsed.status = response.status();
  parsed.complete = response.complete();
  return parsed;
}

struct Case {
  const char* name;
  std::string text;
  int status;
  std::string body;
  bool whole;
  friend void PrintTo(const Case& value, std::ostream* out) { *out << value.name; }
};

class HttpAnswers : public testing::TestWithParam<Case> {};

TEST_P(HttpAnswers, AreReadInPiecesOfAnySize) {
  for (std::size_t step = 1; step <= GetParam().text.size(); ++step) {
    const Parsed parsed = Parse(GetParam().text, step);
    ASSERT_EQ(parsed.result.has_value(), GetParam().whole) << "step " << step;
    ASSERT_EQ(parsed.status, GetParam().status) << "step " << step;
    ASSERT_EQ(parsed.body, GetParam().body) << "step " << step;
  }
}

INSTANTIATE_TEST_SUITE_P(
    All,
    HttpAnswers,
    testing::Values(
        Case{"Length", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", 200, "hello", true},
        Case{"LengthThenRubbish", "HTTP/1.1 200 OK\r\ncontent-length:5\r\n\r\nhelloHTTP", 200,
             "hello", true},
        Case{"NoBody", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", 200, "", true},
        Case{"NoContent", "HTTP/1.1 204 No Content\r\n\r\n", 204, "", true},
        Case{"UntilClose", "HTTP/1.0 404 Not Found\r\n\r\nno such app", 404, "no such app", true},
        Case{"Chunks",
             "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
             "5\r\nhello\r\n1;x=y\r\n \r\n00A\r\n0123456789\r\n0\r\n\r\n",
             200, "hello 0123456789", true},
        Case{"ChunksWithTrailer",
             "HTTP/1.1 200 OK\r\ntransfer-encoding:  Chunked \r\n\r\n2\r\nab\r\n0\r\nX: y\r\n\r\n",
             200, "ab", true},
        Case{"Continue",
             "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx", 200, "x",
             true},
        Case{"ShortBody", "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhello", 200, "hello", false},
        Case{"ChunkedWithoutEnd",
             "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n", 200, "hello",
             false},
        Case{"LyingChunk",
             "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhello\r\n0\r\n\r\n", 200,
             "he", false},
        Case{"ChunkWithoutSize", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nhello",
             200, "", false},
        Case{"HugeChunkSize",
             "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n", 200, "",
             false},
        Case{"BadLength", "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", 0, "", false},
        Case{"BadHeader", "HTTP/1.1 200 OK\r\nnonsense\r\n\r\n", 0, "", false},
        Case{"OtherCoding", "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n", 0, "", false},
        Case{"BadStatus", "HTTP/1.1 OK\r\n\r\n", 0, "", false},
        Case{"Garbage", "\x16\x03\x01 not http at all", 0, "", false},
        Case{"Cut", "HTTP/1.1 200 OK\r\nContent-", 0, "", false},
        Case{"Nothing", "H", 0, "", false}),
    [](const testing::TestParamInfo<Case>& one) { return one.param.name; });

TEST(HttpResponse, RefusesAHeadWithoutEnd) {
  HttpResponse response([](std::string_view) {});
  ASSERT_TRUE(response.Feed("HTTP/1.1 200 OK\r\n"));
  EXPECT_FALSE(response.Feed(std::string(20'000, 'x')));
}

TEST(PercentEncode, LeavesOnlyUnreservedCharacters) {
  EXPECT_EQ(PercentEncode("a-b_c.~9"), "a-b_c.~9");
  EXPECT_EQ(PercentEncode("a b&c=é/"), "a%20b%26c%3D%C3%A9%2F");
}

// Answers each connection with the next of `answers` and closes it.
class CannedServer {
 public:
  explicit CannedServer(std::vector<std::string> answers) : answers_(std::move(answers)) {
    char folder[] = "/tmp/tend-http-XXXXXX";
    folder_ = ::mkdtemp(folder);
    path_ = folder_ + "/s";
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, path_.c_str(), path_.size());
    listener_ = Fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    ::bind(listener_.get(), reinterpret_cast<sockaddr*>(&address), sizeof address);
    ::listen(listener_.get(), 4);
    thread_ = std::thread([this] { Serve(); });
  }
  ~CannedServer() {
    ::shutdown(listener_.get(), SHUT_RDWR);
    thread_.join();
    std::filesystem::remove_all(folder_);
  }
  const std::string& path() const { return path_; }
  const std::string& request() const { return request_; }

 private:
  void Serve() {
    for (const std::string& answer : answers_) {
      const Fd client(::accept(listener_.get(), nullptr, nullptr));
      if (!client.valid()) return;
      char buffer[4096];
      const ssize_t n = ::read(client.get(), buffer, sizeof buffer);
      request_.assign(buffer, n > 0 ? static_cast<std::size_t>(n) : 0);
      [[maybe_unused]] const ssize_t sent = ::write(client.get(), answer.data(), answer.size());
    }
  }
  std::vector<std::string> answers_;
  std::string folder_, path_, request_;
  Fd listener_;
  std::thread thread_;
};

TEST(HttpGet, AsksForTheTargetAndReturnsTheBody) {
  CannedServer server({"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"});
  const auto reply = HttpGet(server.path(), "/api/v1/apps?x=1", std::chrono::seconds(5));
  ASSERT_TRUE(reply) << reply.error().message();
  EXPECT_EQ(reply->status, 200);
  EXPECT_EQ(reply->body, "ok");
  EXPECT_EQ(server.request(),
            "GET /api/v1/apps?x=1 HTTP/1.1\r\nHost: tend\r\nConnection: close\r\n\r\n");
}

TEST(HttpGet, SaysThatNobodyListens) {
  const auto reply = HttpGet("/nowhere/at/all", "/", std::chrono::seconds(1));
  ASSERT_FALSE(reply);
  EXPECT_EQ(reply.error().code(), Errc::kUnreachable);
}

TEST(HttpGet, SaysThatTheAnswerBrokeOff) {
  CannedServer server({"HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\nok"});
  const auto reply = HttpGet(server.path(), "/", std::chrono::seconds(5));
  ASSERT_FALSE(reply);
  EXPECT_EQ(reply.error().code(), Errc::kUnreachable);
}

TEST(HttpStream, HandsOnPiecesUntilItIsTold) {
  CannedServer server({"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n"});
  std::string body;
  const auto status = HttpStream(
      server.path(), "/", std::chrono::seconds(5),
      [&](std::string_view bytes) { body.append(bytes); }, [&] { return body.empty(); });
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code(), Errc::kBusy);
  EXPECT_EQ(body, "abc");
}

}  // namespace
}  // namespace tend::cli
