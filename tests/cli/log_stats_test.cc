#include "cli/log_stats.h"

#include <gtest/gtest.h>

namespace tend::cli {
namespace {

TEST(LogStats, AreReadFromTheSidecarsNumbers) {
  const auto all = ParseLogStats(
      R"({"apps":[{"name":"web","stdout_lines":5,"stderr_lines":2,"bytes":57,"dropped_lines":7,)"
      R"("disk_bytes":30,"limit_bytes":99,"compression_input_bytes":200,)"
      R"("compression_output_bytes":50},{"name":"db"}]})");
  ASSERT_TRUE(all);
  ASSERT_EQ(all->size(), 2u);
  const LogStats& web = all->front();
  EXPECT_EQ(web.app, "web");
  EXPECT_EQ(web.out_lines, 5u);
  EXPECT_EQ(web.err_lines, 2u);
  EXPECT_EQ(web.bytes, 57u);
  EXPECT_EQ(web.dropped_lines, 7u);
  EXPECT_EQ(web.disk_bytes, 30u);
  EXPECT_EQ(web.limit_bytes, 99u);
  EXPECT_EQ(web.compressed(), 0.25);
  EXPECT_FALSE(all->back().compressed());
}

TEST(LogStats, AsJsonHaveSpeedsAsWell) {
  LogStats web, db;
  web.app = "web";
  db.app = "db";
  web.out_lines = 5;
  web.bytes = 50;
  const std::vector<LogStats> before = {web, db};
  web.out_lines = 8;
  web.err_lines = 1;
  web.bytes = 90;
  const std::vector<LogStats> now = {web, db};
  EXPECT_EQ(LogStatsJson(before, now, {"web"}, 2.0),
            R"({"schema":"tend.log_stats/1","apps":[{"name":"web","lines_per_second":2E0,)"
            R"("bytes_per_second":2E1,"stdout_lines":8,"stderr_lines":1,"bytes":90,)"
            R"("dropped_lines":0,"files":0,"disk_bytes":0,"limit_bytes":0,)"
            R"("compression_input_bytes":0,"compression_output_bytes":0}]})");
  EXPECT_NE(LogStatsJson(before, now, {}, 2.0).find(R"("name":"db","lines_per_second":0E0)"),
            std::string::npos);
}

TEST(LogStats, RefuseWhatIsNone) {
  EXPECT_FALSE(ParseLogStats("nothing"));
  EXPECT_FALSE(ParseLogStats("{}"));
  EXPECT_FALSE(ParseLogStats(R"({"apps":[{"lines":5}]})"));
}

}  // namespace
}  // namespace tend::cli
