#include "exporter/alert/http_channels.h"

#include <unistd.h>

#include <cstdio>
#include <fstream>

#include <boost/json.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "exporter/alert/sample_incident.h"

namespace tend::exporter {
namespace {

namespace json = boost::json;
using namespace std::chrono_literals;
using enum IncidentKind;
using testing::Contains;
using testing::HasSubstr;
using testing::Pair;
using Then = Delivery::Then;

struct Sent {
  std::string path, body;
  HttpClient::Headers headers;
};

HttpAnswer Answered(int status) {
  HttpAnswer answer;
  answer.kind = HttpAnswer::Kind::kAnswered;
  answer.status = status;
  return answer;
}

class Channels : public testing::Test {
 protected:
  Channels() { std::ofstream(secret_) << "k3y\n"; }
  ~Channels() override { std::remove(secret_.c_str()); }

  Poster poster() {
    return {
        [this](std::string_view path, std::string_view body, const HttpClient::Headers& headers) {
          sent_.push_back({std::string(path), std::string(body), headers});
          return answer_;
        },
        [] {}};
  }
  config::ReceiverConfig WithSecret() const {
    config::ReceiverConfig config;
    config.secret_file = secret_;
    return config;
  }
  json::array LastAlerts() const { return json::parse(sent_.back().body).as_array(); }

  const std::string secret_ = testing::TempDir() + "alert_secret." + std::to_string(::getpid());
  std::vector<Sent> sent_;
  HttpAnswer answer_ = Answered(200);
};

TEST_F(Channels, AWebhookIsSignedWithWhatIsInTheFile) {
  const auto channel = MakeWebhookChannel(WithSecret(), "vm", poster());
  EXPECT_EQ(channel->Tell(SampleIncident()).then, Then::kDone);
  ASSERT_EQ(sent_.size(), 1U);
  EXPECT_THAT(sent_[0].headers, Contains(Pair("X-Tend-Event", "errored")));
  EXPECT_THAT(sent_[0].headers, Contains(Pair("Content-Type", "application/json")));
  std::string signature;
  for (const auto& [name, value] : sent_[0].headers) {
    if (name == "X-Tend-Signature") signature = value;
  }
  const auto seconds = std::stoll(signature.substr(2));
  EXPECT_EQ(signature, Signature("k3y", sent_[0].body, Wall(std::chrono::seconds(seconds))));
}

TEST_F(Channels, WithoutItsSecretNothingIsSent) {
  config::ReceiverConfig config;
  config.secret_file = secret_ + ".none";
  for (const auto& channel : {MakeWebhookChannel(config, "vm", poster()).release(),
                              MakePagerDutyChannel(config, "vm", poster()).release()}) {
    const std::unique_ptr<Channel> owned(channel);
    const Delivery delivery = owned->Tell(SampleIncident());
    EXPECT_EQ(delivery.then, Then::kRetry) << "it may be there in a moment";
    EXPECT_THAT(delivery.error, HasSubstr("No such file"));
  }
  EXPECT_TRUE(sent_.empty());
}

TEST_F(Channels, ATestOfPagerDutyLeavesNothingOpen) {
  const auto channel = MakePagerDutyChannel(WithSecret(), "vm", poster());
  EXPECT_EQ(channel->Test().then, Then::kDone);
  ASSERT_EQ(sent_.size(), 2U);
  const json::value first = json::parse(sent_[0].body), second = json::parse(sent_[1].body);
  EXPECT_EQ(TextOf(first.at("event_action")), "trigger");
  EXPECT_EQ(TextOf(first.at("payload").at("severity")), "info");
  EXPECT_EQ(TextOf(first.at("payload").at("class")), "test");
  EXPECT_EQ(TextOf(first.at("routing_key")), "k3y");
  EXPECT_EQ(TextOf(second.at("event_action")), "resolve");
  EXPECT_EQ(first.at("dedup_key"), second.at("dedup_key"));
}

TEST_F(Channels, AlertmanagerIsToldAgainWhatLasts) {
  const Wall now = kBegan + 1h;
  const auto channel = MakeAlertmanagerChannel("vm", poster(), [&] { return now; });
  EXPECT_EQ(channel->Refresh().then, Then::kDone);
  EXPECT_TRUE(sent_.empty()) << "nothing lasts";
  channel->Tell(SampleIncident(kErrored));
  EXPECT_EQ(sent_.back().path, "/api/v2/alerts");
  EXPECT_EQ(TextOf(LastAlerts()[0].at("endsAt")), FormatRfc3339(now + 4min));
  channel->Refresh();
  EXPECT_EQ(sent_.size(), 2U);
  channel->Tell(Resolved(SampleIncident(kErrored)));
  EXPECT_EQ(TextOf(LastAlerts()[0].at("endsAt")), FormatRfc3339(kBegan + 90s));
  channel->Refresh();
  EXPECT_EQ(sent_.size(), 3U);
}

TEST_F(Channels, ToAlertmanagerWhatGrowsWorseIsAnotherAlert) {
  const auto channel = MakeAlertmanagerChannel("vm", poster(), [] { return kBegan + 1h; });
  channel->Resume({SampleIncident(kCrashLoop)});
  channel->Tell(SampleIncident(kErrored));
  ASSERT_EQ(LastAlerts().size(), 2U);
  EXPECT_EQ(TextOf(LastAlerts()[0].at("labels").at("alertname")), "TendErrored");
  EXPECT_EQ(TextOf(LastAlerts()[1].at("labels").at("alertname")), "TendCrashLoop");
  EXPECT_EQ(TextOf(LastAlerts()[1].at("endsAt")), FormatRfc3339(kBegan + 1h));
  channel->Refresh();
  EXPECT_EQ(LastAlerts().size(), 1U);
}

TEST_F(Channels, AnAlertThatWasNotTakenIsNotOver) {
  const auto channel = MakeAlertmanagerChannel("vm", poster(), [] { return kBegan; });
  channel->Tell(SampleIncident());
  answer_ = Answered(503);
  EXPECT_EQ(channel->Tell(Resolved(SampleIncident())).then, Then::kRetry);
  channel->Refresh();
  EXPECT_EQ(sent_.size(), 3U);
}

TEST(DeliveryOf, TriesAgainWhatMaySucceed) {
  for (const int status : {200, 202, 204})
    EXPECT_EQ(DeliveryOf(Answered(status)).then, Then::kDone) << status;
  for (const int status : {408, 425, 429, 500, 502, 503, 504})
    EXPECT_EQ(DeliveryOf(Answered(status)).then, Then::kRetry) << status;
  for (const int status : {301, 400, 401, 403, 404, 410, 413})
    EXPECT_EQ(DeliveryOf(Answered(status)).then, Then::kGiveUp) << status;
  for (const auto kind : {HttpAnswer::Kind::kTimeout, HttpAnswer::Kind::kConnection,
                          HttpAnswer::Kind::kTls, HttpAnswer::Kind::kSetup}) {
    HttpAnswer answer;
    answer.kind = kind;
    answer.error = "connect";
    EXPECT_EQ(DeliveryOf(answer).then, Then::kRetry);
    EXPECT_EQ(DeliveryOf(answer).error, "connect");
  }
}

}  // namespace
}  // namespace tend::exporter
