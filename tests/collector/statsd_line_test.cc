#include "collector/statsd_line.h"

#include <string>

#include <gtest/gtest.h>

namespace tend::collector {
namespace {

using Kind = CustomValue::Kind;

std::vector<CustomValue> Parse(std::string_view line) {
  std::vector<CustomValue> values;
  EXPECT_TRUE(ParseStatsdLine(line, values)) << line;
  return values;
}

CustomValue Value(Kind kind, double value, double weight = 1) {
  return {kind, "x", value, weight, ""};
}

struct StatsdLine {
  const char* text;
  CustomValue value;
};

class GoodLine : public ::testing::TestWithParam<StatsdLine> {};

TEST_P(GoodLine, IsRead) {
  EXPECT_EQ(Parse(GetParam().text), std::vector{GetParam().value});
}

INSTANTIATE_TEST_SUITE_P(
    All,
    GoodLine,
    ::testing::Values(StatsdLine{"x:1|c", Value(Kind::kCount, 1)},
                      StatsdLine{"x:3|c|@0.5", Value(Kind::kCount, 6)},
                      StatsdLine{"x:3|c|#a:b,c|@0.5", Value(Kind::kCount, 6)},
                      StatsdLine{"x:1|c|#tags:are,passed|c:over\r", Value(Kind::kCount, 1)},
                      StatsdLine{"x:21.5|g", Value(Kind::kLevel, 21.5)},
                      StatsdLine{"x:+2|g", Value(Kind::kChange, 2)},
                      StatsdLine{"x:-2|g", Value(Kind::kChange, -2)},
                      StatsdLine{"x:12|ms", Value(Kind::kTiming, 0.012)},
                      StatsdLine{"x:12|ms|@0.25", Value(Kind::kTiming, 0.012, 4)},
                      StatsdLine{"x:300|h", Value(Kind::kSample, 300)},
                      StatsdLine{"x:3e2|d", Value(Kind::kSample, 300)},
                      StatsdLine{" x :1|c", Value(Kind::kCount, 1)}));

TEST(StatsdLine, HasSeveralValues) {
  const auto values = Parse("x:1:2:3|ms");
  ASSERT_EQ(values.size(), 3u);
  EXPECT_DOUBLE_EQ(values[2].value, 0.003);
}

class BadLine : public ::testing::TestWithParam<std::string> {};

TEST_P(BadLine, IsRefusedAsAWhole) {
  std::vector<CustomValue> values;
  EXPECT_FALSE(ParseStatsdLine(GetParam(), values));
  EXPECT_TRUE(values.empty());
}

INSTANTIATE_TEST_SUITE_P(All,
                         BadLine,
                         ::testing::Values("",
                                           "x",
                                           "x:",
                                           "x:1",
                                           "x:1|",
                                           "x:|c",
                                           ":1|c",
                                           " :1|c",
                                           "x:one|c",
                                           "x:1x|c",
                                           "x:nan|g",
                                           "x:inf|g",
                                           "x:++1|g",
                                           "x:1e16|g",
                                           "x:-1|c",
                                           "x:-1|ms",
                                           "x:-1|h",
                                           "x:1|s",
                                           "x:1|C",
                                           "x:1|c|@0",
                                           "x:1|c|@2",
                                           "x:1|c|@",
                                           "x:1:two|c",
                                           "x:1|c|#" + std::string(kStatsdLineMax, 't')));

TEST(StatsdLine, RefusesMoreValuesThanItTakes) {
  std::string line = "x";
  for (std::size_t i = 0; i <= kStatsdValuesMax; ++i)
    line += ":1";
  std::vector<CustomValue> values;
  EXPECT_FALSE(ParseStatsdLine(line + "|c", values));
  EXPECT_TRUE(values.empty());
}

TEST(StatsdLine, MakesNamesFitForALabel) {
  EXPECT_EQ(Parse("a\tb\xff\xc3\xa4:1|c").at(0).name, "a_b_\xc3\xa4");
  EXPECT_EQ(Parse(std::string(500, 'n') + ":1|c").at(0).name, std::string(kCustomNameMax, 'n'));
  EXPECT_EQ(CustomName(std::string(127, 'n') + "\xc3\xa4"), std::string(127, 'n'))
      << "no half character";
}

}  // namespace
}  // namespace tend::collector
