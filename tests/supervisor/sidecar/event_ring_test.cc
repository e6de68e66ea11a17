#include "supervisor/sidecar/event_ring.h"

#include <gtest/gtest.h>

namespace tend::supervisor {
namespace {

Fact Numbered(int slot) {
  Fact fact;
  fact.id = FactId::kWorkerStarted;
  fact.app = "api";
  fact.slot = slot;
  return fact;
}

TEST(EventRing, GivesEachEventOnceInOrder) {
  EventRing ring;
  for (int i = 0; i < 5; ++i)
    ring.Add(Numbered(i));
  const auto first = ring.Read(0, 3);
  EXPECT_EQ(first.events.size(), 3u);
  const auto rest = ring.Read(first.next, 100);
  ASSERT_EQ(rest.events.size(), 2u);
  EXPECT_NE(rest.events[0].find("\"worker\":3"), std::string::npos);
  EXPECT_TRUE(ring.Read(rest.next, 100).events.empty());
}

TEST(EventRing, SaysHowManyALateReaderMissed) {
  EventRing ring;
  for (int i = 0; i < static_cast<int>(kEventsKept) + 7; ++i)
    ring.Add(Numbered(i));
  const auto batch = ring.Read(0, 1);
  EXPECT_EQ(batch.missed, 7u);
  EXPECT_NE(batch.events.at(0).find("\"worker\":7"), std::string::npos);
}

}  // namespace
}  // namespace tend::supervisor
