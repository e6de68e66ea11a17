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
  EXPECT_EQ(web.compressed, 0.25);
  EXPECT_FALSE(all->back().compressed);
}

TEST(LogStats, RefuseWhatIsNone) {
  EXPECT_FALSE(ParseLogStats("nothing"));
  EXPECT_FALSE(ParseLogStats("{}"));
  EXPECT_FALSE(ParseLogStats(R"({"apps":[{"lines":5}]})"));
}

}  // namespace
}  // namespace tend::cli
