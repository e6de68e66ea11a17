#include "supervisor/sidecar/outbound.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "rotate/temp_folder.h"
#include "support/fake_loop.h"

namespace tend::supervisor {
namespace {

class OutboundTest : public testing::Test {
 protected:
  void Put(const std::string& name, const std::string& content) {
    folder_.Put("export/" + name, content);
  }
  std::string Content(const std::string& name) { return folder_.Content("export/" + name); }
  // Names of what lies beside each other after a start.
  std::vector<std::string> Start() {
    FakeLoop loop;
    Outbound::Options options;
    options.state = folder_.path();
    options.logs = folder_.At("logs");
    Outbound outbound(loop, FilesLinux(), std::move(options));
    outbound.Start();
    outbound.Stop({});
    return folder_.Names("export");
  }
  rotate::TempFolder folder_;
};

TEST_F(OutboundTest, RemovesOnlyWritesThatWereCutOff) {
  for (const char* name : {"loki.positions", "gone.positions", "loki.positions.damaged", "loki",
                           "old.json.damaged", "loki.positions.tmp", "old.json.tmp"})
    Put(name, "");
  EXPECT_THAT(Start(), testing::ElementsAre("gone.positions", "loki", "loki.positions",
                                            "loki.positions.damaged", "old.json.damaged"));
}

TEST_F(OutboundTest, TakesOverPositionsOfAnEarlierVersion) {
  Put("loki.json", "how far");
  Put("both.json", "older");
  Put("both.positions", "newer");
  EXPECT_THAT(Start(), testing::ElementsAre("both.json", "both.positions", "loki.positions"));
  EXPECT_EQ(Content("loki.positions"), "how far");
  EXPECT_EQ(Content("both.positions"), "newer");
}

}  // namespace
}  // namespace tend::supervisor
