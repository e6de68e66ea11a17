#include "exporter/custom_series.h"

#include <chrono>
#include <map>
#include <string>

#include <gtest/gtest.h>

namespace tend::exporter {
namespace {

using Kind = CustomValue::Kind;

// Takes all counters, then gives them back.
struct Keeper {
  template <typename Number>
  void operator()(const std::string& name, Number& number) {
    if (gives) {
      number = static_cast<Number>(kept.at(name));
    } else {
      kept[name] = static_cast<double>(number);
    }
  }
  void operator()(const std::string& sum, double& a, const std::string& count, double& b) {
    (*this)(sum, a);
    (*this)(count, b);
  }

  bool gives = false;
  std::map<std::string, double> kept;
};

class CustomSeriesTest : public ::testing::Test {
 protected:
  void Add(Kind kind, const std::string& name, double value, std::uint64_t incarnation = 1) {
    series_.Add(incarnation, {{kind, name, value, 1, ""}}, 0, now_);
  }
  CustomNumbers View(std::uint64_t incarnation = 1) { return series_.View(incarnation, now_); }

  CustomSeries series_;
  Mono now_ = Mono(std::chrono::hours(1));
};

TEST_F(CustomSeriesTest, LevelsAreSetAndChanged) {
  series_.Add(1, {{Kind::kLevel, "temp", 20, 1, "C"}, {Kind::kChange, "queue", 3, 1, ""}}, 0, now_);
  Add(Kind::kChange, "queue", -1);
  const CustomNumbers view = View();
  ASSERT_EQ(view.levels.size(), 2u);
  EXPECT_EQ(view.levels[0].name, "queue");
  EXPECT_EQ(view.levels[0].value, 2);
  EXPECT_EQ(view.levels[1].value, 20);
  EXPECT_EQ(view.levels[1].unit, "C");
}

TEST_F(CustomSeriesTest, LevelsEndWithTheirProcessAndCountsDoNot) {
  Add(Kind::kLevel, "temp", 20);
  Add(Kind::kCount, "requests", 5);
  EXPECT_TRUE(View(0).levels.empty()) << "none runs";
  EXPECT_TRUE(View(2).levels.empty()) << "the next one has not said any";
  EXPECT_EQ(View(2).counts.at(0).second, 5);
  Add(Kind::kCount, "requests", 1, 2);
  EXPECT_TRUE(View(2).levels.empty());
  EXPECT_EQ(View(2).counts.at(0).second, 6);
  Add(Kind::kLevel, "temp", 99, 1);
  EXPECT_TRUE(View(2).levels.empty()) << "a late word of the one before";
}

TEST_F(CustomSeriesTest, ASuccessorThatSpokeAndFailedEndsNoLevels) {
  Add(Kind::kLevel, "temp", 20);
  Add(Kind::kLevel, "temp", 30, 2);
  Add(Kind::kChange, "temp", 1);
  ASSERT_EQ(View().levels.size(), 1u);
  EXPECT_EQ(View().levels[0].value, 21);
  EXPECT_EQ(View(2).levels.at(0).value, 30);
}

TEST_F(CustomSeriesTest, TimingsHaveSumCountAndQuantilesOfTheLastMinute) {
  for (int i = 1; i <= 100; ++i)
    Add(Kind::kTiming, "query", i / 1000.0);
  const auto view = View().timings.at(0);
  EXPECT_EQ(view.count, 100);
  EXPECT_NEAR(view.sum, 5.05, 1e-9);
  EXPECT_GE(view.p50, 0.050);
  EXPECT_LE(view.p50, 0.060);
  EXPECT_GE(view.p99, 0.099);
  EXPECT_LE(view.p99, 0.100) << "never more than the largest";
  now_ += std::chrono::seconds(70);
  EXPECT_FALSE(View().timings.at(0).p50);
  EXPECT_EQ(View().timings.at(0).count, 100);
}

TEST_F(CustomSeriesTest, AWeightStandsForManyWithoutOverflow) {
  for (int i = 0; i < 10; ++i)
    series_.Add(1, {{Kind::kSample, "size", 1e12, 1e9, ""}}, 0, now_);
  EXPECT_EQ(View().samples.at(0).count, 1e10);
  EXPECT_EQ(View().samples.at(0).p99, 1e12);
  Add(Kind::kSample, "none", 0);
  EXPECT_EQ(View().samples.at(0).p50, 0);
}

TEST_F(CustomSeriesTest, NamesAreBoundedAndTheRestIsCounted) {
  for (std::size_t i = 0; i < kCustomNamesMax + 7; ++i)
    Add(i % 2 == 0 ? Kind::kCount : Kind::kLevel, "n" + std::to_string(i), 1);
  EXPECT_EQ(View().counts.size() + View().levels.size(), kCustomNamesMax);
  EXPECT_EQ(View().refused, 7u);
  series_.Add(1, {}, 3, now_);
  EXPECT_EQ(View().refused, 10u);
  Add(Kind::kCount, "n0", 1);
  EXPECT_EQ(View().refused, 10u) << "what is known goes on";
}

TEST_F(CustomSeriesTest, CountersGoOnInANewOne) {
  Add(Kind::kCount, "requests", 5);
  Add(Kind::kTiming, "a query", 2);
  Add(Kind::kSample, "size", 7);
  series_.Add(1, {}, 3, now_);
  Keeper keeper;
  series_.Counters(keeper);
  CustomSeries next;
  for (const auto& [name, number] : keeper.kept)
    EXPECT_TRUE(next.Expect(name)) << name;
  keeper.gives = true;
  next.Counters(keeper);
  const CustomNumbers view = next.View(0, now_);
  EXPECT_EQ(view.counts.at(0), (std::pair<std::string, double>("requests", 5)));
  EXPECT_EQ(view.timings.at(0).name, "a query");
  EXPECT_EQ(view.timings.at(0).sum, 2);
  EXPECT_EQ(view.samples.at(0).count, 1);
  EXPECT_EQ(view.refused, 3u);
  EXPECT_FALSE(next.Expect("lag_sum"));
  EXPECT_FALSE(next.Expect("count "));
}

}  // namespace
}  // namespace tend::exporter
