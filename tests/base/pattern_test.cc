#include "base/pattern.h"

#include <gtest/gtest.h>

namespace tend {
namespace {

std::string RequiredOf(const std::string& pattern, bool ignore_case = false) {
  const auto compiled = Pattern::Compile(pattern, {.ignore_case = ignore_case});
  EXPECT_TRUE(compiled) << pattern;
  return compiled ? compiled->RequiredText() : "no pattern";
}

TEST(Pattern, RequiredTextIsInEveryMatch) {
  EXPECT_EQ(RequiredOf("timeout"), "timeout");
  EXPECT_EQ(RequiredOf("^GET .*/login$"), "/login");
  EXPECT_EQ(RequiredOf("error.*(timeout|denied)"), "error");
  EXPECT_EQ(RequiredOf("(abc|abd)"), "");
  EXPECT_EQ(RequiredOf("[0-9]+"), "");
  EXPECT_EQ(RequiredOf(""), "");
  EXPECT_EQ(RequiredOf("(connection)?"), "");
  EXPECT_EQ(RequiredOf("TimeOut", true), "timeout");
}

// "K" ignoring case is the Kelvin sign as well, of which no ASCII search knows.
TEST(Pattern, RequiredTextHasNoLetterThatIsWrittenInOtherWays) {
  EXPECT_EQ(RequiredOf("backend", true), "bac");
  EXPECT_EQ(RequiredOf("status", true), "tatu");
  const auto backend = Pattern::Compile("backend", {.ignore_case = true});
  ASSERT_TRUE(backend);
  EXPECT_TRUE(
      backend->Matches("bac\xE2\x84\xAA"
                       "end"));
}

}  // namespace
}  // namespace tend
