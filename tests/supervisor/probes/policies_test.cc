#include <gtest/gtest.h>

#include "supervisor/probes/health_policy.h"
#include "supervisor/probes/memory_policy.h"
#include "supervisor/probes/ready_line.h"
#include "supervisor/probes/stall_policy.h"

namespace tend::probes {
namespace {

using std::chrono::seconds;

constexpr Mono kStart{std::chrono::hours(1)};

config::HealthConfig EveryTenSeconds() {
  config::HealthConfig config;
  config.every = seconds(10);
  config.grace = seconds(30);
  config.failures = 3;
  return config;
}

TEST(HealthPolicy, NothingIsLookedAtInItsGrace) {
  const HealthPolicy policy(EveryTenSeconds(), kStart);
  EXPECT_EQ(policy.next(), kStart + seconds(30));
}

TEST(HealthPolicy, SoManyFailuresInARowAreSick) {
  HealthPolicy policy(EveryTenSeconds(), kStart);
  Mono now = kStart;
  const auto add = [&](Outcome outcome) {
    now += seconds(10);
    return policy.Add(outcome, now, now);
  };
  EXPECT_FALSE(add(Outcome::kGood).recovered);
  HealthChange change = add(Outcome::kBad);
  EXPECT_TRUE(change.failing && !change.sick);
  change = add(Outcome::kBad);
  EXPECT_FALSE(change.failing || change.sick);
  EXPECT_TRUE(add(Outcome::kGood).recovered);
  EXPECT_TRUE(add(Outcome::kBad).failing);
  EXPECT_FALSE(add(Outcome::kBad).sick);
  EXPECT_FALSE(add(Outcome::kUnknown).sick);
  EXPECT_TRUE(add(Outcome::kBad).sick);
  EXPECT_EQ(policy.failures(), 3u);
  // Whoever should have acted may not have heard it.
  EXPECT_FALSE(add(Outcome::kBad).sick);
  EXPECT_FALSE(add(Outcome::kBad).sick);
  EXPECT_TRUE(add(Outcome::kBad).sick);
}

TEST(HealthPolicy, OneFailureMayBeEnough) {
  config::HealthConfig config = EveryTenSeconds();
  config.failures = 1;
  HealthPolicy policy(config, kStart);
  const HealthChange change = policy.Add(Outcome::kBad, kStart, kStart);
  EXPECT_TRUE(change.failing && change.sick);
}

TEST(HealthPolicy, TheNextCheckIsCountedFromTheBeginOfTheLast) {
  HealthPolicy policy(EveryTenSeconds(), kStart);
  policy.Add(Outcome::kGood, kStart, kStart + seconds(2));
  EXPECT_EQ(policy.next(), kStart + seconds(10));
  policy.Add(Outcome::kGood, kStart, kStart + seconds(25));
  EXPECT_EQ(policy.next(), kStart + seconds(25));
}

TEST(MemoryPolicy, TwoSamplesInARowAreTooMuchOnce) {
  MemoryPolicy policy;
  Mono now = kStart;
  const auto add = [&](std::uint64_t bytes) {
    now += MemoryPolicy::kEvery;
    return policy.Add(bytes, 100, now);
  };
  using Change = MemoryPolicy::Change;
  EXPECT_EQ(add(101), Change::kNone);
  EXPECT_EQ(add(100), Change::kNone);  // as much as it may
  EXPECT_EQ(add(101), Change::kNone);
  EXPECT_EQ(add(200), Change::kAbove);
  for (int second = 1; second < 60; ++second)
    EXPECT_EQ(add(200), Change::kNone);
  EXPECT_EQ(add(200), Change::kStillAbove);
  EXPECT_EQ(add(50), Change::kNone);
  EXPECT_EQ(add(200), Change::kNone);
  EXPECT_EQ(add(200), Change::kAbove);
}

class Stalls : public testing::Test {
 protected:
  // Looks once a second; true if one of them said so.
  bool Pass(int count) {
    bool stalled = false;
    for (int i = 0; i < count; ++i)
      stalled = policy_.Look(now_ += StallPolicy::kEvery) || stalled;
    return stalled;
  }

  Mono now_ = kStart;
  StallPolicy policy_{seconds(10), kStart + seconds(30)};
};

TEST_F(Stalls, OneThatNeverReportedDoesNotStandStill) {
  EXPECT_FALSE(Pass(300));
}

TEST_F(Stalls, SilenceAfterReportsDoes) {
  for (int i = 0; i < 40; ++i) {
    policy_.Reported(now_);
    EXPECT_FALSE(Pass(1));
  }
  EXPECT_FALSE(Pass(8));
  EXPECT_TRUE(Pass(1));
  EXPECT_FALSE(Pass(9));
  EXPECT_TRUE(Pass(1));
}

TEST_F(Stalls, NothingCountsInTheGrace) {
  policy_.Reported(now_);
  EXPECT_FALSE(Pass(29));
  EXPECT_TRUE(Pass(1));
}

TEST_F(Stalls, OurOwnStandstillIsNotTheirs) {
  policy_.Reported(now_ + seconds(60));
  now_ += seconds(60);
  EXPECT_FALSE(Pass(1));
  now_ += seconds(60);
  EXPECT_FALSE(Pass(9));
  policy_.Reported(now_);
  EXPECT_FALSE(Pass(9));
}

TEST(ReadyLine, AnyLineOfABatchMayBeIt) {
  RecordBatch batch;
  batch.bytes = "starting\nlistens on 3000\n";
  batch.lines = {{0, 8, kLineWhole}, {9, 15, kLineWhole}};
  const auto pattern = Pattern::Compile("^listens on \\d+$");
  ASSERT_TRUE(pattern);
  EXPECT_TRUE(AnyLineMatches(*pattern, batch));
  batch.lines.pop_back();
  EXPECT_FALSE(AnyLineMatches(*pattern, batch));
}

}  // namespace
}  // namespace tend::probes
