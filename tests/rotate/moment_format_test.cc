#include "rotate/moment_format.h"

#include <stdlib.h>
#include <time.h>

#include <gtest/gtest.h>

#include "rotate/batches.h"

namespace tend::rotate {
namespace {

class MomentFormatTest : public ::testing::Test {
 protected:
  MomentFormatTest() { Zone("UTC0"); }
  ~MomentFormatTest() override {
    ::unsetenv("TZ");
    ::tzset();
  }
  static void Zone(const char* zone) {
    ::setenv("TZ", zone, 1);
    ::tzset();
  }
  // 2026-11-21T10:31:07.001234567Z, a Saturday.
  static std::string Of(std::string_view format, Wall time = At(0, 1234567)) {
    std::string out;
    MomentFormat(format).Append(time, out);
    return out;
  }
};

TEST_F(MomentFormatTest, WhatPm2UsersWrite) {
  EXPECT_EQ(Of("YYYY-MM-DD HH:mm:ss"), "2026-11-21 10:31:07");
  EXPECT_EQ(Of("YYYY-MM-DDTHH:mm:ss"), "2026-11-21T10:31:07");
  EXPECT_EQ(Of("YYYY-MM-DD HH:mm Z"), "2026-11-21 10:31 +00:00");
  EXPECT_EQ(Of("DD-MM-YYYY HH:mm:ss.SSS"), "21-11-2026 10:31:07.001");
  EXPECT_EQ(Of("MMM D, YYYY h:mm A"), "Nov 21, 2026 10:31 AM");
  EXPECT_EQ(Of("[at] x"), "at 1795257067001");
}

TEST_F(MomentFormatTest, EveryToken) {
  EXPECT_EQ(Of("YY Q M Mo MMMM DDD DDDD Do d do dd ddd dddd E"),
            "26 4 11 11th November 325 325 21st 6 6th Sa Sat Saturday 6");
  EXPECT_EQ(Of("H h hh k kk m s a S SSSSSS SSSSSSSSSS ZZ X"),
            "10 10 10 10 10 31 7 am 0 001234 0012345670 +0000 1795257067");
  EXPECT_EQ(Of("LT|LTS|L|LL|LLL|LLLL"),
            "10:31 AM|10:31:07 AM|11/21/2026|November 21, 2026|November 21, 2026 10:31 AM|"
            "Saturday, November 21, 2026 10:31 AM");
}

TEST_F(MomentFormatTest, MidnightAndOrdinals) {
  const auto midnight = ParseTime("2026-03-02T00:05:00Z");
  ASSERT_TRUE(midnight);
  EXPECT_EQ(Of("h hh H k kk A Do Mo D", *midnight), "12 12 0 24 24 AM 2nd 3rd 2");
  const auto noon = ParseTime("2026-01-13T12:00:00Z");
  ASSERT_TRUE(noon);
  EXPECT_EQ(Of("h A Do DDDD", *noon), "12 PM 13th 013");
}

TEST_F(MomentFormatTest, IsLocalTime) {
  Zone("IST-5:30");
  EXPECT_EQ(Of("HH:mm Z ZZ"), "16:01 +05:30 +0530");
  Zone("NST3:30");
  EXPECT_EQ(Of("HH:mm Z"), "07:01 -03:30");
}

TEST_F(MomentFormatTest, OddFormatsAreText) {
  EXPECT_EQ(Of(""), "");
  EXPECT_EQ(Of("[open"), "[open");
  EXPECT_EQ(Of("%\xff!"), "%\xff!");
  EXPECT_EQ(Of("[]"), "");
}

}  // namespace
}  // namespace tend::rotate
