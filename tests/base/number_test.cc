#include "base/number.h"

#include <cstdint>

#include <gtest/gtest.h>

namespace tend {
namespace {

TEST(ParseNumber, TakesTheWholeTextOrNothing) {
  EXPECT_EQ(ParseNumber<int>("-17"), -17);
  EXPECT_EQ(ParseNumber<std::uint64_t>("18446744073709551615"), UINT64_MAX);
  EXPECT_EQ(ParseNumber<double>("2.5e3"), 2500);
  EXPECT_EQ(ParseNumber<int>("ff", 16), 255);
  for (const char* text : {"", " 1", "1 ", "+1", "1x", "x", "-", "0x1"})
    EXPECT_FALSE(ParseNumber<int>(text)) << text;
  EXPECT_FALSE(ParseNumber<int>(std::string_view()));
  EXPECT_FALSE(ParseNumber<double>(std::string_view()));
}

TEST(ParseNumber, RefusesWhatDoesNotFit) {
  EXPECT_FALSE(ParseNumber<std::uint16_t>("65536"));
  EXPECT_FALSE(ParseNumber<unsigned>("-1"));
  EXPECT_FALSE(ParseNumber<double>("1e999"));
}

TEST(TakeNumber, LeavesWhatIsBehindIt) {
  std::string_view text = "12.5ms";
  EXPECT_EQ(TakeNumber<double>(text), 12.5);
  EXPECT_EQ(text, "ms");
  EXPECT_FALSE(TakeNumber<int>(text));
  EXPECT_EQ(text, "ms");
}

}  // namespace
}  // namespace tend
