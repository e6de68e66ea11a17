#include "config/observe.h"

#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "config/codec.h"
#include "config/observe_checks.h"
#include "config/reader.h"

namespace tend::config {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Pair;

Loaded Load(const std::string& text) {
  return LoadText(text, "tend.yaml", {});
}

std::vector<std::string> Messages(const Loaded& loaded) {
  std::vector<std::string> messages;
  for (const Problem& problem : loaded.problems)
    messages.push_back(problem.message);
  return messages;
}

TEST(Observe, IsAbsentWithoutAnyOfItsSections) {
  EXPECT_FALSE(Load("apps: []\n").config.observe);
  EXPECT_TRUE(Load("export:\n").config.observe);
  EXPECT_TRUE(Load("notify: {}\n").config.observe);
  EXPECT_TRUE(Load("metrics:\n").config.observe);
}

TEST(Observe, TakesItsTypeFromItsName) {
  const Loaded loaded = Load(
      "export:\n"
      "  loki: {url: 'http://loki:3100', labels: {env: prod}, apps: 'api web-*'}\n"
      "  audit: {type: syslog, url: 'tls://logs:6514', facility: auth, streams: stderr}\n"
      "  journald:\n");
  ASSERT_THAT(Messages(loaded), IsEmpty());
  const auto& exporters = loaded.config.observe->exporters;
  ASSERT_EQ(exporters.size(), 3u);
  EXPECT_EQ(exporters[0].type, ExporterType::kLoki);
  EXPECT_THAT(exporters[0].labels, ElementsAre(Pair("env", "prod")));
  EXPECT_THAT(exporters[0].apps, ElementsAre("api", "web-*"));
  EXPECT_EQ(exporters[1].type, ExporterType::kSyslog);
  EXPECT_EQ(exporters[1].facility, 4);
  EXPECT_FALSE(exporters[1].out);
  EXPECT_TRUE(exporters[1].err);
  EXPECT_EQ(exporters[2].type, ExporterType::kJournald);
}

TEST(Observe, ReadsMetricsAndReceivers) {
  const Loaded loaded = Load(
      "metrics: {level: full, max_series: 0, compat: [pm2, prom-client]}\n"
      "notify:\n"
      "  slack: {url_file: hook, events: [crash_loop, errored], cooldown: 1m}\n"
      "  page: {type: pagerduty, secret_file: /run/key, resolved: false}\n"
      "  hook: {type: exec, exec: ./page.sh}\n");
  ASSERT_THAT(Messages(loaded), IsEmpty());
  const ObserveConfig& observe = *loaded.config.observe;
  EXPECT_EQ(observe.metrics, (MetricsConfig{MetricsLevel::kFull, 0, true, true}));
  ASSERT_EQ(observe.receivers.size(), 3u);
  EXPECT_THAT(observe.receivers[0].events, ElementsAre("crash_loop", "errored"));
  EXPECT_EQ(observe.receivers[0].cooldown, std::chrono::minutes(1));
  EXPECT_FALSE(observe.receivers[1].resolved);
}

struct WrongCase {
  const char* text;
  const char* message;
};
class ObserveRefuses : public testing::TestWithParam<WrongCase> {};
TEST_P(ObserveRefuses, WithAClearMessage) {
  const Loaded loaded = Load(GetParam().text);
  EXPECT_FALSE(loaded.ok());
  EXPECT_THAT(Messages(loaded), ElementsAre(HasSubstr(GetParam().message)));
  EXPECT_GT(loaded.problems[0].line, 0);
}
INSTANTIATE_TEST_SUITE_P(
    All,
    ObserveRefuses,
    testing::Values(
        WrongCase{"export: {mine: {url: 'http://x'}}", "\"type\" is missing in export \"mine\""},
        WrongCase{"export: {loki: {}}", "\"url\" is missing in export \"loki\""},
        WrongCase{"export: {loki: {url: 'loki:3100'}}", "must be an address that begins with"},
        WrongCase{"export: {loki: {url: 'http://'}}", "must be an address"},
        WrongCase{"export: {loki: {url: 'http://me:pw@loki'}}", "has a user or a password in it"},
        WrongCase{"export: {loki: {url: 'http://x/push?token=pw'}}", "has a query"},
        WrongCase{"export: {loki: {url: 'http://x', password: pw}}", "unknown key \"password\""},
        WrongCase{"export: {loki: {url: 'http://x', headers: {Authorization: pw}}}",
                  "\"headers\" has Authorization, which is a secret"},
        WrongCase{"export: {loki: {url: 'http://x', headers: {'a b': pw}}}",
                  "\"a b\" is no name of a header"},
        WrongCase{"export: {loki: {url: 'http://x', headers: {X: \"a\\r\\nY: b\"}}}",
                  "each on one line"},
        WrongCase{"export: {loki: {url: 'http://x', facility: local1}}",
                  "\"facility\" means nothing to loki"},
        WrongCase{"export: {loki: {url: 'http://x', username: me}}",
                  "\"password_file\" is missing"},
        WrongCase{"export: {loki: {url: 'http://x', url_file: y}}", "cannot both be given"},
        WrongCase{"export: {loki: {url: 'http://x', tls: {cert_file: y}}}",
                  "together or not at all"},
        WrongCase{"export: {loki: {url: 'http://x', labels: {1a: y}}}",
                  "\"1a\" is no name of a label"},
        WrongCase{"export: {loki: {url: 'http://x', batch: {bytes: 1G}}}", "a size such as"},
        WrongCase{"export: {'a b': {type: loki, url: 'http://x'}}", "is no name for an entry"},
        WrongCase{"export: {syslog: {url: 'tcp://:514'}}", "must be an address"},
        WrongCase{"export: {journald: {url: 'unix:relative'}}", "must be an address"},
        WrongCase{"export: {journald: {tenant: x}}", "\"tenant\" means nothing to journald"},
        WrongCase{"export: 3", "must be a group of at most"},
        WrongCase{"export: {journald: 3}", "must be a group of keys, not the number 3"},
        WrongCase{"notify: {exec: {}}", "\"exec\" is missing in notify \"exec\""},
        WrongCase{"notify: {pagerduty: {}}", "\"secret_file\" is missing"},
        WrongCase{"notify: {slack: {url_file: x, events: [fire]}}", "one or several of crash_loop"},
        WrongCase{"metrics: {level: huge}", "one of basic, standard, full"},
        WrongCase{"metrics: {compat: nagios}", "not \"nagios\""},
        WrongCase{"metrics: 3", "must be a group of keys"},
        WrongCase{"exports: {}", "unknown key \"exports\""},
        WrongCase{"export: {}\nexport: {}", "\"export\" is given twice"}));

TEST(Observe, GoesThroughJsonUnchanged) {
  const Loaded loaded = Load(
      "metrics: {level: basic}\n"
      "export:\n"
      "  loki: {url: 'https://loki', tls: {ca_file: ca.pem}, headers: {A: b}, max_age: 0, "
      "metadata: inline,\n"
      "         encoding: json, batch: {bytes: 64K, wait: 50ms}}\n"
      "notify: {hook: {type: exec, exec: 'true', events: errored}}\n");
  ASSERT_THAT(Messages(loaded), IsEmpty());
  const ObserveRequest request{"/etc/tend.yaml", true, *loaded.config.observe};
  const auto again = ObserveRequestFromJson(ToJson(request));
  ASSERT_TRUE(again) << again.error().message();
  EXPECT_EQ(*again, request);
  EXPECT_FALSE(ObserveRequestFromJson("{\"observe\": {\"exporters\": 3}}"));
}

TEST(Observe, PathsAreRelativeToTheirFile) {
  ObserveConfig observe;
  observe.exporters.emplace_back().peer.token_file = "secrets/token";
  observe.receivers.emplace_back().secret_file = "/run/key";
  ResolvePaths(observe, "/etc/tend");
  EXPECT_EQ(observe.exporters[0].peer.token_file, "/etc/tend/secrets/token");
  EXPECT_EQ(observe.receivers[0].secret_file, "/run/key");
}

}  // namespace
}  // namespace tend::config
