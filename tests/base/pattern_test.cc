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

TEST(Pattern, FindsWhereAMatchBegins) {
  const auto digits = Pattern::Compile("[0-9]+x");
  ASSERT_TRUE(digits);
  EXPECT_EQ(digits->Find("a 1 22x 3x", 0), 4u);
  EXPECT_EQ(digits->Find("a 1 22x 3x", 6), 8u);
  EXPECT_EQ(digits->Find("a 1 22x 3x", 9), std::string_view::npos);
  EXPECT_EQ(digits->Find("", 0), std::string_view::npos);
}

TEST(Pattern, IsForBlocksUnlessItHasAnchors) {
  for (const char* pattern : {"^a", "a$", "(?m)a$|b", "x\\z", "\\Aa", "(a|^b)", "[$]"}) {
    EXPECT_FALSE(Pattern::Compile(pattern)->ForBlocks()) << pattern;
  }
  for (const char* pattern : {"", "a", "[^a]b", "\\$5\\^", "\\bword\\b", "a.*b", "\\\\"}) {
    EXPECT_TRUE(Pattern::Compile(pattern)->ForBlocks()) << pattern;
  }
}

TEST(Pattern, ForBlocksStaysWithinALine) {
  for (const char* pattern : {"b[^x]*y", "(?s)b.*y", "b\\s*y", "b\\W*y"}) {
    EXPECT_TRUE(Pattern::Compile(pattern)->Matches("a b\n y")) << pattern;
    const auto within = Pattern::Compile(pattern)->ForBlocks();
    ASSERT_TRUE(within) << pattern;
    EXPECT_EQ(within->Find("a b\n y", 0), std::string_view::npos) << pattern;
    EXPECT_EQ(within->Find("a b\nby\n y", 0), 4u) << pattern;
  }
}

}  // namespace
}  // namespace tend
