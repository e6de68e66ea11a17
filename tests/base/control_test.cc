#include "base/control.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace tend {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

std::vector<Selectable> Apps() {
  return {
      {"api", "default", {{0, 0}, {1, 1}}}, {"web", "front", {{0, 2}}}, {"7", "front", {{0, 3}}}};
}

TEST(Select, TakesAnAppByName) {
  EXPECT_THAT(Select("api", Apps()), ElementsAre(Selected{"api", -1}));
}

TEST(Select, TakesOneWorkerByNameAndSlot) {
  EXPECT_THAT(Select("api:1", Apps()), ElementsAre(Selected{"api", 1}));
  EXPECT_THAT(Select("api:2", Apps()), IsEmpty());
  EXPECT_THAT(Select("api:x", Apps()), IsEmpty());
}

TEST(Select, TakesPm2sNumberUnlessAnAppHasThatName) {
  EXPECT_THAT(Select("2", Apps()), ElementsAre(Selected{"web", 0}));
  EXPECT_THAT(Select("7", Apps()), ElementsAre(Selected{"7", -1}));
  EXPECT_THAT(Select("99", Apps()), IsEmpty());
}

TEST(Select, TakesAllGlobsAndNamespaces) {
  EXPECT_EQ(Select("all", Apps()).size(), 3u);
  EXPECT_THAT(Select("@front", Apps()), ElementsAre(Selected{"web", -1}, Selected{"7", -1}));
  EXPECT_THAT(Select("[aw]*", Apps()), ElementsAre(Selected{"api", -1}, Selected{"web", -1}));
  EXPECT_THAT(Select("nothing*", Apps()), IsEmpty());
  EXPECT_THAT(Select("", Apps()), IsEmpty());
}

TEST(DidYouMean, FindsTheNearestWord) {
  EXPECT_EQ(DidYouMean("wbe", {"api", "web", "worker"}), "web");
  EXPECT_EQ(DidYouMean("instnaces", {"instances", "interpreter"}), "instances");
  EXPECT_EQ(DidYouMean("lst", {"list", "logs"}), "list");
}

TEST(DidYouMean, SaysNothingWhereNothingIsNear) {
  EXPECT_EQ(DidYouMean("xyzzy", {"api", "web"}), "");
  EXPECT_EQ(DidYouMean("", {"a"}), "");
  EXPECT_EQ(DidYouMean(std::string(100000, 'a'), {"api"}), "");
}

}  // namespace
}  // namespace tend
