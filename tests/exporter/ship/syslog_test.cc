#include <sys/socket.h>
#include <sys/un.h>

#include <array>
#include <ctime>
#include <latch>

#include <gmock/gmock.h>

#include "exporter/ship/syslog_message.h"
#include "exporter/ship/syslog_sink.h"
#include "exporter/ship/test_server.h"

namespace tend::exporter {
namespace {

using std::chrono::nanoseconds;
using std::chrono::seconds;
using ::testing::HasSubstr;
using Then = SendOutcome::Then;
using Transport = SyslogTarget::Transport;

ShipEntry SyslogEntry(std::string text, int slot = 0) {
  ShipEntry entry;
  entry.time = Wall(nanoseconds(1'700'000'000'123'456'789));
  entry.slot = slot;
  entry.text = std::move(text);
  return entry;
}

std::string Encoded(const ShipEntry& entry,
                    std::string_view app = "api",
                    std::string_view host = "web-1") {
  std::string out;
  SyslogEncoder(host, 16).Append5424(app, entry, out);
  return out;
}

TEST(SyslogEncoder, Writes5424) {
  EXPECT_EQ(Encoded(SyslogEntry("hello")),
            "<134>1 2023-11-14T22:13:20.123456Z web-1 api 0 - [tend@32473 worker=\"0\" "
            "stream=\"stdout\"] hello");
  ShipEntry bad = SyslogEntry("");
  bad.stream = Stream::kStderr;
  bad.flags = kLinePartial;
  EXPECT_EQ(Encoded(bad),
            "<131>1 2023-11-14T22:13:20.123456Z web-1 api 0 - [tend@32473 worker=\"0\" "
            "stream=\"stderr\" partial=\"true\"] ");
  EXPECT_THAT(Encoded(SyslogEntry("x", -1)),
              HasSubstr(" api - - [tend@32473 stream=\"stdout\"] x"));
}

TEST(SyslogEncoder, TakesTheLevelForTheSeverity) {
  ShipEntry entry = SyslogEntry("x");
  for (const auto& [level, severity] : std::map<std::string_view, int>{
           {"trace", 7}, {"debug", 7}, {"info", 6}, {"warn", 4}, {"error", 3}, {"fatal", 2}}) {
    entry.level = level;
    EXPECT_EQ(SyslogSeverity(entry), severity) << level;
  }
  EXPECT_THAT(Encoded(entry), HasSubstr("level=\"warn\""));
}

TEST(SyslogEncoder, MakesTheHeaderFitTheRfc) {
  EXPECT_THAT(Encoded(SyslogEntry("x"), "my app\n\xc3\xa9", ""), HasSubstr("Z - my_app___ 0 "));
  EXPECT_THAT(Encoded(SyslogEntry("x"), std::string(60, 'a')),
              HasSubstr(' ' + std::string(48, 'a') + ' '));
}

TEST(SyslogEncoder, TellsANameThatTheHeaderDoesNotTake) {
  EXPECT_THAT(Encoded(SyslogEntry("x"), "@acme-web server"),
              HasSubstr(" @acme-web_server 0 - [tend@32473 app=\"@acme-web server\" worker="));
  EXPECT_THAT(Encoded(SyslogEntry("x"), "gr\xc3\xb6\xc3\x9f\x65 \"\\]\xff"),
              HasSubstr(" gr____e_\"\\]_ 0 - [tend@32473 app=\"gr\xc3\xb6\xc3\x9f\x65 "
                        "\\\"\\\\\\]\xef\xbf\xbd\" worker="));
  EXPECT_THAT(Encoded(SyslogEntry("x"), std::string(60, 'a')),
              HasSubstr("app=\"" + std::string(60, 'a') + '"'));
}

TEST(SyslogEncoder, WritesTheLocalForm) {
  ::setenv("TZ", "UTC", 1);
  ::tzset();
  std::string out;
  SyslogEncoder("web-1", 1).AppendLocal("api", SyslogEntry("hello", 3), out);
  EXPECT_EQ(out, "<14>Nov 14 22:13:20 api[3]: hello");
}

TEST(ParseSyslogUrl, KnowsFourTransports) {
  const auto tcp = ParseSyslogUrl("tcp://logs.example:601/");
  ASSERT_TRUE(tcp);
  EXPECT_EQ(tcp->transport, Transport::kTcp);
  EXPECT_EQ(tcp->endpoint.Name(), "logs.example:601");
  EXPECT_EQ(ParseSyslogUrl("tls://logs")->endpoint.Name(), "logs:6514");
  EXPECT_EQ(ParseSyslogUrl("udp://[::1]")->endpoint.Name(), "[::1]:514");
  EXPECT_EQ(ParseSyslogUrl("udp://[::1]:99")->endpoint.port, 99);
  EXPECT_EQ(ParseSyslogUrl("unix:/dev/log")->path, "/dev/log");
  EXPECT_EQ(ParseSyslogUrl("unix:///dev/log")->path, "/dev/log");
  for (const char* wrong : {"", "logs:514", "http://logs", "tcp://", "tcp://a:0", "tcp://a:65536",
                            "tcp://a:x", "tcp://a:", "unix:log", "tcp://u@a", "tcp://[::1]x"})
    EXPECT_FALSE(ParseSyslogUrl(wrong)) << wrong;
}

TEST(CutUtf8, CutsNoCharacter) {
  EXPECT_EQ(CutUtf8("abc", 3), "abc");
  EXPECT_EQ(CutUtf8("ab\xc3\xa9", 3), "ab");
  EXPECT_EQ(CutUtf8("a\xf0\x9f\x98\x80", 4), "a");
  EXPECT_EQ(CutUtf8("\x80\x80\x80\x80\x80\x80", 4).size(), 4U)
      << "what is none may be cut anywhere";
}

config::ExporterConfig Config(const std::string& url, nanoseconds timeout = seconds(20)) {
  config::ExporterConfig config;
  config.type = config::ExporterType::kSyslog;
  config.peer.url = url;
  config.peer.timeout = timeout;
  return config;
}

SendOutcome SendTo(SyslogSink& sink, const std::vector<ShipEntry>& entries) {
  const ShipBatch batch{"api", entries};
  return sink.Send({&batch, 1});
}

std::string Frame(const ShipEntry& entry) {
  const std::string message = Encoded(entry);
  return std::to_string(message.size()) + ' ' + message;
}

std::string TcpUrl(const TestServer& server) {
  return "tcp://127.0.0.1:" + std::to_string(server.port());
}

TEST(SyslogSink, CountsOctetsOverTcp) {
  std::vector<std::string> received;
  {
    TestServer server(
        [&received](TestConnection& connection) { received.push_back(connection.ReadAll()); });
    SyslogSink sink(Config(TcpUrl(server)), "web-1");
    for (const char* text : {"one", "two"}) {
      const SendOutcome outcome = SendTo(sink, {SyslogEntry(text), SyslogEntry("and\nmore")});
      EXPECT_EQ(outcome.then, Then::kDone) << outcome.error;
    }
  }
  ASSERT_EQ(received.size(), 1U) << "connections";
  EXPECT_EQ(received[0], Frame(SyslogEntry("one")) + Frame(SyslogEntry("and\nmore")) +
                             Frame(SyslogEntry("two")) + Frame(SyslogEntry("and\nmore")));
}

TEST(SyslogSink, IsNotDoneBeforeThePeerHasTakenIt) {
  TestServer server([](TestConnection& connection) { connection.WaitUntilStopped(); });
  SyslogSink sink(Config(TcpUrl(server), seconds(5)), "web-1");
  // More than all buffers in between hold.
  const SendOutcome outcome =
      SendTo(sink, std::vector<ShipEntry>(100, SyslogEntry(std::string(256 * 1024, 'x'))));
  EXPECT_EQ(outcome.then, Then::kSplit) << "less may be done in time";
  EXPECT_EQ(outcome.result, SendResult::kTimeout);
  EXPECT_EQ(outcome.error,
            "127.0.0.1:" + std::to_string(server.port()) + ": does not take what is sent");
}

TEST(SyslogSink, ConnectsAnewAfterThePeerHasClosed) {
  std::latch closed(1);
  std::string received;
  {
    int connections = 0;
    TestServer server([&](TestConnection& connection) {
      if (++connections > 1) {
        received = connection.ReadAll();
        return;
      }
      connection.ReadSome();
      connection.Close();
      closed.count_down();
    });
    SyslogSink sink(Config(TcpUrl(server)), "web-1");
    SendTo(sink, {SyslogEntry("one")});
    closed.wait();
    EXPECT_EQ(SendTo(sink, {SyslogEntry("two")}).then, Then::kDone);
  }
  EXPECT_EQ(received, Frame(SyslogEntry("two")));
}

TEST(SyslogSink, SaysWhoRefused) {
  int port = 0;
  {
    TestServer gone([](TestConnection&) {});
    port = gone.port();
  }
  SyslogSink sink(Config("tcp://127.0.0.1:" + std::to_string(port)), "web-1");
  const SendOutcome outcome = SendTo(sink, {SyslogEntry("x")});
  EXPECT_EQ(outcome.then, Then::kRetry);
  EXPECT_FALSE(outcome.needs_help);
  EXPECT_EQ(outcome.error, "connect to 127.0.0.1:" + std::to_string(port) + ": Connection refused");
}

TEST(SyslogSink, AsksForHelpWithAWrongUrl) {
  SyslogSink sink(Config("logs:514"), "web-1");
  const SendOutcome outcome = SendTo(sink, {SyslogEntry("x")});
  EXPECT_EQ(outcome.then, Then::kRetry);
  EXPECT_TRUE(outcome.needs_help);
  EXPECT_THAT(outcome.error, HasSubstr("expected tcp://"));
}

TEST(SyslogSink, EndsWhenItIsAborted) {
  std::optional<SyslogSink> sink;  // outlives the thread that aborts it
  TestServer server([&sink](TestConnection& connection) {
    connection.ReadSome();
    sink->Abort();
    connection.WaitUntilStopped();
  });
  sink.emplace(Config(TcpUrl(server)), "web-1");
  const SendOutcome outcome =
      SendTo(*sink, std::vector<ShipEntry>(100, SyslogEntry(std::string(256 * 1024, 'x'))));
  EXPECT_EQ(outcome.then, Then::kRetry);
  EXPECT_EQ(outcome.error, "aborted");
}

class SyslogTls : public ::testing::Test {
 protected:
  SendOutcome Send(TestTls tls, const std::function<void(config::TlsConfig&)>& change) {
    TestServer server([this](TestConnection& connection) { received_ = connection.ReadAll(); },
                      std::move(tls));
    port_ = std::to_string(server.port());
    config::ExporterConfig config = Config("tls://127.0.0.1:" + port_);
    config.peer.tls.ca_file = certificates_.ca();
    change(config.peer.tls);
    SyslogSink sink(config, "web-1");
    return SendTo(sink, {SyslogEntry("secret")});
  }
  static void Nothing(config::TlsConfig&) {}

  Certificates certificates_;
  std::string port_;
  std::string received_;
};

TEST_F(SyslogTls, SendsTheSameInSecret) {
  const SendOutcome outcome = Send({certificates_.Make("127.0.0.1", 1), ""}, Nothing);
  EXPECT_EQ(outcome.then, Then::kDone) << outcome.error;
  EXPECT_EQ(received_, Frame(SyslogEntry("secret")));
}

TEST_F(SyslogTls, RefusesWhatIsNotValid) {
  SendOutcome outcome = Send({certificates_.Make("127.0.0.1", -1), ""}, Nothing);
  EXPECT_EQ(outcome.error, "tls: 127.0.0.1:" + port_ + ": certificate has expired");
  EXPECT_EQ(outcome.then, Then::kRetry);
  EXPECT_TRUE(outcome.needs_help);
  const TestTls other{certificates_.Make("logs.example", 1), ""};
  EXPECT_THAT(Send(other, Nothing).error, HasSubstr("mismatch"));
  outcome = Send(other, [](auto& tls) { tls.server_name = "logs.example"; });
  EXPECT_EQ(outcome.then, Then::kDone) << outcome.error;
  EXPECT_THAT(Send({certificates_.Make("127.0.0.1", 1, true), ""}, Nothing).error,
              HasSubstr("self-signed"));
  EXPECT_EQ(Send(other, [](auto& tls) { tls.insecure = true; }).then, Then::kDone);
}

TEST_F(SyslogTls, SendsNothingToOneThatRefusesOurCertificate) {
  const TestTls strict{certificates_.Make("127.0.0.1", 1), certificates_.ca()};
  const SendOutcome refused = Send(strict, Nothing);
  EXPECT_EQ(refused.then, Then::kRetry);
  EXPECT_TRUE(refused.needs_help);
  EXPECT_THAT(refused.error, HasSubstr("certificate required"));
  const SendOutcome not_looked = Send(strict, [](auto& tls) {
    tls.ca_file.clear();
    tls.insecure = true;
  });
  EXPECT_THAT(not_looked.error, HasSubstr("certificate required"));
  const std::string ours = certificates_.Make("client", 1);
  const SendOutcome taken = Send(strict, [&ours](auto& tls) { tls.cert_file = ours; });
  EXPECT_EQ(taken.then, Then::kDone) << taken.error;
}

TEST_F(SyslogTls, NamesAFileThatCannotBeUsed) {
  const SendOutcome outcome = Send({certificates_.Make("127.0.0.1", 1), ""},
                                   [](auto& tls) { tls.ca_file = "/nowhere/ca.pem"; });
  EXPECT_TRUE(outcome.needs_help);
  EXPECT_THAT(outcome.error, HasSubstr("/nowhere/ca.pem"));
}

}  // namespace
}  // namespace tend::exporter
