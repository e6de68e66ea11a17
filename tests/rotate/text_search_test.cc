#include "rotate/text_search.h"

#include <algorithm>
#include <cctype>
#include <random>

#include <gtest/gtest.h>

namespace tend::rotate {
namespace {

std::string Small(std::string text) {
  for (char& c : text)
    c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return text;
}

TEST(TextSearch, FindsWhatAPlainSearchFinds) {
  std::mt19937 random(7);
  const std::string letters = "abAB\n";
  const auto text = [&](std::size_t size) {
    std::string made(size, ' ');
    for (char& c : made)
      c = letters[random() % letters.size()];
    return made;
  };
  for (int i = 0; i < 20'000; ++i) {
    const std::string hay = text(random() % 40), needle = text(random() % 5);
    const std::size_t from = random() % 42;
    EXPECT_EQ(TextSearch(needle, false).Find(hay, from), hay.find(needle, from));
    EXPECT_EQ(TextSearch(needle, true).Find(hay, from), Small(hay).find(Small(needle), from));
  }
}

TEST(TextSearch, OnlyAsciiHasCapitals) {
  EXPECT_TRUE(TextSearch("TIME", true).IsIn("no tiMe"));
  EXPECT_FALSE(TextSearch("\xC3\xA9", true).IsIn("\xC3\x89"));
  EXPECT_TRUE(TextSearch("\xFF", true).IsIn("a\xFF"));
  EXPECT_FALSE(TextSearch("[", true).IsIn("{"));
}

}  // namespace
}  // namespace tend::rotate
