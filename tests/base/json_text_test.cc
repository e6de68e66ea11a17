#include "base/json_text.h"

#include <cstdio>
#include <random>

#include <gtest/gtest.h>

#include "base/utf8.h"

namespace tend {
namespace {

std::string Escaped(std::string_view text) {
  std::string out;
  AppendJsonEscaped(text, out);
  return out;
}

// The same, a byte after the other.
std::string Plainly(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const auto byte = static_cast<unsigned char>(text[0]);
    const std::size_t length = Utf8Length(text);
    if (text[0] == '"' || text[0] == '\\') {
      out.append(1, '\\').append(1, text[0]);
    } else if (text[0] == '\n' || text[0] == '\r' || text[0] == '\t') {
      out.append(1, '\\').append(1, text[0] == '\n' ? 'n' : text[0] == '\r' ? 'r' : 't');
    } else if (byte < 0x20 || byte == 0x7f) {
      char escape[8];
      std::snprintf(escape, sizeof escape, "\\u%04x", byte);
      out += escape;
    } else {
      out += length == 0 ? kReplacementCharacter : text.substr(0, length);
    }
    text.remove_prefix(length == 0 ? 1 : length);
  }
  return out;
}

TEST(JsonText, EscapesAndMendsWhatIsNoText) {
  EXPECT_EQ(Escaped(""), "");
  EXPECT_EQ(Escaped("as it is / ~"), "as it is / ~");
  EXPECT_EQ(Escaped(std::string_view("a\"b\\c\n\r\t\0\x1f\x7fz", 12)),
            "a\\\"b\\\\c\\n\\r\\t\\u0000\\u001f\\u007fz");
  EXPECT_EQ(Escaped("\xff\xc3\xa9\xf0\x9f\x98\x80\xe2\x82"),
            "\xef\xbf\xbd\xc3\xa9\xf0\x9f\x98\x80\xef\xbf\xbd\xef\xbf\xbd");
}

TEST(JsonText, AStringHasQuotesAndIsAppended) {
  std::string out = "{";
  AppendJsonString("a\"", out);
  EXPECT_EQ(out, "{\"a\\\"\"");
  EXPECT_EQ(Quoted(""), "\"\"");
  EXPECT_EQ(Quoted("a\n"), "\"a\\n\"");
}

TEST(JsonText, FindsEachByteWhereverItStands) {
  for (int byte = 0; byte < 256; ++byte) {
    for (std::size_t at = 0; at < 20; ++at) {
      std::string text(20, '~');
      text[at] = static_cast<char>(byte);
      EXPECT_EQ(Escaped(text), Plainly(text)) << byte << " at " << at;
    }
  }
}

TEST(JsonText, IsTheSameForAllMixtures) {
  constexpr std::string_view kPieces[] = {"a",    "plain text", "\"",  "\\", "\n",
                                          "\x01", "\x7f",       "é",   "€",  "😀",
                                          "\xff", "\xe2\x82",   "\xc3"};
  std::mt19937 random(7);
  for (int round = 0; round < 2000; ++round) {
    std::string text;
    for (auto n = random() % 20; n > 0; --n)
      text += kPieces[random() % std::size(kPieces)];
    ASSERT_EQ(Escaped(text), Plainly(text));
  }
}

}  // namespace
}  // namespace tend
