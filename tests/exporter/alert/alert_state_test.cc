#include "exporter/alert/alert_state.h"

#include <gtest/gtest.h>

#include "exporter/alert/sample_incident.h"

namespace tend::exporter {
namespace {

AlertState Sample() {
  AlertState state;
  Incident grown = SampleIncident(IncidentKind::kErrored);
  grown.before = IncidentKind::kCrashLoop;
  state.book.held = {{"", 1}, {"web", std::uint64_t{1} << 63}};
  state.book.open = {{grown, true}, {SampleIncident(IncidentKind::kDiskWarning), false}};
  ReceiverState& slack = state.receivers["slack"];
  slack.pending = {Resolved(SampleIncident())};
  slack.cool_downs["errored\napi\n1\n"] = {kBegan, 3, SampleIncident()};
  state.receivers["empty"] = {};
  return state;
}

TEST(AlertState, ComesBackAsItWas) {
  const std::string text = ToJson(Sample());
  const auto read = AlertStateFromJson(text);
  ASSERT_TRUE(read) << read.error().message();
  EXPECT_EQ(ToJson(*read), text);
  ASSERT_EQ(read->book.open.size(), 2U);
  EXPECT_EQ(read->book.open[0].incident.before, IncidentKind::kCrashLoop);
  EXPECT_EQ(read->book.open[0].incident.severity, Severity::kCritical);
  EXPECT_TRUE(read->book.open[0].is_told);
  EXPECT_FALSE(read->book.open[1].is_told);
  EXPECT_EQ(read->book.held, Sample().book.held);
  const ReceiverState& slack = read->receivers.at("slack");
  ASSERT_EQ(slack.pending.size(), 1U);
  EXPECT_EQ(slack.pending[0].phase(), Phase::kResolved);
  EXPECT_EQ(slack.cool_downs.at("errored\napi\n1\n").suppressed, 3U);
  EXPECT_TRUE(slack.cool_downs.at("errored\napi\n1\n").deferred.has_value());
}

TEST(AlertState, RefusesWhatIsNone) {
  for (const char* text : {"", "[]", "{}", "{\"schema\":\"tend.alerts/2\"}", "{\"schema\":"})
    EXPECT_FALSE(AlertStateFromJson(text)) << text;
}

TEST(AlertState, LeavesOutWhatItDoesNotUnderstand) {
  const auto read = AlertStateFromJson(
      R"({"schema":"tend.alerts/1","open":[1,{},{"incident":{"kind":"of_tomorrow"}},
          {"incident":{"kind":"errored","slot":"x","details":[1,["a"],["a","b"]]},"told":7}],
          "held":[1,"api",{},{"app":"api"},{"app":"web","limit_bytes":7}],
          "receivers":{"a":1,"b":{"pending":[{}],"cool_downs":{"x":1,"y":{"told":"z"}}}}})");
  ASSERT_TRUE(read) << read.error().message();
  ASSERT_EQ(read->book.open.size(), 1U);
  EXPECT_EQ(read->book.open[0].incident.slot, -1);
  EXPECT_EQ(read->book.open[0].incident.details.size(), 1U);
  EXPECT_FALSE(read->book.open[0].is_told);
  EXPECT_EQ(read->book.held, (std::vector<HeldLogs>{{"web", 7}}));
  EXPECT_EQ(read->receivers.at("b").cool_downs.size(), 1U);
}

}  // namespace
}  // namespace tend::exporter
