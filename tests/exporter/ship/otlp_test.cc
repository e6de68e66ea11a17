#include <boost/json.hpp>
#include <gmock/gmock.h>

#include "exporter/ship/otlp_body.h"
#include "exporter/ship/otlp_sink.h"
#include "exporter/ship/test_server.h"

namespace tend::exporter {
namespace {

using std::chrono::nanoseconds;
using std::chrono::seconds;
using ::testing::HasSubstr;
using Then = SendOutcome::Then;

ShipEntry OtlpEntry(std::string text, int slot = 0, std::string_view level = "") {
  ShipEntry entry;
  entry.time = Wall(nanoseconds(1'700'000'000'000'000'001));
  entry.slot = slot;
  entry.level = level;
  entry.text = std::move(text);
  return entry;
}

TEST(OtlpLogsBody, HasAResourceForEachWorker) {
  std::vector<ShipEntry> entries{OtlpEntry("one"), OtlpEntry("two", 1), OtlpEntry("three")};
  const ShipBatch batch{"api", entries};
  const auto root = boost::json::parse(
      OtlpLogsBody({&batch, 1}, {"web-1", {{"deployment.environment", "test"}}}));
  const auto& resources = root.at("resourceLogs").as_array();
  ASSERT_EQ(resources.size(), 2U);
  const auto& attributes = resources[0].at("resource").at("attributes").as_array();
  std::map<std::string, std::string> found;
  for (const auto& attribute : attributes)
    found[std::string(attribute.at("key").as_string())] =
        attribute.at("value").at("stringValue").as_string();
  EXPECT_EQ(found, (std::map<std::string, std::string>{{"service.name", "api"},
                                                       {"service.instance.id", "web-1/api:0"},
                                                       {"tend.worker", "0"},
                                                       {"host.name", "web-1"},
                                                       {"deployment.environment", "test"}}));
  const auto& records = resources[0].at("scopeLogs").at(0).at("logRecords").as_array();
  ASSERT_EQ(records.size(), 2U);
  EXPECT_EQ(records[1].at("body").at("stringValue"), "three");
}

TEST(OtlpLogsBody, SaysWhatIsKnownOfALine) {
  std::vector<ShipEntry> entries{OtlpEntry("bad", 0, "error")};
  entries[0].stream = Stream::kStderr;
  entries[0].flags = kLinePartial;
  const ShipBatch batch{"api", entries};
  EXPECT_THAT(
      OtlpLogsBody({&batch, 1}, {"h", {}}),
      HasSubstr(R"("logRecords":[{"timeUnixNano":"1700000000000000001",)"
                R"("observedTimeUnixNano":"1700000000000000001",)"
                R"("severityNumber":17,"severityText":"ERROR","body":{"stringValue":"bad"},)"
                R"("attributes":[{"key":"log.iostream","value":{"stringValue":"stderr"}},)"
                R"({"key":"log.record.partial","value":{"boolValue":true}}]}]}]})"));
}

TEST(OtlpRejected, ReadsNumbersAsProto3WritesThem) {
  std::string reason;
  EXPECT_EQ(
      OtlpRejected(R"({"partialSuccess":{"rejectedLogRecords":"3","errorMessage":"too old"}})",
                   reason),
      3U);
  EXPECT_EQ(reason, "too old");
  EXPECT_EQ(OtlpRejected(R"({"partialSuccess":{"rejectedLogRecords":2}})", reason), 2U);
  EXPECT_EQ(OtlpRejected(R"({"partialSuccess":{"rejectedLogRecords":-2}})", reason), 0U);
  std::string cut = R"({"partialSuccess": {"rejectedLogRecords": "3", "errorMessage": "too)";
  EXPECT_EQ(OtlpRejected(cut, reason), 3U);
  EXPECT_THAT(reason, HasSubstr("too"));
  for (const char* none :
       {"", "{}", "[1]", R"({"rejectedLogRecords")", R"({"rejectedLogRecords":-1)",
        R"({"partialSuccess":{}})", R"({"partialSuccess":7})", "x"})
    EXPECT_EQ(OtlpRejected(none, reason), 0U) << none;
}

// One that answers `status` and `body` to everything.
class OtlpSinkTest : public ::testing::Test {
 protected:
  SendOutcome Send(std::string status, std::string body = "", std::size_t lines = 2) {
    echo_.Answer("HTTP/1.1 " + status + "\r\nContent-Length: " + std::to_string(body.size()) +
                 "\r\n\r\n" + body);
    const std::vector<ShipEntry> entries(lines, OtlpEntry("text"));
    const ShipBatch batch{"api", entries};
    return sink_.Send({&batch, 1});
  }
  config::ExporterConfig Config() {
    config::ExporterConfig config;
    config.peer.url = server_.Url();
    config.tenant = "team";
    return config;
  }

  Echo echo_{""};
  TestServer server_{std::ref(echo_)};
  OtlpSink sink_{Config(), "web-1"};
};

TEST_F(OtlpSinkTest, IsDoneWithAny2xx) {
  const SendOutcome outcome = Send("204 No Content");
  EXPECT_EQ(outcome.then, Then::kDone);
  EXPECT_EQ(outcome.result, SendResult::kSuccess);
  EXPECT_EQ(outcome.rejected, 0U);
  EXPECT_GT(outcome.sent_bytes, 0U);
  EXPECT_THAT(echo_.request(), ::testing::StartsWith("POST /v1/logs HTTP/1.1\r\n"));
  EXPECT_THAT(echo_.request(), HasSubstr("Content-Encoding: gzip\r\n"));
  EXPECT_THAT(echo_.request(), HasSubstr("Content-Type: application/json\r\n"));
  EXPECT_THAT(echo_.request(), HasSubstr("X-Scope-OrgID: team\r\n"));
}

TEST_F(OtlpSinkTest, CountsWhatWasRejectedOfTheRest) {
  const SendOutcome outcome =
      Send("200 OK", R"({"partialSuccess":{"rejectedLogRecords":"1","errorMessage":"too old"}})");
  EXPECT_EQ(outcome.then, Then::kDone);
  EXPECT_EQ(outcome.rejected, 1U);
  EXPECT_EQ(outcome.error, "too old");
  EXPECT_EQ(Send("200 OK", R"({"partialSuccess":{"rejectedLogRecords":"99"}})").rejected, 2U);
}

TEST_F(OtlpSinkTest, TriesAgainWhatTheProtocolSaysSo) {
  for (const char* status : {"429 Slow", "502 Bad", "503 Busy", "504 Late"}) {
    const SendOutcome outcome = Send(status);
    EXPECT_EQ(outcome.then, Then::kRetry) << status;
    EXPECT_FALSE(outcome.needs_help) << status;
  }
}

TEST_F(OtlpSinkTest, GivesUpWhatIsRefused) {
  const SendOutcome outcome = Send("400 Bad Request", "cannot parse");
  EXPECT_EQ(outcome.then, Then::kGiveUp);
  EXPECT_EQ(outcome.rejected, 2U);
  EXPECT_EQ(outcome.result, SendResult::kBadRequest);
  EXPECT_EQ(outcome.error, "answered 400 Bad Request: cannot parse");
}

TEST_F(OtlpSinkTest, LosesNoLineForAWrongTokenOrPath) {
  for (const char* status : {"401 Unauthorized", "403 Forbidden", "404 Not Found", "302 Found"}) {
    const SendOutcome outcome = Send(status);
    EXPECT_EQ(outcome.then, Then::kRetry) << status;
    EXPECT_TRUE(outcome.needs_help) << status;
  }
}

TEST_F(OtlpSinkTest, LosesNoLineForHttpToAServerOfHttps) {
  const SendOutcome outcome =
      Send("400 Bad Request", "Client sent an HTTP request to an HTTPS server.\n");
  EXPECT_EQ(outcome.then, Then::kRetry);
  EXPECT_TRUE(outcome.needs_help);
  EXPECT_EQ(Send("400 Bad Request", "<center>The plain HTTP request was sent to HTTPS port").then,
            Then::kRetry);
}

TEST_F(OtlpSinkTest, SendsLessWhereItIsTooMuch) {
  EXPECT_EQ(Send("413 Content Too Large").then, Then::kSplit);
  EXPECT_EQ(Send("500 Internal Server Error").then, Then::kRetry);
  EXPECT_EQ(Send("500 Internal Server Error").then, Then::kRetry);
  EXPECT_EQ(Send("500 Internal Server Error").then, Then::kSplit);
  EXPECT_EQ(Send("500 Internal Server Error").then, Then::kRetry);
}

TEST_F(OtlpSinkTest, DoesNotSendABodyThatNobodyTakes) {
  EXPECT_EQ(Send("200 OK", "", 30'000).then, Then::kSplit);
  EXPECT_EQ(server_.connections(), 0);
}

}  // namespace
}  // namespace tend::exporter
