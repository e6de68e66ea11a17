#include "supervisor/sidecar/outbound.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "rotate/temp_folder.h"
#include "support/fake_loop.h"

namespace tend::supervisor {
namespace {

TEST(Outbound, KeepsPositionsAndRemovesWhatIsNone) {
  rotate::TempFolder folder;
  for (const char* name :
       {"loki.positions", "gone.positions", "loki.positions.damaged", "loki.positions.tmp", "loki"})
    folder.Put(std::string("export/") + name, "");
  FakeLoop loop;
  Outbound::Options options;
  options.state = folder.path();
  options.logs = folder.At("logs");
  Outbound outbound(loop, FilesLinux(), std::move(options));
  outbound.Start();
  outbound.Stop({});
  EXPECT_THAT(folder.Names("export"),
              testing::ElementsAre("gone.positions", "loki.positions", "loki.positions.damaged"));
}

}  // namespace
}  // namespace tend::supervisor
