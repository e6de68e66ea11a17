#include "exporter/proc_text.h"

#include <gtest/gtest.h>

namespace tend::exporter {
namespace {

TEST(ProcText, FindsANumberByItsKey) {
  constexpr std::string_view kText =
      "VmHWM:\t  500 kB\nvoluntary_ctxt_switches:\t7\noom 1\noom_kill 3\n";
  EXPECT_EQ(NumberAt(kText, "VmHWM"), 500u);
  EXPECT_EQ(NumberAt(kText, "voluntary_ctxt_switches"), 7u);
  EXPECT_EQ(NumberAt(kText, "oom_kill"), 3u);
  EXPECT_EQ(NumberAt(kText, "oom"), 1u);
  EXPECT_FALSE(NumberAt(kText, "Vm"));
  EXPECT_FALSE(NumberAt(kText, "HWM"));
  EXPECT_FALSE(NumberAt("VmHWM:", "VmHWM"));
  EXPECT_FALSE(NumberAt("VmHWM: many", "VmHWM"));
  EXPECT_FALSE(NumberAt("", ""));
}

TEST(ProcText, TakesANumberOfALine) {
  EXPECT_EQ(NumberOfLine("12 34 56\n", 1), 34u);
  EXPECT_FALSE(NumberOfLine("12 34", 2));
  EXPECT_FALSE(NumberOfLine("", 0));
}

TEST(ProcText, UnlimitedDescriptorsAreNoNumber) {
  EXPECT_EQ(ParseMaxFds("Max cpu time unlimited\nMax open files   1024   4096 files\n"), 1024u);
  EXPECT_FALSE(ParseMaxFds("Max open files            unlimited            unlimited   files\n"));
  EXPECT_FALSE(ParseMaxFds(""));
}

TEST(ProcText, TakesTheUnifiedControlGroup) {
  EXPECT_EQ(ParseCgroup("12:cpu:/old\n0::/a/b\n"), "/a/b");
  EXPECT_EQ(ParseCgroup("12:cpu:/old\n"), "");
}

TEST(ProcText, TakesPressureOfSome) {
  EXPECT_EQ(ParsePressure("full avg10=0.00 total=9\nsome avg10=0.00 total=15\n"), 15u);
  EXPECT_FALSE(ParsePressure("some avg10=0.00\n"));
}

TEST(ProcText, ALinkToASocketHasItsInode) {
  EXPECT_EQ(ParseSocketInode("socket:[123]"), 123u);
  EXPECT_FALSE(ParseSocketInode("pipe:[123]"));
  EXPECT_FALSE(ParseSocketInode("socket:[]"));
}

}  // namespace
}  // namespace tend::exporter
