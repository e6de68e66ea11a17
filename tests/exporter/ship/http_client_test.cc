#include "exporter/ship/http_client.h"

#include <thread>

#include <gmock/gmock.h>

#include "base/files.h"
#include "exporter/ship/test_server.h"

namespace tend::exporter {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;
using Kind = HttpAnswer::Kind;

config::PeerConfig Peer(const std::string& url, std::chrono::nanoseconds timeout = seconds(20)) {
  config::PeerConfig peer;
  peer.url = url;
  peer.timeout = timeout;
  return peer;
}

std::string Response(std::string_view status,
                     std::string_view body = "",
                     std::string_view more = "") {
  std::string text = "HTTP/1.1 " + std::string(status) + "\r\n" + std::string(more) +
                     "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n";
  return text.append(body);
}

std::string SecretFile(std::string_view text) {
  std::string path = ::testing::TempDir() + "tend-secret-XXXXXX";
  const Fd fd(::mkstemp(path.data()));
  EXPECT_TRUE(WriteAll(FilesLinux(), fd.get(), text));
  return path;
}

TEST(HttpClient, SaysWhatTheServerAnswered) {
  Echo echo{Response("204 No Content")};
  TestServer server(std::ref(echo));
  HttpClient client(Peer(server.Url()));
  const HttpAnswer answer = client.Post("/push", "body", {{"Content-Type", "text/plain"}});
  EXPECT_TRUE(answer.ok()) << answer.error;
  EXPECT_EQ(answer.status, 204);
  EXPECT_EQ(answer.sent_bytes, 4U);
  EXPECT_THAT(echo.request(), StartsWith("POST /push HTTP/1.1\r\n"));
  EXPECT_THAT(echo.request(), HasSubstr("User-Agent: tend/"));
  EXPECT_THAT(echo.request(), HasSubstr("Content-Type: text/plain\r\n"));
  EXPECT_THAT(echo.request(), ::testing::EndsWith("\r\n\r\nbody"));
}

TEST(HttpClient, KeepsItsConnection) {
  Echo echo{Response("200 OK", "fine")};
  TestServer server(std::ref(echo));
  HttpClient client(Peer(server.Url()));
  for (int i = 0; i < 5; ++i)
    EXPECT_TRUE(client.Post("", "x", {}).ok());
  EXPECT_EQ(server.connections(), 1);
}

TEST(HttpClient, PutsThePathOnlyBehindAnUrlWithoutOne) {
  Echo echo{Response("200 OK")};
  TestServer server(std::ref(echo));
  HttpClient with_path(Peer(server.Url() + "/own?a=b"));
  EXPECT_TRUE(with_path.Post("/push", "", {}).ok());
  EXPECT_THAT(echo.request(), StartsWith("POST /own?a=b HTTP/1.1\r\n"));
}

TEST(HttpClient, PutsThePathBeforeAQuery) {
  Echo echo{Response("200 OK")};
  TestServer server(std::ref(echo));
  HttpClient with_query(Peer(server.Url() + "/?a=b"));
  EXPECT_TRUE(with_query.Post("/push", "", {}).ok());
  EXPECT_THAT(echo.request(), StartsWith("POST /push?a=b HTTP/1.1\r\n"));
}

TEST(HttpClient, SendsALargeBodyAtOnce) {
  Echo echo{Response("200 OK")};
  TestServer server(std::ref(echo));
  HttpClient client(Peer(server.Url()));
  EXPECT_TRUE(client.Post("/", std::string(3 << 20, 'x'), {}).ok());
  EXPECT_THAT(echo.request().substr(0, 500), Not(HasSubstr("Expect")));
  EXPECT_GT(echo.request().size(), 3U << 20);
}

TEST(HttpClient, ReadsPasswordsFromTheirFileForEachRequest) {
  Echo echo{Response("401 Unauthorized", "no such user\nat all")};
  TestServer server(std::ref(echo));
  config::PeerConfig peer = Peer(server.Url());
  peer.username = "me";
  peer.password_file = SecretFile("secret\n");
  HttpClient client(peer);
  const HttpAnswer answer = client.Post("/", "", {});
  EXPECT_EQ(Explain(answer), "answered 401 Unauthorized: no such user");
  EXPECT_THAT(echo.request(), HasSubstr("Authorization: Basic bWU6c2VjcmV0\r\n"));
  ASSERT_TRUE(WriteFileAtomically(FilesLinux(), peer.password_file, "other", 0600));
  client.Post("/", "", {});
  EXPECT_THAT(echo.request(), HasSubstr("Authorization: Basic bWU6b3RoZXI=\r\n"));
}

TEST(HttpClient, SendsATokenAndHeadersOfThePeer) {
  Echo echo{Response("200 OK")};
  TestServer server(std::ref(echo));
  config::PeerConfig peer = Peer("");
  peer.url_file = SecretFile(server.Url() + "\n");
  peer.token_file = SecretFile("t0ken\n");
  peer.headers = {{"X-Scope-OrgID", "team"}, {"content-type", "theirs"}};
  HttpClient client(peer);
  EXPECT_TRUE(client.Post("/", "", {{"Content-Type", "ours"}}).ok());
  EXPECT_THAT(echo.request(), HasSubstr("Authorization: Bearer t0ken\r\n"));
  EXPECT_THAT(echo.request(), HasSubstr("X-Scope-OrgID: team\r\n"));
  EXPECT_THAT(echo.request(), HasSubstr("Content-Type: ours\r\n"));
  EXPECT_THAT(echo.request(), Not(HasSubstr("theirs")));
}

TEST(HttpClient, SendsNothingWithoutItsSecret) {
  Echo echo{Response("200 OK")};
  TestServer server(std::ref(echo));
  config::PeerConfig peer = Peer(server.Url());
  peer.token_file = "/nowhere/token";
  HttpClient client(peer);
  const HttpAnswer answer = client.Post("/", "", {});
  EXPECT_EQ(answer.kind, Kind::kSetup);
  EXPECT_THAT(answer.error, HasSubstr("/nowhere/token"));
  EXPECT_EQ(server.connections(), 0);
}

TEST(HttpClient, RefusesUrlsAndHeadersThatAreNone) {
  for (const char* url : {"", "loki:3100x", "ftp://host/", "http://", "http://h:99999"}) {
    HttpClient client(Peer(url));
    EXPECT_EQ(client.Post("/", "", {}).kind, Kind::kSetup) << url;
  }
  HttpClient client(Peer("http://127.0.0.1:1"));
  EXPECT_EQ(client.Post("/", "", {{"X", "a\r\nY: b"}}).kind, Kind::kSetup);
}

TEST(HttpClient, ReadsWhenToComeBack) {
  Echo echo{Response("429 Too Many Requests", "slow down", "Retry-After: 17\r\n")};
  TestServer server(std::ref(echo));
  HttpClient client(Peer(server.Url()));
  EXPECT_EQ(client.Post("/", "", {}).retry_after, seconds(17));
  echo.Answer(
      Response("503 Service Unavailable", "", "Retry-After: Fri, 01 Jan 2100 00:00:00 GMT\r\n"));
  EXPECT_EQ(client.Post("/", "", {}).retry_after, std::chrono::hours(24));
  echo.Answer(Response("503 Service Unavailable", "", "Retry-After: 99999999999999\r\n"));
  EXPECT_EQ(client.Post("/", "", {}).retry_after, std::chrono::hours(24));
  echo.Answer(Response("503 Service Unavailable"));
  EXPECT_FALSE(client.Post("/", "", {}).retry_after);
}

TEST(HttpClient, DoesNotFollowRedirects) {
  Echo echo{Response("302 Found", "", "Location: http://127.0.0.1:1/\r\n")};
  TestServer server(std::ref(echo));
  HttpClient client(Peer(server.Url()));
  EXPECT_EQ(client.Post("/", "", {}).status, 302);
}

TEST(HttpClient, KeepsTheBeginningOfABodyAsUtf8) {
  Echo echo{Response("500 Internal Server Error", "\xff" + std::string(3 << 20, 'x'))};
  TestServer server(std::ref(echo));
  HttpClient client(Peer(server.Url()));
  const HttpAnswer answer = client.Post("/", "", {});
  EXPECT_EQ(answer.status, 500);
  EXPECT_EQ(answer.body, "\xef\xbf\xbd" + std::string(kAnswerMaxBytes - 1, 'x'));
}

TEST(HttpClient, GivesUpOnAServerThatHangs) {
  TestServer server([](TestConnection& connection) { connection.WaitForClose(); });
  HttpClient client(Peer(server.Url(), milliseconds(200)));
  const HttpAnswer answer = client.Post("/", "x", {});
  EXPECT_EQ(answer.kind, Kind::kTimeout);
  EXPECT_EQ(answer.error,
            "127.0.0.1:" + std::to_string(server.port()) + ": no answer within 200ms");
}

TEST(HttpClient, SaysWhoRefused) {
  int port = 0;
  {
    TestServer gone([](TestConnection&) {});
    port = gone.port();
  }
  HttpClient client(
      Peer("http://user:secret@127.0.0.1:" + std::to_string(port) + "/?token=secret"));
  const HttpAnswer answer = client.Post("/", "x", {});
  EXPECT_EQ(answer.kind, Kind::kConnection);
  EXPECT_EQ(answer.error, "connect to 127.0.0.1:" + std::to_string(port) + ": Connection refused");
}

TEST(HttpClient, SaysThatAConnectionWasLost) {
  TestServer server([](TestConnection& connection) {
    connection.ReadRequest();
    connection.Reset();
  });
  HttpClient client(Peer(server.Url()));
  const HttpAnswer answer = client.Post("/", "x", {});
  EXPECT_EQ(answer.kind, Kind::kConnection);
  EXPECT_THAT(answer.error, HasSubstr("reset"));
}

TEST(HttpClient, SaysThatThisIsNoHttp) {
  TestServer server([](TestConnection& connection) {
    connection.ReadRequest();
    connection.Write("220 mail.example ESMTP\r\n");
  });
  HttpClient client(Peer(server.Url()));
  const HttpAnswer answer = client.Post("/", "x", {});
  EXPECT_EQ(answer.kind, Kind::kSetup);
  EXPECT_THAT(answer.error, HasSubstr("does not speak HTTP"));
}

TEST(HttpClient, SaysThatThereWasNoAnswer) {
  TestServer server([](TestConnection& connection) { connection.ReadRequest(); });
  HttpClient client(Peer(server.Url()));
  const HttpAnswer answer = client.Post("/", "x", {});
  EXPECT_EQ(answer.kind, Kind::kConnection);
  EXPECT_THAT(answer.error, HasSubstr("without an answer"));
}

TEST(HttpClient, SaysThatThereIsNoSuchHost) {
  HttpClient client(Peer("http://tend-test.invalid:3100/", std::chrono::seconds(60)));
  EXPECT_THAT(client.Post("/", "x", {}).error, HasSubstr("connect to tend-test.invalid:3100: "));
}

TEST(HttpClient, GoesThroughTheProxyOfTheEnvironment) {
  Echo echo{Response("200 OK")};
  {
    TestServer proxy(std::ref(echo));
    ::setenv("http_proxy", proxy.Url().c_str(), 1);
    HttpClient client(Peer("http://tend-test.invalid:3100/push"));
    EXPECT_TRUE(client.Post("", "x", {}).ok());
    EXPECT_THAT(echo.request(), StartsWith("POST http://tend-test.invalid:3100/push HTTP/1.1\r\n"));
  }
  HttpClient client(Peer("http://tend-test.invalid:3100/push"));
  EXPECT_EQ(client.Post("", "x", {}).error, "connect to the proxy: Connection refused");
  ::unsetenv("http_proxy");
}

TEST(HttpClient, EndsWhenItIsAborted) {
  std::optional<HttpClient> client;  // outlives the thread that aborts it
  TestServer server([&client](TestConnection& connection) {
    connection.ReadRequest();
    client->Abort();
    connection.WaitForClose();
  });
  client.emplace(Peer(server.Url()));
  EXPECT_EQ(client->Post("/", "x", {}).kind, Kind::kAborted);
  EXPECT_EQ(client->Post("/", "x", {}).kind, Kind::kAborted) << "later ones, too";
}

class HttpClientTls : public ::testing::Test {
 protected:
  HttpAnswer PostTo(TestTls tls, const std::function<void(config::PeerConfig&)>& change) {
    Echo echo{Response("200 OK")};
    TestServer server(std::ref(echo), std::move(tls));
    port_ = std::to_string(server.port());
    config::PeerConfig peer = Peer(server.Url());
    peer.tls.ca_file = certificates_.ca();
    change(peer);
    HttpClient client(peer);
    HttpAnswer answer = client.Post("/", "x", {});
    request_ = echo.request();
    return answer;
  }
  HttpAnswer PostTo(TestTls tls) {
    return PostTo(std::move(tls), [](config::PeerConfig&) {});
  }

  Certificates certificates_;
  std::string port_;
  std::string request_;
};

TEST_F(HttpClientTls, BelievesTheAuthorityItWasGiven) {
  const HttpAnswer answer = PostTo({certificates_.Make("127.0.0.1", 1), ""});
  EXPECT_TRUE(answer.ok()) << answer.error;
}

TEST_F(HttpClientTls, RefusesWhatHasExpired) {
  const HttpAnswer answer = PostTo({certificates_.Make("127.0.0.1", -1), ""});
  EXPECT_EQ(answer.kind, Kind::kTls);
  EXPECT_EQ(answer.error, "tls: 127.0.0.1:" + port_ + ": certificate has expired");
}

TEST_F(HttpClientTls, RefusesAnUnknownAuthority) {
  const HttpAnswer answer = PostTo({certificates_.Make("127.0.0.1", 1, true), ""});
  EXPECT_EQ(answer.kind, Kind::kTls);
  EXPECT_THAT(answer.error, HasSubstr("self-signed certificate"));
}

TEST_F(HttpClientTls, RefusesTheNameOfAnother) {
  const TestTls tls{certificates_.Make("loki.example", 1), ""};
  const HttpAnswer answer = PostTo(tls);
  EXPECT_EQ(answer.kind, Kind::kTls);
  EXPECT_THAT(answer.error, HasSubstr("127.0.0.1"));
  EXPECT_TRUE(PostTo(tls, [](auto& peer) { peer.tls.server_name = "loki.example"; }).ok());
  EXPECT_THAT(request_, HasSubstr("Host: 127.0.0.1:" + port_ + "\r\n"));
  EXPECT_FALSE(PostTo(tls, [](auto& peer) { peer.tls.server_name = "other.example"; }).ok());
}

TEST_F(HttpClientTls, BelievesAnybodyWhenAskedTo) {
  EXPECT_TRUE(PostTo({certificates_.Make("loki.example", -1, true), ""}, [](auto& peer) {
                peer.tls.insecure = true;
              }).ok());
}

TEST_F(HttpClientTls, ShowsItsOwnCertificate) {
  const TestTls tls{certificates_.Make("127.0.0.1", 1), certificates_.ca()};
  const std::string ours = certificates_.Make("client", 1);
  EXPECT_TRUE(PostTo(tls, [&ours](auto& peer) { peer.tls.cert_file = ours; }).ok());
  const HttpAnswer without = PostTo(tls);
  EXPECT_FALSE(without.ok());
  // Its reason may be lost when it closes while we send.
  EXPECT_THAT(without.error, HasSubstr("certificate"));
}

TEST_F(HttpClientTls, NamesAFileThatIsNotThere) {
  const HttpAnswer answer = PostTo({certificates_.Make("127.0.0.1", 1), ""},
                                   [](auto& peer) { peer.tls.ca_file = "/nowhere/ca.pem"; });
  EXPECT_EQ(answer.kind, Kind::kSetup);
  EXPECT_THAT(answer.error, HasSubstr("/nowhere/ca.pem: No such file"));
}

TEST_F(HttpClientTls, SaysThatTheOtherDoesNotSpeakTls) {
  TestServer server(
      [](TestConnection& connection) { connection.Write("HTTP/1.1 400 Bad Request\r\n\r\n"); });
  HttpClient client(Peer("https://127.0.0.1:" + std::to_string(server.port())));
  const HttpAnswer answer = client.Post("/", "x", {});
  EXPECT_EQ(answer.kind, Kind::kTls);
  EXPECT_THAT(answer.error, HasSubstr("wrong version number"));
}

}  // namespace
}  // namespace tend::exporter
