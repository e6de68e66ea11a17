#include "supervisor/sidecar/saved_patterns.h"

#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "base/check.h"
#include "base/files.h"

namespace tend::supervisor {
namespace {

using Patterns = std::vector<std::string>;

class SavedPatternsTest : public ::testing::Test {
 protected:
  SavedPatternsTest() { TEND_CHECK(::mkdtemp(folder_.data()) != nullptr); }
  ~SavedPatternsTest() override { std::filesystem::remove_all(folder_); }
  std::string folder_ = testing::TempDir() + "patterns-XXXXXX";
};

TEST_F(SavedPatternsTest, ComeBack) {
  const Patterns patterns = {"sk_live_\\w+", "a\nb", "\"x\""};
  ASSERT_TRUE(SavePatterns(folder_, "api", patterns));
  EXPECT_EQ(LoadPatterns(folder_, "api"), patterns);
  EXPECT_EQ(LoadPatterns(folder_, "web"), Patterns{});
  ASSERT_TRUE(SavePatterns(folder_, "api", {}));
  ASSERT_TRUE(SavePatterns(folder_, "api", {}));
  EXPECT_EQ(LoadPatterns(folder_, "api"), Patterns{});
}

TEST_F(SavedPatternsTest, WhatCannotBeReadHidesEverything) {
  ASSERT_TRUE(SavePatterns(folder_, "api", {"secret"}));
  std::string path;
  for (const auto& entry : std::filesystem::directory_iterator(folder_))
    path = entry.path();
  std::filesystem::resize_file(path, 3);
  EXPECT_EQ(LoadPatterns(folder_, "api"), Patterns{"(?s).+"});
}

}  // namespace
}  // namespace tend::supervisor
