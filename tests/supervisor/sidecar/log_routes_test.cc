#include "supervisor/sidecar/log_routes.h"

#include <map>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "supervisor/sidecar/log_body.h"

namespace tend::supervisor {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

exporter::HttpRequest Request(std::multimap<std::string, std::string> query) {
  exporter::HttpRequest request;
  request.query = std::move(query);
  return request;
}

TEST(LogQuery, TakesEveryParameter) {
  const auto query = ReadLogQuery(Request({{"n", "50"},
                                           {"since", "2026-11-21T10:31:07Z"},
                                           {"stream", "err"},
                                           {"q", "a.c"},
                                           {"i", "1"}}));
  ASSERT_TRUE(query);
  EXPECT_EQ(query->last, 50u);
  EXPECT_TRUE(query->since);
  EXPECT_FALSE(query->until);
  EXPECT_FALSE(query->out);
  EXPECT_TRUE(query->err);
  ASSERT_TRUE(query->matches);
  EXPECT_TRUE(query->matches("xABCx"));
  EXPECT_FALSE(query->matches("ac"));
}

TEST(LogQuery, TakesAFixedTextAsItIs) {
  const auto query = ReadLogQuery(Request({{"q", "a.c("}, {"fixed", "1"}}));
  ASSERT_TRUE(query);
  EXPECT_EQ(query->contains, "a.c(");
  EXPECT_FALSE(query->matches);
}

TEST(LogQuery, TakesLevelContextAndDirection) {
  const auto query =
      ReadLogQuery(Request({{"level", "warning"}, {"context", "3"}, {"reverse", "1"}}));
  ASSERT_TRUE(query);
  EXPECT_EQ(query->level, rotate::LineLevel::kWarn);
  EXPECT_EQ(query->context, 3u);
  EXPECT_TRUE(query->reverse);
}

TEST(LogQuery, SaysWhatItCannotRead) {
  EXPECT_THAT(ReadLogQuery(Request({{"level", "loud"}})).error().message(), HasSubstr("loud"));
  EXPECT_THAT(ReadLogQuery(Request({{"context", "-1"}})).error().message(), HasSubstr("-1"));
  EXPECT_THAT(ReadLogQuery(Request({{"context", "1001"}})).error().message(), HasSubstr("1000"));
  EXPECT_FALSE(ReadLogQuery(Request({{"reverse", "1"}, {"follow", "1"}})));
  EXPECT_THAT(ReadLogQuery(Request({{"n", "many"}})).error().message(), HasSubstr("n=many"));
  EXPECT_THAT(ReadLogQuery(Request({{"since", "soon"}})).error().message(), HasSubstr("soon"));
  EXPECT_THAT(ReadLogQuery(Request({{"stream", "both"}})).error().message(), HasSubstr("both"));
  EXPECT_THAT(ReadLogQuery(Request({{"q", "a("}})).error().message(), HasSubstr("pattern"));
}

TEST(LogSelection, WorkersOfOneAppOrOfEvery) {
  const auto every = ReadLogSelection(Request({{"worker", "1"}, {"worker", "3"}}));
  ASSERT_TRUE(every);
  EXPECT_THAT(every->apps, IsEmpty());
  EXPECT_THAT(every->SlotsOf("any"), ElementsAre(1, 3));

  const auto mixed =
      ReadLogSelection(Request({{"app", "web"}, {"worker", "api:1"}, {"worker", "web:0"}}));
  ASSERT_TRUE(mixed);
  EXPECT_THAT(mixed->apps, SizeIs(2));
  EXPECT_THAT(mixed->SlotsOf("api"), ElementsAre(1));
  EXPECT_THAT(mixed->SlotsOf("web"), IsEmpty());  // the app as a whole has its workers in it
}

TEST(LogSelection, AWorkerIsANumber) {
  for (const char* text : {"-1", "api:", "api:x", ":"}) {
    EXPECT_FALSE(ReadLogSelection(Request({{"worker", text}}))) << text;
  }
}

TEST(LogStats, AreTotalsOfAnApp) {
  exporter::Snapshot snapshot;
  exporter::AppSnapshot& app = snapshot.apps.emplace_back();
  app.status.name = "a\"b";
  app.workers.resize(2);
  app.workers[0].out = {.lines = 5, .bytes = 50};
  app.workers[1].err = {.lines = 2, .bytes = 7};
  app.logs.emplace();
  app.logs->dropped_lines = {{"disk_full", 3}, {"rate_limit", 4}};
  app.logs->disk_bytes = {{"active", 10}, {"compressed", 20}};
  EXPECT_EQ(LogStatsJson(snapshot),
            R"({"schema":"tend.log_stats/1","apps":[{"name":"a\"b","stdout_lines":5,)"
            R"("stderr_lines":2,"bytes":57,"dropped_lines":7,"files":0,"disk_bytes":30,)"
            R"("limit_bytes":0,"compression_input_bytes":0,"compression_output_bytes":0}]})");
}

// Each has a thread of its own.
TEST(StreamLogs, RefusesMoreThanACertainNumberAtOnce) {
  const auto request = Request({{"follow", "1"}});
  std::vector<exporter::HttpResponse> open;
  for (int i = 0; i < kLogBodiesMax; ++i) {
    open.push_back(StreamLogs(request, {}, {}));
    ASSERT_EQ(open.back().status, 200u) << i;
  }
  EXPECT_EQ(StreamLogs(request, {}, {}).status, 503u);
  open.pop_back();
  EXPECT_EQ(StreamLogs(request, {}, {}).status, 200u);
}

}  // namespace
}  // namespace tend::supervisor
