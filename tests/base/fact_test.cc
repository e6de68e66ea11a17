#include "base/fact.h"

#include <gtest/gtest.h>

namespace tend {
namespace {

TEST(Fact, RoundTripsThroughJson) {
  Fact fact;
  fact.id = FactId::kWorkerExited;
  fact.time = Wall(std::chrono::seconds(1'700'000'000));
  fact.app = "api";
  fact.slot = 1;
  fact.fields = {{"code", "1"}, {"uptime", "2.1s"}};
  const auto back = FactFromJson(ToJson(fact));
  ASSERT_TRUE(back);
  EXPECT_EQ(back->id, fact.id);
  EXPECT_EQ(back->time, fact.time);
  EXPECT_EQ(back->app, "api");
  EXPECT_EQ(back->slot, 1);
  EXPECT_EQ(back->fields, fact.fields);
  EXPECT_EQ(Describe(*back), "worker_exited api:1 code=1 uptime=2.1s");
}

TEST(Fact, RefusesUnknownTypesAndJunk) {
  EXPECT_FALSE(FactFromJson("{\"type\":\"nonsense\"}"));
  EXPECT_FALSE(FactFromJson("nonsense"));
  EXPECT_FALSE(FactFromJson("[]"));
}

}  // namespace
}  // namespace tend
