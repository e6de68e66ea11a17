#include "supervisor/sidecar/segment_source.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "rotate/temp_folder.h"

namespace tend::supervisor {
namespace {

using testing::ElementsAre;

class SegmentSourceTest : public testing::Test {
 protected:
  rotate::TempFolder folder_;
  SegmentSource source_{FilesLinux(), folder_.path()};
};

TEST_F(SegmentSourceTest, EntriesHaveAllThatALineTells) {
  folder_.Put("api/api.log",
              "2026-11-21T10:31:07.000000001Z stderr P api:3 {\"level\":50,\"msg\":\"no\"}\n"
              "2026-11-21T10:31:08.000000000Z stdout F api:- plain\n");
  folder_.Put("a file", "");
  const auto apps = source_.Apps();
  ASSERT_TRUE(apps);
  EXPECT_THAT(*apps, ElementsAre("api"));
  const auto begin = source_.Begin("api");
  ASSERT_TRUE(begin);
  const auto behind = source_.Backlog("api", *begin);
  ASSERT_TRUE(behind);
  EXPECT_EQ(behind->entries, 2U);
  const auto chunk = source_.Read("api", *begin, 1 << 20);
  ASSERT_TRUE(chunk);
  ASSERT_EQ(chunk->entries.size(), 2U);
  const exporter::ShipEntry& first = chunk->entries[0];
  EXPECT_EQ(FormatRfc3339(first.time), "2026-11-21T10:31:07.000000001Z");
  EXPECT_EQ(FormatRfc3339(behind->oldest), "2026-11-21T10:31:07.000000001Z");
  EXPECT_EQ(first.stream, Stream::kStderr);
  EXPECT_EQ(first.flags, kLinePartial);
  EXPECT_EQ(first.slot, 3);
  EXPECT_EQ(first.level, "error");
  EXPECT_EQ(first.text, "{\"level\":50,\"msg\":\"no\"}");
  EXPECT_EQ(chunk->entries[1].slot, -1);
  EXPECT_EQ(chunk->entries[1].level, "");
  const auto rest = source_.Read("api", chunk->After(1), 1 << 20);
  ASSERT_TRUE(rest);
  ASSERT_EQ(rest->entries.size(), 1U);
  EXPECT_EQ(rest->entries[0].text, "plain");
  EXPECT_EQ(rest->end, chunk->end);
}

TEST_F(SegmentSourceTest, KnowsAnAppByTheNameThatIsKeptBesideItsLog) {
  folder_.Put("-acme-web/-acme-web.log", "2026-11-21T10:31:07Z stdout F -acme-web:0 a\n");
  folder_.Put("-acme-web/.app", "@acme/web");
  EXPECT_EQ(source_.NameOf("-acme-web"), "@acme/web") << "also before it was listed";
  const auto apps = source_.Apps();
  ASSERT_TRUE(apps);
  EXPECT_THAT(*apps, ElementsAre("-acme-web"));
  const auto chunk = source_.Read("-acme-web", {}, 100);
  ASSERT_TRUE(chunk);
  ASSERT_EQ(chunk->entries.size(), 1U);
  EXPECT_EQ(chunk->entries[0].slot, 0);
}

TEST_F(SegmentSourceTest, ALogThatIsGoneHasNothing) {
  folder_.Put("api/api.log", "2026-11-21T10:31:07.000000001Z stderr F api:3 a\n");
  ASSERT_TRUE(source_.Apps());
  std::filesystem::remove_all(folder_.At("api"));
  const auto apps = source_.Apps();
  ASSERT_TRUE(apps);
  EXPECT_TRUE(apps->empty());
  EXPECT_FALSE(source_.Read("api", {}, 100));
  EXPECT_FALSE(source_.Backlog("api", {}));
}

}  // namespace
}  // namespace tend::supervisor
