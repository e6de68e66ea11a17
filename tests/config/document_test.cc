#include "config/document.h"

#include <random>

#include <gtest/gtest.h>

namespace tend::config {
namespace {

TEST(Document, KnowsWhereEachKeyAndValueStands) {
  const Parsed parsed = ParseYaml("apps:\n  - name: web\n    instances: 4\n");
  ASSERT_TRUE(parsed.ok) << parsed.error.message;
  const Member& instances = parsed.value.members[0].value.items[0].members[1];
  EXPECT_EQ(instances.key, "instances");
  EXPECT_EQ(instances.mark.line, 3);
  EXPECT_EQ(instances.mark.column, 5);
  EXPECT_EQ(instances.value.mark.column, 16);
  EXPECT_EQ(instances.value.kind, Value::Kind::kNumber);
}

TEST(Document, QuotedScalarsAreStringsAndPlainOnesWhatTheyLookLike) {
  const Parsed parsed = ParseYaml("[true, 'true', 3, \"3\", 1.5, ~, no, 0x10]");
  ASSERT_TRUE(parsed.ok);
  using enum Value::Kind;
  const Value::Kind expected[] = {kBool,   kString, kNumber, kString,
                                  kNumber, kNull,   kString, kString};
  ASSERT_EQ(parsed.value.items.size(), std::size(expected));
  for (std::size_t i = 0; i < std::size(expected); ++i) {
    EXPECT_EQ(parsed.value.items[i].kind, expected[i]) << i;
  }
}

TEST(Document, ReadsJsonThroughYaml) {
  const Parsed parsed = ParseYaml(R"({"apps": [{"name": "a\"b", "x": null}]})");
  ASSERT_TRUE(parsed.ok);
  EXPECT_EQ(ToJsonText(parsed.value), R"({"apps":[{"name":"a\"b","x":null}]})");
}

TEST(Document, AliasesAreCopiedAndMergeKeysFillWhatIsMissing) {
  const Parsed parsed = ParseYaml("base: &b {a: 1, c: 2}\nx:\n  <<: *b\n  a: 5\ny: *b\n");
  ASSERT_TRUE(parsed.ok) << parsed.error.message;
  EXPECT_EQ(ToJsonText(*parsed.value.Find("x")), R"({"a":5,"c":2})");
  EXPECT_EQ(ToJsonText(*parsed.value.Find("y")), R"({"a":1,"c":2})");
}

TEST(Document, SyntaxErrorsHaveAPlace) {
  for (const char* text : {"a: [1, 2\nb: 3\n", "a: 'unclosed\n", "a: 'it''\n", "a: \"b\\\"",
                           "\xef\xbb\xbf"
                           "a: 'b",
                           "a:\n\t- b\n", "a: b: c\n"}) {
    const Parsed parsed = ParseYaml(text);
    EXPECT_FALSE(parsed.ok) << text;
    EXPECT_FALSE(parsed.error.message.empty());
    EXPECT_GT(parsed.error.mark.line, 0) << text;
  }
  for (const char* text : {"a: ''", "a: 'it''s' # c", "a: \"\\\"\"",
                           "\xef\xbb\xbf"
                           "a: 'b'",
                           "'a': b"}) {
    EXPECT_TRUE(ParseYaml(text).ok) << text;
  }
}

TEST(Document, AnAliasBombIsRefused) {
  std::string text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n";
  for (int i = 1; i < 12; ++i) {
    text += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [";
    for (int j = 0; j < 10; ++j)
      text += "*a" + std::to_string(i - 1) + ", ";
    text += "x]\n";
  }
  const Parsed parsed = ParseYaml(text);
  EXPECT_FALSE(parsed.ok);
  EXPECT_NE(parsed.error.message.find("no configuration"), std::string::npos);
}

TEST(Document, AnAliasInsideOfItsAnchorIsRefused) {
  EXPECT_FALSE(ParseYaml("a: &a [1, *a]\n").ok);
  EXPECT_FALSE(ParseYaml("&a {b: *a}\n").ok);
}

TEST(Document, DeepNestingIsRefused) {
  EXPECT_FALSE(ParseYaml(std::string(5000, '[')).ok);
  EXPECT_FALSE(ParseYaml(std::string(100, '[') + std::string(100, ']')).ok);
  EXPECT_TRUE(ParseYaml(std::string(50, '[') + std::string(50, ']')).ok);
  EXPECT_FALSE(ParseJson(std::string(5000, '[')).ok);
}

TEST(Document, FindsKeysInJavaScriptSourceInTheirOrder) {
  const char* source =
      "module.exports = {\n"
      "  apps: [{\n"
      "    name: 'a',\n"
      "    'max_restarts': 3,\n"
      "  }, {\n"
      "    name: 'b', hidden,\n"
      "  }]\n"
      "}\n";
  Parsed parsed = ParseJson(R"({"apps":[{"name":"a","max_restarts":3},{"name":"b","hidden":1}]})");
  ASSERT_TRUE(parsed.ok);
  MarkFromSource(parsed.value, source);
  const Value& apps = *parsed.value.Find("apps");
  EXPECT_EQ(apps.items[0].members[1].mark.line, 4);
  EXPECT_EQ(apps.items[0].members[1].mark.column, 6);
  EXPECT_EQ(apps.items[1].members[0].mark.line, 6);
  EXPECT_EQ(apps.items[1].members[1].mark.line, 0);
  EXPECT_EQ(apps.items[1].mark.line, 6);
}

TEST(Document, JsonOfAnyBytesIsJson) {
  Value value;
  value.kind = Value::Kind::kString;
  value.text = "a\r\n\xff\x01";
  EXPECT_EQ(ToJsonText(value), "\"a\\r\\n\xef\xbf\xbd\\u0001\"");
}

TEST(Document, NumbersOfJavaScriptKeepTheirForm) {
  const Parsed parsed = ParseJson("[3, 3.0, 3.5, -1, 1e3]");
  ASSERT_TRUE(parsed.ok);
  EXPECT_EQ(ToJsonText(parsed.value), "[3,3,3.5,-1,1000]");
}

TEST(Document, RandomBytesNeverCrashTheReader) {
  std::mt19937 random(20261121);
  const std::string alphabet = "ab:-[]{},&*!|>'\"%@`#?~ \t\n\r\0\x01\xff\xc3\xa9<<0.";
  for (int round = 0; round < 3000; ++round) {
    std::string text;
    const std::size_t size = random() % 80;
    for (std::size_t i = 0; i < size; ++i)
      text += alphabet[random() % alphabet.size()];
    const Parsed yaml = ParseYaml(text);
    EXPECT_TRUE(yaml.ok || !yaml.error.message.empty());
    EXPECT_LE(ToJsonText(yaml.value).size(), 100'000u);
    const Parsed json = ParseJson(text);
    EXPECT_TRUE(json.ok || !json.error.message.empty());
  }
}

}  // namespace
}  // namespace tend::config
