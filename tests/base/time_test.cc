#include "base/time.h"

#include <gtest/gtest.h>

namespace tend {
namespace {

using namespace std::chrono_literals;  // NOLINT(google-build-using-namespace)

Wall At(std::int64_t seconds, std::int64_t nanos = 0) {
  return Wall(std::chrono::seconds(seconds) + std::chrono::nanoseconds(nanos));
}

TEST(Rfc3339, HasNineDigitsAndReadsBack) {
  const Wall time = At(1795257067, 1234567);
  EXPECT_EQ(FormatRfc3339(time), "2026-11-21T10:31:07.001234567Z");
  EXPECT_EQ(*ParseTime("2026-11-21T10:31:07.001234567Z"), time);
}

TEST(Rfc3339, KnowsLeapDaysAndTimesBeforeTheEpoch) {
  EXPECT_EQ(FormatRfc3339(At(951782400)), "2000-02-29T00:00:00.000000000Z");
  EXPECT_EQ(FormatRfc3339(At(-1, 999'999'999)), "1969-12-31T23:59:59.999999999Z");
}

TEST(ParseTime, TakesOffsetsAndShortForms) {
  EXPECT_EQ(*ParseTime("2026-11-21T12:31:07+02:00"), At(1795257067));
  EXPECT_EQ(*ParseTime("2026-11-21 10:31:07"), At(1795257067));
  EXPECT_EQ(*ParseTime("2026-11-21 10:31"), At(1795257060));
  EXPECT_EQ(*ParseTime("2026-11-21"), At(1795219200));
  EXPECT_EQ(*ParseTime("2026-11-21T10:31:07.5Z"), At(1795257067, 500'000'000));
}

TEST(ParseTime, RefusesWhatIsNoTime) {
  for (const char* text : {"", "now", "2026", "2026-13-01", "2026-02-30", "2026-11-21T25:00:00Z",
                           "2026-11-21T10:31:07.Z", "2026-11-21T10:31:07Zjunk", "-026-11-21",
                           "2026-11-21T10:31:07+99:00", "9999-01-01"}) {
    EXPECT_FALSE(ParseTime(text)) << text;
  }
}

TEST(CompactTime, RoundTrips) {
  EXPECT_EQ(FormatCompact(At(1795257067)), "20261121T103107Z");
  EXPECT_EQ(*ParseCompact("20261121T103107Z"), At(1795257067));
  EXPECT_FALSE(ParseCompact("20261121T103107"));
  EXPECT_FALSE(ParseCompact("20261321T103107Z"));
}

TEST(Duration, ReadsUnitsAndFractions) {
  EXPECT_EQ(*ParseDuration("250ms"), 250ms);
  EXPECT_EQ(*ParseDuration("1.5h"), 90min);
  EXPECT_EQ(*ParseDuration("7d"), 168h);
  EXPECT_EQ(*ParseDuration("5"), 5s);
  EXPECT_EQ(*ParseDuration("1600", 1ms), 1600ms);
  for (const char* text : {"", "s", "-1s", "5x", "5 s", "1e300s", "99999999999d", "nan"}) {
    EXPECT_FALSE(ParseDuration(text)) << text;
  }
}

TEST(Duration, IsWrittenSoThatItReadsBack) {
  for (const auto duration : {0ns, 250'000'000ns, 5'000'000'000ns, 3'600'000'000'000ns}) {
    EXPECT_EQ(*ParseDuration(FormatDuration(duration)), duration);
  }
  EXPECT_EQ(FormatDuration(90s), "90s");
  EXPECT_EQ(FormatDuration(1h), "1h");
}

TEST(Size, UsesPowersOf1024) {
  EXPECT_EQ(*ParseSize("50M"), 50u << 20);
  EXPECT_EQ(*ParseSize("1.5G"), 1610612736u);
  EXPECT_EQ(*ParseSize("100"), 100u);
  EXPECT_EQ(*ParseSize("10MiB"), 10u << 20);
  EXPECT_EQ(*ParseSize("10mb"), 10u << 20);
  for (const char* text : {"", "M", "-1", "1X", "bananas", "1 M", "99999999999T", "inf"}) {
    EXPECT_FALSE(ParseSize(text)) << text;
  }
}

TEST(Size, IsWrittenSoThatItReadsBack) {
  for (const std::uint64_t bytes : {std::uint64_t{0}, std::uint64_t{1000}, std::uint64_t{1} << 20,
                                    std::uint64_t{3} << 30, std::uint64_t{1} << 40}) {
    EXPECT_EQ(*ParseSize(FormatSize(bytes)), bytes);
  }
  EXPECT_EQ(FormatSize(52428800), "50M");
}

}  // namespace
}  // namespace tend
