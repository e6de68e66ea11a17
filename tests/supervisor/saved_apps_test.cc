#include "supervisor/saved_apps.h"

#include <stdlib.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>

namespace tend::supervisor {
namespace {

class SavedAppsTest : public testing::Test {
 protected:
  SavedAppsTest() {
    char name[] = "/tmp/tend-saved-XXXXXX";
    folder_ = ::mkdtemp(name);
  }
  ~SavedAppsTest() override { std::filesystem::remove_all(folder_); }
  std::string Path() const { return folder_ + "/apps.json"; }

  std::string folder_;
};

TEST_F(SavedAppsTest, GivesBackWhatWasWrittenForTheOwnerOnly) {
  SavedApps saved(FilesLinux(), Path());
  SavedApp api;
  api.config.name = "api \"x\"";
  api.config.env["SECRET"] = "s";
  api.stopped_slots = {1, 3};
  SavedApp web;
  web.config.name = "web";
  web.wanted = false;
  ASSERT_TRUE(saved.Write({api, web}));
  const auto loaded = saved.Load();
  EXPECT_EQ(loaded.damage, "");
  ASSERT_EQ(loaded.apps.size(), 2u);
  EXPECT_EQ(loaded.apps[0].config, api.config);
  EXPECT_EQ(loaded.apps[0].stopped_slots, (std::vector<int>{1, 3}));
  EXPECT_TRUE(loaded.apps[0].wanted);
  EXPECT_FALSE(loaded.apps[1].wanted);
  struct stat info {};
  ASSERT_EQ(::stat(Path().c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777u, 0600u);
}

TEST_F(SavedAppsTest, NoFileIsNoApps) {
  const auto loaded = SavedApps(FilesLinux(), Path()).Load();
  EXPECT_TRUE(loaded.apps.empty());
  EXPECT_EQ(loaded.damage, "");
}

TEST_F(SavedAppsTest, ADamagedFileIsSetAsideAndSaid) {
  for (const char* text : {"{\"apps\":", "[]", "{\"apps\":[3]}", ""}) {
    std::ofstream(Path()) << text;
    const auto loaded = SavedApps(FilesLinux(), Path()).Load();
    EXPECT_TRUE(loaded.apps.empty());
    EXPECT_NE(loaded.damage, "") << text;
  }
}

TEST_F(SavedAppsTest, OneBadAppDoesNotKeepTheOthersAway) {
  SavedApps saved(FilesLinux(), Path());
  SavedApp api;
  api.config.name = "api";
  ASSERT_TRUE(saved.Write({api}));
  std::string text = *ReadFile(FilesLinux(), Path(), 1 << 20);
  text.insert(text.rfind(']'), ",{\"config\":7}");
  std::ofstream(Path()) << text;
  const auto loaded = saved.Load();
  EXPECT_EQ(loaded.apps.size(), 1u);
  EXPECT_NE(loaded.damage, "");
}

}  // namespace
}  // namespace tend::supervisor
