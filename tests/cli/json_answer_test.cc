#include "cli/json_answer.h"

#include <gtest/gtest.h>

namespace tend::cli {
namespace {

constexpr std::string_view kText = R"({"text":"a\u001b[2J","whole":18446744073709551615,"below":-3,
  "part":2.5,"yes":true,"no":false,"nothing":null,"object":{"a":1,"b":2,"c":"x","d":-1},
  "list":[{"name":"one"},7,{"name":"two"}]})";

TEST(JsonAnswer, GivesWhatIsThere) {
  const auto answer = JsonAnswer::Parse(kText);
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->Text("text"), "a\x1b[2J");
  EXPECT_EQ(answer->Shown("text"), "a\\x1b[2J");
  EXPECT_EQ(answer->Count("whole"), UINT64_MAX);
  EXPECT_EQ(answer->Integer("below"), -3);
  EXPECT_EQ(answer->Number("part"), 2.5);
  EXPECT_EQ(answer->Number("below"), -3);
  EXPECT_TRUE(answer->IsTrue("yes"));
  EXPECT_TRUE(answer->Has("nothing"));
  ASSERT_TRUE(answer->Object("object"));
  EXPECT_EQ(answer->Object("object")->Sum(), 3u);
}

TEST(JsonAnswer, WhatIsAbsentOrOfAnotherKindIsEmpty) {
  const auto answer = JsonAnswer::Parse(kText);
  ASSERT_TRUE(answer);
  for (const char* key : {"absent", "nothing", "object"}) {
    EXPECT_EQ(answer->Text(key), "") << key;
    EXPECT_EQ(answer->Count(key), 0u) << key;
    EXPECT_EQ(answer->Number(key), 0) << key;
    EXPECT_FALSE(answer->Integer(key)) << key;
    EXPECT_FALSE(answer->IsTrue(key)) << key;
    EXPECT_FALSE(answer->Objects(key)) << key;
  }
  EXPECT_EQ(answer->Count("below"), 0u);
  EXPECT_EQ(answer->Count("part"), 0u);
  EXPECT_FALSE(answer->Integer("whole"));
  EXPECT_FALSE(answer->IsTrue("no"));
  EXPECT_FALSE(answer->Has("absent"));
  EXPECT_FALSE(answer->Object("list"));
}

TEST(JsonAnswer, ObjectsOfAListOutliveTheAnswer) {
  const auto list = JsonAnswer::ParseOrEmpty(kText).Objects("list");
  ASSERT_TRUE(list);
  ASSERT_EQ(list->size(), 2u);
  EXPECT_EQ(list->back().Text("name"), "two");
}

TEST(JsonAnswer, WhatIsNoObjectIsNone) {
  for (const char* text : {"", "{", "[1]", "7", "null", "{}x"}) {
    EXPECT_FALSE(JsonAnswer::Parse(text)) << text;
    EXPECT_FALSE(JsonAnswer::ParseOrEmpty(text).Has("a")) << text;
  }
}

}  // namespace
}  // namespace tend::cli
