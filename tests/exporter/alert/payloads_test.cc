#include "exporter/alert/payloads.h"

#include <array>

#include <boost/json.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/utf8.h"
#include "exporter/alert/sample_incident.h"
#include "exporter/golden.h"

namespace tend::exporter {
namespace {

namespace json = boost::json;
using testing::Contains;
using testing::HasSubstr;
using testing::Not;
using testing::Pair;

Notice Of(Incident incident) {
  return {std::move(incident), "vm-1", false};
}

Incident Suppressed() {
  Incident incident = SampleIncident(IncidentKind::kMemoryRestart);
  incident.suppressed = 8;
  return incident;
}

// An opened one, its end, and one that has none.
template <typename Format>
std::string Three(Format format) {
  return format(Of(SampleIncident())) + '\n' + format(Of(Resolved(SampleIncident()))) + '\n' +
         format(Of(Suppressed())) + '\n';
}

TEST(Payloads, AreAsTheyWere) {
  ExpectGolden("tests/golden/alerts/webhook.jsonl", Three(IncidentJson));
  ExpectGolden("tests/golden/alerts/slack.jsonl", Three(SlackJson));
  ExpectGolden("tests/golden/alerts/pagerduty.jsonl",
               Three([](const Notice& notice) { return PagerDutyJson(notice, "R0"); }));
  ExpectGolden("tests/golden/alerts/alertmanager.jsonl", Three([](const Notice& notice) {
                 const Alert alert{notice, kBegan + std::chrono::minutes(4)};
                 return AlertmanagerJson(std::array{alert});
               }));
}

TEST(Payloads, AreJsonWhateverAWorkerWrote) {
  Incident incident = SampleIncident();
  incident.app = incident.subject = incident.summary = std::string("\xc3\x28 \0 \"\\\n\x7f", 9);
  incident.details = {{"\xff", "\xfe"}};
  const Notice notice = {incident, "h\xff", false};
  const Alert alert{notice, kBegan};
  for (const std::string& text :
       {IncidentJson(notice), SlackJson(notice), PagerDutyJson(notice, "k"),
        AlertmanagerJson(std::array{alert})}) {
    json::error_code ec;
    (void)json::parse(text, ec);
    EXPECT_FALSE(ec) << text;
    EXPECT_TRUE(IsUtf8(text));
  }
}

TEST(Payloads, SlackTakesNoMarkupFromOutside) {
  Incident incident = SampleIncident();
  incident.summary = "<!channel> & <http://evil|here>";
  const std::string text = SlackJson(Of(incident));
  EXPECT_THAT(text, Not(HasSubstr("<!channel>")));
  EXPECT_THAT(text, HasSubstr("&lt;!channel&gt; &amp; &lt;http://evil|here&gt;"));
  EXPECT_THAT(text, HasSubstr("at '''server.js''':3")) << "it cannot end its block";
}

TEST(Payloads, SlackGetsTextsOfTheLengthThatItTakes) {
  Incident incident = SampleIncident();
  incident.summary = std::string(20'000, 'x');
  incident.last_stderr.assign(20, std::string(500, '<'));
  const json::value value = json::parse(SlackJson(Of(incident)));
  for (const json::value& block : value.at("blocks").as_array()) {
    const json::value& text =
        block.at("type").as_string() == "section" ? block.at("text") : block.at("elements").at(0);
    EXPECT_LE(text.at("text").as_string().size(), 3000U);
  }
}

TEST(Payloads, PagerDutyResolvesWhatItTriggered) {
  const json::value opened = json::parse(PagerDutyJson(Of(SampleIncident()), "R0"));
  const json::value resolved = json::parse(PagerDutyJson(Of(Resolved(SampleIncident())), "R0"));
  EXPECT_EQ(TextOf(opened.at("event_action")), "trigger");
  EXPECT_EQ(TextOf(resolved.at("event_action")), "resolve");
  EXPECT_EQ(opened.at("dedup_key"), resolved.at("dedup_key"));
  EXPECT_LE(opened.at("dedup_key").as_string().size(), 255U);
}

TEST(Payloads, AlertmanagerKnowsAnAlertByLabelsThatDoNotChange) {
  const auto labels = [](const Incident& incident) {
    const Alert alert{Of(incident), incident.ended};
    return json::parse(AlertmanagerJson(std::array{alert})).at(0).at("labels");
  };
  EXPECT_EQ(labels(SampleIncident()), labels(Resolved(SampleIncident())));
}

TEST(Payloads, ACommandLearnsItFromItsEnvironment) {
  const auto environment = EnvironmentOf(Of(SampleIncident()));
  EXPECT_THAT(environment, Contains(Pair("TEND_EVENT", "errored")));
  EXPECT_THAT(environment, Contains(Pair("TEND_STATUS", "opened")));
  EXPECT_THAT(environment, Contains(Pair("TEND_WORKER", "1")));
  EXPECT_THAT(environment, Contains(Pair("TEND_ENDED", "")));
}

// By `printf '1763721067.{"a":1}' | openssl dgst -sha256 -hmac secret`.
TEST(Signature, IsTheHmacOfTimeAndBody) {
  EXPECT_EQ(Signature("secret", R"({"a":1})", kBegan),
            "t=1763721067,v1=af71356fa73f1fc75bd91f8579b99955d7f7c6544b348a73af35dd90f244fe9d");
}

TEST(CleanText, CutsBetweenCharacters) {
  EXPECT_EQ(CleanText("äöü", 4), "äö…");
  EXPECT_EQ(CleanText("äöü", 6), "äöü");
  EXPECT_EQ(CleanText(std::string_view("a\0b\xff", 4)),
            "a\xef\xbf\xbd"
            "b\xef\xbf\xbd");
}

}  // namespace
}  // namespace tend::exporter
