#include "exporter/http_server.h"

#include <sys/stat.h>

#include <atomic>
#include <condition_variable>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <mutex>
#include <stdexcept>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "exporter/raw_client.h"

namespace tend::exporter {
namespace {

namespace fs = std::filesystem;
using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

// A number that a test waits for.
class Watched {
 public:
  void Add(int change) {
    const std::lock_guard lock(mutex_);
    value_ += change;
    changed_.notify_all();
  }
  bool Reaches(int value) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, std::chrono::seconds(20), [&] { return value_ == value; });
  }
  int value() {
    const std::lock_guard lock(mutex_);
    return value_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  int value_ = 0;
};

// Gives out what `next` says, and tells when it comes and goes.
class TestStream final : public BodyStream {
 public:
  TestStream(Watched& alive, std::function<std::string()> next, int rounds)
      : alive_(alive), next_(std::move(next)), rounds_(rounds) {
    alive_.Add(1);
  }
  ~TestStream() override { alive_.Add(-1); }
  std::string Next() override {
    if (rounds_ == 0) return {};
    --rounds_;
    return next_();
  }
  bool done() const override { return rounds_ == 0; }

 private:
  Watched& alive_;
  const std::function<std::string()> next_;
  int rounds_;  // Negative: without end.
};

class HttpServerTest : public testing::Test {
 protected:
  HttpServerTest() : server_([this](const HttpRequest& request) { return Handle(request); }) {
    std::string name = (fs::temp_directory_path() / "tend-http-XXXXXX").string();
    folder_ = ::mkdtemp(name.data());
    socket_ = folder_ / "http.sock";
  }
  ~HttpServerTest() override {
    server_.Stop();
    fs::remove_all(folder_);
  }

  void StartTcp() {
    const Result<> listening = server_.ListenTcp("127.0.0.1:0");
    ASSERT_TRUE(listening) << listening.error().message();
    server_.Start();
  }
  void StartUnix() {
    const Result<> listening = server_.ListenUnix(socket_);
    ASSERT_TRUE(listening) << listening.error().message();
    server_.Start();
  }
  RawClient Connect() { return RawClient::Tcp(server_.bound_address()); }
  // Sends that, and reads all until the server closes.
  std::string Exchange(const std::string& request) {
    RawClient client = Connect();
    client.Send(request);
    return client.ReadAll();
  }
  static std::string Get(const std::string& target, const std::string& headers = "") {
    return "GET " + target + " HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n" + headers +
           "\r\n";
  }

  HttpResponse Handle(const HttpRequest& request) {
    HttpResponse response;
    if (request.path == "/echo") {
      response.content_type = "text/plain";
      response.body = request.Query("say") + '|' + request.accept + '|' + request.accept_encoding;
      response.headers.emplace_back("X-Test", "yes");
    } else if (request.path == "/body") {
      response.content_type = "text/plain";
      response.body =
          (request.is_read ? "reads " : "writes ") + std::to_string(request.body.size());
    } else if (request.path == "/big") {
      response.content_type = "text/plain";
      response.body.assign(100000, 'b');
    } else if (request.path == "/shared") {
      response.content_type = "text/plain";
      response.shared = shared_;
      response.shared_is_gzip = !request.Query("gzip").empty();
    } else if (request.path == "/throw") {
      throw std::runtime_error("out of luck");
    } else if (request.path == "/lines") {
      auto round = std::make_shared<int>(0);
      // Every other time there is nothing yet.
      response.stream = std::make_unique<TestStream>(
          streams_,
          [round] {
            ++*round;
            return *round % 2 == 0 ? std::string() : "line " + std::to_string(*round) + '\n';
          },
          3);
    } else if (request.path == "/quiet") {
      response.stream = std::make_unique<TestStream>(
          streams_, [] { return std::string(); }, -1);
    } else if (request.path == "/flood") {
      response.stream = std::make_unique<TestStream>(
          streams_,
          [this] {
            flooded_.fetch_add(65536);
            return std::string(65536, 'f');
          },
          -1);
    } else if (request.path == "/broken-stream") {
      response.stream = std::make_unique<TestStream>(
          streams_, []() -> std::string { throw std::runtime_error("no more"); }, -1);
    } else {
      return ErrorResponse(404, "there is nothing at " + request.path);
    }
    return response;
  }

  const SharedChunks shared_ = std::make_shared<const Chunks>(
      Chunks{std::string(kChunkBytes, 'a'), "b", std::string(kChunkBytes, 'c')});
  fs::path folder_;
  fs::path socket_;
  Watched streams_;
  std::atomic<std::size_t> flooded_ = 0;
  HttpServer server_;
};

TEST_F(HttpServerTest, AnswersWithWhatTheHandlerSays) {
  StartTcp();
  const std::string answer =
      Exchange(Get("/echo?say=a%20b", "Accept: text/x\r\nAccept-Encoding: br\r\n"));
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 200 OK\r\n"));
  EXPECT_THAT(answer, HasSubstr("\r\nContent-Type: text/plain\r\n"));
  EXPECT_THAT(answer, HasSubstr("\r\nX-Test: yes\r\n"));
  EXPECT_THAT(answer, HasSubstr("\r\nVary: Accept, Accept-Encoding\r\n"));
  EXPECT_THAT(answer, EndsWith("\r\n\r\na b|text/x|br"));
}

TEST_F(HttpServerTest, SaysWhereItListens) {
  EXPECT_EQ(server_.bound_address(), "");
  StartTcp();
  EXPECT_THAT(server_.bound_address(), StartsWith("127.0.0.1:"));
  EXPECT_NE(server_.bound_address(), "127.0.0.1:0");
}

TEST_F(HttpServerTest, HeadHasTheHeadersOfGetAndNoBody) {
  StartTcp();
  RawClient client = Connect();
  client.Send("HEAD /big HTTP/1.1\r\nHost: localhost\r\n\r\n");
  const std::string head = client.ReadAnswer(false);
  EXPECT_THAT(head, HasSubstr("Content-Length: 100000\r\n"));
  EXPECT_THAT(head, EndsWith("\r\n\r\n"));
  client.Send("GET /echo?say=next HTTP/1.1\r\nHost: localhost\r\n\r\n");
  EXPECT_THAT(client.ReadAnswer(), EndsWith("next||")) << "nothing of the body came between";
}

TEST_F(HttpServerTest, HeadOfAStreamEndsWithItsHeaders) {
  StartTcp();
  EXPECT_THAT(Exchange("HEAD /quiet HTTP/1.1\r\nHost: localhost\r\n\r\n"), EndsWith("\r\n\r\n"));
  EXPECT_TRUE(streams_.Reaches(0));
}

TEST_F(HttpServerTest, OtherMethodsAreToldWhichAreServed) {
  StartTcp();
  for (const char* method : {"POST", "DELETE", "BREW"}) {
    const std::string answer =
        Exchange(std::string(method) +
                 " /echo HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
                 "Content-Length: 2\r\n\r\nhi");
    EXPECT_THAT(answer, StartsWith("HTTP/1.1 405 ")) << method;
    EXPECT_THAT(answer, HasSubstr("\r\nAllow: GET, HEAD\r\n")) << method;
  }
}

TEST_F(HttpServerTest, TheUnixSocketTakesBodies) {
  StartUnix();
  for (const char* method : {"POST", "PUT"}) {
    RawClient client = RawClient::Unix(socket_);
    client.Send(std::string(method) +
                " /body HTTP/1.1\r\nHost: tend\r\nConnection: close\r\n"
                "Content-Length: 100000\r\n\r\n" +
                std::string(100000, 'x'));
    EXPECT_THAT(client.ReadAll(), EndsWith("\r\n\r\nwrites 100000")) << method;
  }
  RawClient client = RawClient::Unix(socket_);
  client.Send("DELETE /body HTTP/1.1\r\nHost: tend\r\nConnection: close\r\n\r\n");
  EXPECT_THAT(client.ReadAll(), StartsWith("HTTP/1.1 405 "));
}

TEST_F(HttpServerTest, WhatIsNotThereIsA404InJson) {
  StartTcp();
  const std::string answer = Exchange(Get("/no\"where"));
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 404 "));
  EXPECT_THAT(answer, HasSubstr("Content-Type: application/json"));
  EXPECT_THAT(answer, EndsWith("{\"error\":\"there is nothing at /no\\\"where\"}\n"));
}

TEST_F(HttpServerTest, AHandlerThatThrowsMakesA500AndTheServerGoesOn) {
  StartTcp();
  EXPECT_THAT(Exchange(Get("/throw")), StartsWith("HTTP/1.1 500 "));
  EXPECT_THAT(Exchange(Get("/echo")), StartsWith("HTTP/1.1 200 "));
}

TEST_F(HttpServerTest, AConnectionIsKeptForTheNextRequest) {
  StartTcp();
  RawClient client = Connect();
  for (const char* word : {"one", "two", "three"}) {
    client.Send(std::string("GET /echo?say=") + word + " HTTP/1.1\r\nHost: localhost\r\n\r\n");
    EXPECT_THAT(client.ReadAnswer(), EndsWith(std::string(word) + "||"));
  }
  EXPECT_FALSE(client.closed());
}

TEST_F(HttpServerTest, RequestsSentAtOnceAreAnsweredInOrder) {
  StartTcp();
  RawClient client = Connect();
  client.Send(
      "GET /echo?say=one HTTP/1.1\r\nHost: localhost\r\n\r\n"
      "GET /echo?say=two HTTP/1.1\r\nHost: localhost\r\n\r\n");
  EXPECT_THAT(client.ReadAnswer(), EndsWith("one||"));
  EXPECT_THAT(client.ReadAnswer(), EndsWith("two||"));
}

TEST_F(HttpServerTest, Http10ClosesAfterTheAnswer) {
  StartTcp();
  EXPECT_THAT(Exchange("GET /echo?say=old HTTP/1.0\r\n\r\n"), EndsWith("old||"));
}

TEST_F(HttpServerTest, LargeBodiesAreCompressedForThoseWhoAsk) {
  StartTcp();
  EXPECT_THAT(Exchange(Get("/big")), Not(HasSubstr("Content-Encoding")));
  EXPECT_THAT(Exchange(Get("/echo", "Accept-Encoding: gzip\r\n")),
              Not(HasSubstr("Content-Encoding")));
  const std::string answer = Exchange(Get("/big", "Accept-Encoding: gzip\r\n"));
  EXPECT_THAT(answer, HasSubstr("Content-Encoding: gzip\r\n"));
  EXPECT_THAT(answer, HasSubstr("\r\n\r\n\x1f\x8b"));
  EXPECT_LT(answer.size(), 2000u);
}

TEST_F(HttpServerTest, WhatIsSharedIsSentInPiecesAndKept) {
  StartTcp();
  const std::string body = (*shared_)[0] + (*shared_)[1] + (*shared_)[2];
  RawClient client = Connect();
  for (int i = 0; i < 2; ++i) {
    client.Send("GET /shared HTTP/1.1\r\nHost: localhost\r\n\r\n");
    const std::string answer = client.ReadAnswer();
    EXPECT_THAT(answer, HasSubstr("Content-Length: " + std::to_string(body.size()) + "\r\n"));
    EXPECT_THAT(answer, Not(HasSubstr("Content-Encoding")));
    EXPECT_TRUE(answer.ends_with("\r\n\r\n" + body));
  }
  client.Send("HEAD /shared?gzip=1 HTTP/1.1\r\nHost: localhost\r\n\r\n");
  const std::string head = client.ReadAnswer(false);
  EXPECT_THAT(head, HasSubstr("Content-Encoding: gzip\r\n"));
  EXPECT_THAT(head, HasSubstr("Content-Length: " + std::to_string(body.size()) + "\r\n"));
  EXPECT_THAT(head, EndsWith("\r\n\r\n"));
}

TEST_F(HttpServerTest, TooLongHeadersAreRefusedSoThatTheClientLearnsIt) {
  StartTcp();
  RawClient client = Connect();
  client.Send(Get("/echo", "X-Long: " + std::string(100000, 'x') + "\r\n"));
  EXPECT_THAT(client.ReadAll(), StartsWith("HTTP/1.1 431 "));
}

TEST_F(HttpServerTest, HeadersOfLessThan8KiBAreTaken) {
  StartTcp();
  EXPECT_THAT(Exchange(Get("/echo", "X-Long: " + std::string(7000, 'x') + "\r\n")),
              StartsWith("HTTP/1.1 200 "));
}

TEST_F(HttpServerTest, ATooLargeBodyIsRefused) {
  StartTcp();
  EXPECT_THAT(Exchange("POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: 70000\r\n\r\n"),
              StartsWith("HTTP/1.1 413 "));
}

TEST_F(HttpServerTest, WhatIsNoHttpIsRefused) {
  StartTcp();
  EXPECT_THAT(Exchange("hello there\r\n\r\n"), StartsWith("HTTP/1.1 400 "));
  EXPECT_THAT(Exchange(std::string("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 tls\r\n", 18)),
              StartsWith("HTTP/1.1 400 "));
  EXPECT_THAT(Exchange("GET * HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"),
              StartsWith("HTTP/1.1 400 "));
}

TEST_F(HttpServerTest, ASlowClientHoldsNobodyUp) {
  StartTcp();
  RawClient slow = Connect();
  slow.Send("GET /echo HTTP/1.1\r\nHo");
  EXPECT_THAT(Exchange(Get("/echo")), StartsWith("HTTP/1.1 200 "));
  slow.Send("st: localhost\r\nConnection: close\r\n\r\n");
  EXPECT_THAT(slow.ReadAll(), StartsWith("HTTP/1.1 200 "));
}

TEST_F(HttpServerTest, ARequestThatDoesNotArriveInTimeIsCutOff) {
  HttpServer server([this](const HttpRequest& request) { return Handle(request); },
                    {.read = std::chrono::milliseconds(50)});
  ASSERT_TRUE(server.ListenTcp("127.0.0.1:0"));
  server.Start();
  RawClient silent = RawClient::Tcp(server.bound_address());
  RawClient slow = RawClient::Tcp(server.bound_address());
  slow.Send("GET /echo HTTP/1.1\r\nHo");
  EXPECT_EQ(slow.ReadAll(), "");
  EXPECT_TRUE(slow.closed());
  EXPECT_EQ(silent.ReadAll(), "");
  EXPECT_TRUE(silent.closed());
}

TEST_F(HttpServerTest, AReaderThatTakesNothingInTimeIsCutOff) {
  HttpServer server([this](const HttpRequest& request) { return Handle(request); },
                    {.write = std::chrono::milliseconds(50)});
  ASSERT_TRUE(server.ListenTcp("127.0.0.1:0"));
  server.Start();
  RawClient stalled = RawClient::Tcp(server.bound_address());
  stalled.Send("GET /flood HTTP/1.1\r\nHost: localhost\r\n\r\n");
  ASSERT_TRUE(stalled.ReadUntilText("\r\n\r\n"));
  EXPECT_TRUE(streams_.Reaches(0));
}

TEST_F(HttpServerTest, AQuietStreamIsNotCutOff) {
  HttpServer server(
      [this](const HttpRequest& request) { return Handle(request); },
      {.read = std::chrono::milliseconds(500), .write = std::chrono::milliseconds(500)});
  ASSERT_TRUE(server.ListenTcp("127.0.0.1:0"));
  server.Start();
  RawClient client = RawClient::Tcp(server.bound_address());
  client.Send("GET /quiet HTTP/1.1\r\nHost: localhost\r\n\r\n");
  ASSERT_TRUE(client.ReadUntilText("\r\n\r\n"));
  EXPECT_FALSE(client.ReadUntil([](const std::string&) { return false; }, std::chrono::seconds(2)));
  EXPECT_FALSE(client.closed());
  EXPECT_EQ(streams_.value(), 1);
  client.Close();
  EXPECT_TRUE(streams_.Reaches(0));
}

TEST_F(HttpServerTest, NamesOfOthersAreNotAnsweredOnLoopback) {
  StartTcp();
  const auto with_host = [this](const std::string& host) {
    return Exchange("GET /echo HTTP/1.1\r\nHost: " + host + "\r\nConnection: close\r\n\r\n");
  };
  EXPECT_THAT(with_host("evil.example:9616"), StartsWith("HTTP/1.1 403 "));
  EXPECT_THAT(with_host("127.0.0.1:9616"), StartsWith("HTTP/1.1 200 "));
  EXPECT_THAT(with_host("[::1]:9616"), StartsWith("HTTP/1.1 200 "));
}

TEST_F(HttpServerTest, OnTheUnixSocketAnyHostIsAnswered) {
  StartUnix();
  RawClient client = RawClient::Unix(socket_);
  ASSERT_TRUE(client.connected());
  client.Send("GET /echo?say=hi HTTP/1.1\r\nHost: tend\r\nConnection: close\r\n\r\n");
  EXPECT_THAT(client.ReadAll(), EndsWith("hi||"));
}

TEST_F(HttpServerTest, TheSocketFileIsForUserAndGroup) {
  StartUnix();
  struct stat file {};
  ASSERT_EQ(::stat(socket_.c_str(), &file), 0);
  EXPECT_EQ(file.st_mode & 0777u, 0660u);
}

TEST_F(HttpServerTest, ASocketFileThatNobodyAnswersAtIsReplaced) {
  {
    HttpServer before([](const HttpRequest&) { return HttpResponse(); });
    ASSERT_TRUE(before.ListenUnix(socket_));
  }
  ASSERT_TRUE(fs::exists(socket_)) << "as a crash leaves it";
  StartUnix();
  EXPECT_TRUE(RawClient::Unix(socket_).connected());
}

TEST_F(HttpServerTest, ASocketThatSomebodyAnswersAtIsLeftAlone) {
  StartUnix();
  HttpServer second([](const HttpRequest&) { return HttpResponse(); });
  const Result<> listening = second.ListenUnix(socket_);
  ASSERT_FALSE(listening);
  EXPECT_EQ(listening.error().code(), Errc::kBusy);
  EXPECT_TRUE(RawClient::Unix(socket_).connected());
}

TEST_F(HttpServerTest, AFileThatIsNoSocketIsNeverRemoved) {
  std::ofstream(socket_) << "somebody's";
  const Result<> listening = server_.ListenUnix(socket_);
  ASSERT_FALSE(listening);
  EXPECT_EQ(listening.error().code(), Errc::kExists);
  EXPECT_EQ(fs::file_size(socket_), 10u);
}

TEST_F(HttpServerTest, ASocketPathThatIsTooLongIsAnError) {
  const Result<> listening = server_.ListenUnix(folder_ / std::string(120, 'x'));
  ASSERT_FALSE(listening);
  EXPECT_EQ(listening.error().code(), Errc::kInvalid);
  EXPECT_THAT(listening.error().message(), HasSubstr("at most 107 bytes"));
}

TEST_F(HttpServerTest, APortInUseIsNamedAndTheUnixSocketServesAllTheSame) {
  StartTcp();
  HttpServer second([this](const HttpRequest& request) { return Handle(request); });
  const Result<> listening = second.ListenTcp(server_.bound_address());
  ASSERT_FALSE(listening);
  EXPECT_EQ(listening.error().message(),
            "listen on " + server_.bound_address() + ": Address already in use");
  ASSERT_TRUE(second.ListenUnix(socket_));
  second.Start();
  EXPECT_EQ(second.bound_address(), "");
  RawClient client = RawClient::Unix(socket_);
  client.Send(Get("/echo?say=still"));
  EXPECT_THAT(client.ReadAll(), EndsWith("still||"));
}

TEST_F(HttpServerTest, WhatIsNoAddressIsAnError) {
  for (const char* address : {"9616", "127.0.0.1", "127.0.0.1:http", "127.0.0.1:99999", ""}) {
    const Result<> listening = server_.ListenTcp(address);
    ASSERT_FALSE(listening) << address;
    EXPECT_EQ(listening.error().code(), Errc::kInvalid);
  }
}

TEST_F(HttpServerTest, AStreamComesInChunksUntilItsEnd) {
  StartTcp();
  const std::string answer = Exchange("GET /lines HTTP/1.1\r\nHost: localhost\r\n\r\n");
  EXPECT_THAT(answer, HasSubstr("Transfer-Encoding: chunked\r\n"));
  EXPECT_THAT(answer, HasSubstr("Connection: close\r\n"));
  EXPECT_THAT(answer, EndsWith("\r\n\r\n7\r\nline 1\n\r\n7\r\nline 3\n\r\n0\r\n\r\n"));
  EXPECT_TRUE(streams_.Reaches(0));
}

TEST_F(HttpServerTest, AStreamForHttp10IsNotChunked) {
  StartTcp();
  EXPECT_THAT(Exchange("GET /lines HTTP/1.0\r\n\r\n"), EndsWith("\r\n\r\nline 1\nline 3\n"));
}

TEST_F(HttpServerTest, AStreamEndsWhenItsClientLeaves) {
  StartTcp();
  RawClient client = Connect();
  client.Send("GET /quiet HTTP/1.1\r\nHost: localhost\r\n\r\n");
  ASSERT_TRUE(client.ReadUntilText("\r\n\r\n"));
  ASSERT_TRUE(streams_.Reaches(1));
  const auto left = std::chrono::steady_clock::now();
  client.Close();
  EXPECT_TRUE(streams_.Reaches(0));
  EXPECT_LT(std::chrono::steady_clock::now() - left, std::chrono::seconds(15));
}

TEST_F(HttpServerTest, AStalledReaderIsGivenNoMoreThanItTakes) {
  StartTcp();
  RawClient stalled = Connect();
  stalled.Send("GET /flood HTTP/1.1\r\nHost: localhost\r\n\r\n");
  ASSERT_TRUE(streams_.Reaches(1));
  // The buffers of the kernel fill up; then Next() is not called any more, however often others
  // are served meanwhile.
  std::size_t before = 0;
  int quiet_rounds = 0;
  for (int i = 0; i < 2000 && quiet_rounds < 50; ++i) {
    EXPECT_THAT(Exchange(Get("/echo")), StartsWith("HTTP/1.1 200 "));
    quiet_rounds = flooded_.load() == before ? quiet_rounds + 1 : 0;
    before = flooded_.load();
  }
  EXPECT_EQ(quiet_rounds, 50);
  EXPECT_LT(flooded_.load(), 64u << 20);
  stalled.Close();
  EXPECT_TRUE(streams_.Reaches(0));
}

TEST_F(HttpServerTest, AStreamThatThrowsIsCutOffWithoutItsEnd) {
  StartTcp();
  const std::string answer = Exchange("GET /broken-stream HTTP/1.1\r\nHost: localhost\r\n\r\n");
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 200 "));
  EXPECT_THAT(answer, Not(EndsWith("0\r\n\r\n")));
  EXPECT_TRUE(streams_.Reaches(0));
  EXPECT_THAT(Exchange(Get("/echo")), StartsWith("HTTP/1.1 200 "));
}

TEST_F(HttpServerTest, ConnectionsAreBoundedAndRoomIsFoundAgain) {
  StartTcp();
  std::vector<RawClient> clients;
  for (std::size_t i = 0; i < kConnectionsMax; ++i) {
    clients.push_back(Connect());
    clients.back().Send("GET /quiet HTTP/1.1\r\nHost: localhost\r\n\r\n");
  }
  ASSERT_TRUE(streams_.Reaches(static_cast<int>(kConnectionsMax)));
  EXPECT_EQ(Exchange(Get("/echo")), "") << "one too many";
  clients.clear();
  ASSERT_TRUE(streams_.Reaches(0));
  EXPECT_THAT(Exchange(Get("/echo")), StartsWith("HTTP/1.1 200 "));
}

TEST_F(HttpServerTest, StopsWithStreamsOpen) {
  Watched streams;
  auto server = std::make_unique<HttpServer>([&streams](const HttpRequest&) {
    HttpResponse response;
    response.stream = std::make_unique<TestStream>(
        streams, [] { return std::string(); }, -1);
    return response;
  });
  ASSERT_TRUE(server->ListenTcp("127.0.0.1:0"));
  server->Start();
  RawClient client = RawClient::Tcp(server->bound_address());
  client.Send("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n");
  ASSERT_TRUE(streams.Reaches(1));
  server.reset();
  EXPECT_EQ(streams.value(), 0);
  client.ReadAll();
  EXPECT_TRUE(client.closed());
}

TEST_F(HttpServerTest, NeverStartedItStopsAsWell) {
  ASSERT_TRUE(server_.ListenTcp("127.0.0.1:0"));
  server_.Stop();
}

}  // namespace
}  // namespace tend::exporter
