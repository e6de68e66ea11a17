#include "config/telemetry_environment.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace tend::config {
namespace {

using ::testing::ElementsAre;

class TelemetryEnvironmentTest : public ::testing::Test {
 protected:
  std::vector<std::string> Added(std::vector<std::string> env = {}) {
    AddTelemetry(app_, parts_, env);
    return env;
  }

  TelemetryParts parts_{"/b/p.cjs", "/b/python", "/r/statsd.sock", 10};
  AppConfig app_;
};

TEST_F(TelemetryEnvironmentTest, NodeGetsItsPreloadBeforeTheUsersOptions) {
  app_.interpreter = "/usr/bin/node";
  EXPECT_TRUE(WantsPipe(app_, parts_));
  EXPECT_THAT(Added({"A=1", "NODE_OPTIONS=--inspect"}),
              ElementsAre("A=1", "NODE_OPTIONS=--require \"/b/p.cjs\" --inspect",
                          "TEND_NODE_OPTIONS=--inspect", "TEND_TELEMETRY_FD=10",
                          "TEND_STATSD_SOCKET=/r/statsd.sock"));
}

TEST_F(TelemetryEnvironmentTest, OthersGetOnlyTheSocket) {
  app_.interpreter = "/usr/bin/python3";
  EXPECT_FALSE(WantsPipe(app_, parts_));
  EXPECT_THAT(Added({"NODE_OPTIONS=x"}),
              ElementsAre("NODE_OPTIONS=x", "TEND_STATSD_SOCKET=/r/statsd.sock"));
  parts_.statsd_socket.clear();
  EXPECT_THAT(Added(), ElementsAre());
}

TEST_F(TelemetryEnvironmentTest, OffIsOffButForHowAClusterGivesItsPortAway) {
  app_.interpreter = "node";
  app_.telemetry = Telemetry::kOff;
  EXPECT_FALSE(WantsPipe(app_, parts_));
  EXPECT_THAT(Added(), ElementsAre());
  app_.exec_mode = ExecMode::kCluster;
  EXPECT_FALSE(WantsPipe(app_, parts_));
  EXPECT_THAT(Added(), ElementsAre("NODE_OPTIONS=--require \"/b/p.cjs\"", "TEND_NODE_OPTIONS="));
}

TEST_F(TelemetryEnvironmentTest, PythonKeepsItsPath) {
  app_.telemetry = Telemetry::kPython;
  EXPECT_TRUE(WantsPipe(app_, parts_));
  EXPECT_THAT(Added(), ElementsAre("PYTHONPATH=/b/python", "TEND_TELEMETRY_FD=10",
                                   "TEND_STATSD_SOCKET=/r/statsd.sock"));
  EXPECT_THAT(Added({"PYTHONPATH=/srv:/lib"}),
              ElementsAre("PYTHONPATH=/b/python:/srv:/lib", "TEND_PYTHONPATH=/srv:/lib",
                          "TEND_TELEMETRY_FD=10", "TEND_STATSD_SOCKET=/r/statsd.sock"));
  EXPECT_THAT(Added({"PYTHONPATH="}).front(), "PYTHONPATH=/b/python");
  parts_.python_folder.clear();
  EXPECT_FALSE(WantsPipe(app_, parts_));
}

TEST_F(TelemetryEnvironmentTest, APipeNeedsNoPreload) {
  app_.telemetry = Telemetry::kPipe;
  parts_ = {"", "", "", 10};
  EXPECT_TRUE(WantsPipe(app_, parts_));
  EXPECT_THAT(Added(), ElementsAre("TEND_TELEMETRY_FD=10"));
}

TEST_F(TelemetryEnvironmentTest, NothingIsSaidOfWhatIsNotThere) {
  app_.interpreter = "node";
  parts_ = {};
  EXPECT_FALSE(WantsPipe(app_, parts_));
  EXPECT_THAT(Added({"NODE_OPTIONS=x"}), ElementsAre("NODE_OPTIONS=x"));
}

TEST(NodeOptions, QuotesThePreloadAndKeepsWhatTheUserHas) {
  EXPECT_EQ(NodeOptions("/a/p.cjs", ""), "--require \"/a/p.cjs\"");
  EXPECT_EQ(NodeOptions("/a b/\"q\\.cjs", "--inspect"),
            "--require \"/a b/\\\"q\\\\.cjs\" --inspect");
}

}  // namespace
}  // namespace tend::config
